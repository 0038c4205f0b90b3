"""Figures made: each file complete, what is there drawn from again, equal runs to equal bytes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from small_figures import FIGURE_1, FIGURE_2, QUIET, draw

from mfact.core import Outcome
from mfact.errors import MfactError
from mfact.figures import figure_1, figure_2
from mfact.figures.made import Order, looked_up, made
from mfact.figures.names import PANELS, WHICH, panels_of, stem
from mfact.figures.page import document, page
from mfact.report.parts import text_of
from mfact.report.terminal import Look
from mfact.storage.either import read_either

FIGURES = {"1": FIGURE_1, "2": FIGURE_2}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("number", FIGURES)
def test_a_second_figure_is_drawn_from_the_runs_of_the_first_to_the_same_bytes(number, tmp_path):
    figure, panels = FIGURES[number], PANELS[number]
    first, told, wrote, done = draw(figure, panels, tmp_path)
    assert (told, done) == ([], list(figure.names(panels)))
    assert wrote == [*first.order.runs.values(), first.order.picture]
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    second, told, wrote, done = draw(figure, panels, tmp_path)
    assert (wrote, done) == ([first.order.picture], [])
    assert all("drawn from again" in text for text in told)
    assert second.kept == set(figure.names(panels))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_runs_that_are_done_again_give_the_same_picture(tmp_path):
    pictures = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        there, *_ = draw(FIGURE_2, "cd", folder, "png")
        pictures.append((folder / "figure-2cd.png").read_bytes())
        assert there.order.picture == str(folder / "figure-2cd.png")
    assert pictures[0] == pictures[1]


def test_a_panel_needs_its_own_runs_and_leaves_them_for_the_whole(tmp_path):
    *_, done = draw(FIGURE_2, "c", tmp_path)
    assert done == ["unbalanced"]
    assert names(tmp_path) == ["figure-2-unbalanced.run.h5", "figure-2c.svg"]
    *_, done = draw(FIGURE_2, "abcd", tmp_path)
    assert done == ["balanced"]
    assert "figure-2.svg" in names(tmp_path)


def test_the_files_hold_the_runs_that_are_drawn(tmp_path):
    there, *_ = draw(FIGURE_1, "ab", tmp_path)
    for name, path in there.order.runs.items():
        np.testing.assert_array_equal(read_either(path).U, there.runs[name].U)


def test_a_figure_that_a_signal_cuts_keeps_the_runs_before_and_is_not_drawn(tmp_path):
    order = Order(FIGURE_1, "ab", str(tmp_path), "svg")
    sought = looked_up(order, QUIET, lambda text: None)
    cut = made(sought, lambda each: each.carry_out() if each.name == "plain" else None,
               lambda path: None)  # fmt: skip
    assert cut is None
    assert names(tmp_path) == ["figure-1-plain.run.h5"]


def test_a_run_that_has_failed_is_an_error_and_is_not_kept(tmp_path):
    def failing(experiment):
        return dataclasses.replace(experiment.carry_out(), outcome=Outcome.FAULTY, message="no")

    sought = looked_up(Order(FIGURE_1, "ab", str(tmp_path), "svg"), QUIET, lambda text: None)
    with pytest.raises(MfactError, match="failed: the factors are not those of the last step: no"):
        made(sought, failing, lambda path: None)
    assert names(tmp_path) == []


def test_the_document_has_the_numbers_of_the_runs(tmp_path):
    figures = [draw(FIGURES[number], PANELS[number], tmp_path)[0] for number in FIGURES]
    one, two = document(figures)["figures"]
    for told, run in zip(one["runs"], figures[0].runs.values(), strict=True):
        ratio = run.trace["norm_ratio"]
        assert told["numbers"]["ratio"] == {
            "start": ratio[0], "least": ratio.min(), "largest": ratio.max(), "end": ratio[-1]
        }  # fmt: skip
        assert told["settings"]["step_size"]["value"] == 0.25
    for told, run in zip(two["runs"], figures[1].runs.values(), strict=True):
        assert told["numbers"]["norms"] == [run.trace[f"norm_{h}"][-1] for h in (1, 2, 3)]
        assert told["numbers"]["differences"] == [
            np.abs(run.trace[f"difference_{h}"]).max() for h in (1, 2)
        ]
        assert told["numbers"]["ratios_early"] is None  # there is no step 1000


def test_what_the_paper_prints_stands_beside_runs_of_its_length_alone(tmp_path):
    there, *_ = draw(FIGURE_2, "abcd", tmp_path)
    doc = document([there])
    assert "the paper " not in text_of(page(doc), Look(width=80))
    for run in doc["figures"][0]["runs"]:
        run["numbers"] |= {"iterations": figure_2.STEPS, "ratios_early": [1.25, 1.0]}
    text = text_of(page(doc), Look(width=80))
    for norms, _ in figure_2.PRINTED.values():
        assert all(f" {norm:.2f}" in text for norm in norms)
    assert "mfact help figures" in text
    assert max(map(len, text.splitlines())) <= 80


def test_every_panel_can_be_asked_for_and_has_a_name_of_its_own():
    assert WHICH == ("1", "2", "all", "1a", "1b", "2a", "2b", "2c", "2d")
    stems = [stem(number, some) for which in WHICH if which != "all"
             for number, some in panels_of(which).items()]  # fmt: skip
    assert len(set(stems)) == len(WHICH) - 1
    assert set(FIGURES) == set(PANELS) == {figure_1.NUMBER, figure_2.NUMBER}
