"""‖D‖, its drift and the ratio of the norms are drawn as the rows have them."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_runs import curves, marks, old, printed, random_subjects, same, subject
from hypothesis import given, settings

from mfact.pictures.balance import balance
from mfact.pictures.drawing import Band, Dots, Rule

KEYS = ("imbalance", "drift", "norm_ratio")
LABELS = ("‖D‖", "‖D − D₀‖", "‖U‖²/‖V‖²")


def rounding(run):
    """64 ε (‖U‖_F² + ‖V‖_F²): what a run allows for in D itself."""
    eps = np.finfo(run.U.dtype).eps
    return 64 * eps * (run.trace["size_U"] + run.trace["size_V"])


@settings(max_examples=30)
@given(random_subjects())
def test_all_three_are_drawn_bit_for_bit(one):
    run = one.run
    picture = balance([one])
    assert len(picture.panels) == 3
    for panel, key, label in zip(picture.panels, KEYS, LABELS, strict=True):
        truth = np.asarray(run.trace[key], float)
        if panel.y.log and key != "norm_ratio":
            truth = np.where(truth > rounding(run), truth, np.nan)
        mark = curves(panel)[label]
        if isinstance(mark, Dots):
            truth = truth[np.isfinite(truth)]
        assert same(mark.y, truth)
        assert panel.y.log or panel.y.least == 0.0
    assert printed(picture)


def test_equal_norms_are_marked():
    ratios = balance([subject("constant")]).panels[2]
    (rule,) = marks(ratios, Rule)
    assert (rule.axis, rule.at) == ("y", 1.0)


def test_sizes_that_are_far_apart_are_drawn_by_powers_of_ten_down_to_rounding():
    """The balanced objective takes D to 0."""
    one = subject("balanced")
    picture = balance([one])
    imbalances = picture.panels[0]
    (mark,) = curves(imbalances).values()
    assert imbalances.y.log
    assert np.nanmin(mark.y) > rounding(one.run).max() / 2
    assert np.any(one.run.trace["imbalance"] < rounding(one.run))
    assert picture.notes == ("norms of D and D − D₀ that are rounding are not drawn",)


@pytest.mark.parametrize("x", ["step", "flow-time", "passes"])
def test_one_run_needs_no_legend_and_seeds_have_one(x):
    assert not any(panel.legend for panel in balance([subject("constant")], x).panels)
    picture = balance([subject("direct", seed) for seed in (1, 2, 3)], x)
    assert [panel.legend for panel in picture.panels] == [True, False, False]
    assert all(len(marks(panel, Band)) == 1 for panel in picture.panels)


@pytest.mark.parametrize("name", ["none", "diverging", "endless"])
def test_runs_of_all_ends_are_drawn(name):
    assert printed(balance([subject(name)]))


def test_a_run_of_format_1_is_drawn():
    for panel, key in zip(balance([old()]).panels, KEYS, strict=True):
        (mark,) = curves(panel).values()
        assert same(mark.y, old().run.trace[key])
