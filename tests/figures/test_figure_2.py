"""Figure 2: the paper's network and starts, and curves that are the columns of its runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_figures import FIGURE_2, QUIET, SMALL, lines, runs_of

from mfact.figures import figure_2
from mfact.figures.figure_2 import Figure2, settings
from mfact.pictures.drawing import Dash, Hue, Rule
from mfact.run.network.plan import begun


def test_the_curves_are_what_the_weights_themselves_give():
    runs = runs_of(FIGURE_2, "abcd")
    panels = FIGURE_2.picture(runs, "abcd").panels
    assert [panel.title[:3] for panel in panels] == ["(a)", "(b)", "(c)", "(d)"]
    for run, (difference, ratio) in zip(runs.values(), (panels[:2], panels[2:]), strict=True):
        norms = [
            [np.sum(W[f"W/{h}"].astype(float) ** 2) for h in (1, 2, 3)]
            for W in (run.start, run.weights)
        ]
        for h, (apart, share) in enumerate(zip(lines(difference), lines(ratio), strict=True), 1):
            np.testing.assert_array_equal(apart.x, run.trace["step"])
            np.testing.assert_array_equal(apart.y, np.abs(run.trace[f"difference_{h}"]))
            np.testing.assert_array_equal(share.y, run.trace[f"ratio_{h}"])
            for place, each in ((0, norms[0]), (-1, norms[1])):
                # sums of a few hundred squares of float32
                assert apart.y[place] == pytest.approx(
                    abs(each[h - 1] - each[h]), rel=1e-4, abs=1e-8
                )
                assert share.y[place] == pytest.approx(each[h - 1] / each[h], rel=1e-5)


@given(panels=st.sets(st.sampled_from("abcd"), min_size=1))
def test_only_the_runs_that_are_drawn_are_needed(panels):
    names = FIGURE_2.names("".join(sorted(panels)))
    assert ("balanced" in names) == bool(panels & set("ab"))
    assert ("unbalanced" in names) == bool(panels & set("cd"))


def test_the_panels_stand_in_one_row_red_and_blue_and_magnitudes_begin_at_0():
    picture = FIGURE_2.picture(runs_of(FIGURE_2, "abcd"), "abcd")
    assert [len(column) for column in picture.columns] == [1, 1, 1, 1]
    for place, panel in enumerate(picture.panels):
        assert [(each.pen.hue, each.pen.dash) for each in lines(panel)] == [
            (Hue.RED, Dash.SOLID), (Hue.BLUE, Dash.DASHED)]  # fmt: skip
        ones = [mark.at for mark in panel.marks if isinstance(mark, Rule)]
        assert ones == ([1.0] if place % 2 else [])
        assert place % 2 or panel.y.least == 0.0
        assert panel.x.label
        assert panel.y.label


def test_the_network_and_its_starts_are_those_of_the_paper():
    spreads = {"balanced": (1e-3, 10**-2.5, 1e-2), "unbalanced": (1e-2, 1e-2, 1e-2)}
    for each in Figure2(settings()).experiments("abcd", QUIET):
        assert (each.settings.step_size, each.settings.max_iter) == (0.09, 10_000)
        assert each.settings.min_iter == 10_000
        assert (each.settings.form, each.settings.dtype) == ("dual", "float32")
        X, Y = each.points.X, each.points.Y
        assert (X.shape, Y.shape) == ((1000, 1000), (1000, 10))
        assert -0.5 <= X.min() < -0.499
        assert 0.499 < X.max() < 0.5
        assert np.var(X) == pytest.approx(1 / 12, rel=5e-3)  # of a million uniform numbers
        assert np.var(Y) == pytest.approx(1, rel=0.05)  # of 10,000 normal ones
        weights = begun(each.settings, each.net)
        assert [W.shape for W in weights] == [(100, 1000), (100, 100), (10, 100)]
        for W, spread in zip(weights, spreads[each.name], strict=True):
            assert np.std(W) == pytest.approx(spread, rel=0.1)  # W_3 has 1000 entries


def test_shorter_runs_record_every_step_and_ask_for_no_tolerance():
    assert (SMALL.every, SMALL.tol_loss, SMALL.max_iter, SMALL.min_iter) == (1, None, 50, 50)
    assert (settings().every, settings(steps=2500).every) == (10, 2)
    assert settings(threads=3).threads == 3
    for run in runs_of(FIGURE_2, "abcd").values():
        assert run.outcome.exit_code == 0
        assert run.trace["step"].tolist() == list(range(51))


def test_the_number_of_threads_changes_no_bit_of_the_curves():
    one, two = (
        runs_of(Figure2(SMALL.changed({"threads": count})), "a")["balanced"] for count in (1, 2)
    )
    for name in figure_2.COLUMNS:
        np.testing.assert_array_equal(one.trace[name], two.trace[name])


@pytest.mark.slow
def test_in_a_thousand_steps_unbalanced_layers_become_nearly_balanced_at_full_size():
    """What the paper says of Figures 2c and 2d."""
    trace = runs_of(Figure2(settings(steps=1000)), "cd")["unbalanced"].trace
    for h in (1, 2):
        apart = trace[f"difference_{h}"]
        assert np.abs(apart - apart[0]).max() <= 0.02 * apart[0]  # "change very little"
        assert apart.max() <= 9.2
        assert trace[f"ratio_{h}"][0] == pytest.approx(10, rel=0.1)
        assert 1 < trace[f"ratio_{h}"][-1] < 1.4  # "close to 1 after about 1,000 iterations"
