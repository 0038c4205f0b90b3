"""data/figures/ holds the figures as they are drawn now."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from small_figures import FIGURE_2, runs_of

from mfact.figures.figure_1 import Figure1
from mfact.figures.figure_2 import Figure2, settings

FOLDER = Path(__file__).parents[2] / "data" / "figures"


def pictures():
    """The figures at full size, but for the numbers that Figure 2 shows."""
    one = Figure1()
    two = Figure2(settings()).picture(runs_of(FIGURE_2, "abcd"), "abcd")
    return {"figure-1.svg": one.picture(runs_of(one, "ab"), "ab"), "figure-2.svg": two}


def test_there_are_these_figures_and_nothing_else_and_they_are_small():
    assert sorted(path.name for path in FOLDER.iterdir()) == ["figure-1.svg", "figure-2.svg"]
    for path in FOLDER.iterdir():
        assert path.stat().st_size <= 150_000


@pytest.mark.parametrize("name", ["figure-1.svg", "figure-2.svg"])
def test_a_figure_says_in_its_words_what_is_drawn_now(name):
    root = ElementTree.parse(FOLDER / name).getroot()
    words = " ".join(" ".join(each.itertext()) for each in root.iter() if each.tag.endswith("text"))
    picture = pictures()[name]
    told = [picture.title, *picture.notes]
    for panel in picture.panels:
        told += [panel.title, panel.x.label, panel.y.label]
        told += [mark.label for mark in panel.marks]
    for each in told:  # a renderer may break a line at any blank
        assert "".join(each.split()) in "".join(words.split()), "`make figures` renews them"
