"""Figure 1: the matrix and settings that it says, and curves that are the columns of its runs."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import matrix as known_matrix
from small_figures import FIGURE_1, QUIET, lines, runs_of

from mfact.errors import DataError, SettingsError
from mfact.figures import figure_1
from mfact.figures.figure_1 import Figure1, above, matrix, settings
from mfact.matrices.source import open_matrix
from mfact.pictures.drawing import Dash, Hue, Rule


@given(seed=st.integers(0, 2**32), size=st.integers(3, 30), rank=st.integers(1, 3))
def test_the_matrix_has_the_rank_and_the_norm_that_are_said(seed, size, rank):
    sigma = np.linalg.svd(matrix(seed, size, rank), compute_uv=False)
    assert sigma[0] == pytest.approx(1, rel=1e-14)
    assert np.all(sigma[rank:] < 1e-14)  # rounding of a product of `rank` terms
    np.testing.assert_array_equal(matrix(seed, size, rank), matrix(seed, size, rank))


def test_the_start_is_of_other_random_numbers_than_the_matrix():
    """Of the same ones U would begin as A itself, that is at the solution but for its size."""
    run = next(iter(runs_of(Figure1(), "ab").values()))
    rng = np.random.default_rng(0)
    start = rng.standard_normal((100, 5))
    left = np.linalg.svd(matrix())[0][:, :5]
    share = np.linalg.norm(left.T @ start) ** 2 / np.linalg.norm(start) ** 2
    assert share < 0.15  # 5/100 of random columns, 1 of columns of A
    assert run.trace["size_U"][0] == pytest.approx(np.linalg.norm(start) ** 2 / 1000, rel=1e-12)


def test_the_settings_are_those_that_are_said_for_a_matrix_of_any_scale():
    of_one, of_nine = settings((100, 100), 1.0), settings((400, 30), 9.0)
    assert (of_one.step_size, of_one.start_scale) == (0.25, pytest.approx(0.1 / math.sqrt(10)))
    assert of_nine.step_size == pytest.approx(0.25 / 9)
    # in units of √σ₁, and a column as long, relative to the solution, as with d = 100
    assert of_nine.start_scale * math.sqrt(400 / 9) == pytest.approx(of_one.start_scale * 10)
    assert (of_one.min_iter, of_one.max_iter, of_one.rank, of_one.seed) == (260, 260, 5, 0)


def test_the_curves_are_the_columns_of_the_runs():
    runs = runs_of(FIGURE_1, "ab")
    a, b = FIGURE_1.picture(runs, "ab").panels
    for curve, ratio, name in zip(lines(a), lines(b), ("plain", "balanced"), strict=True):
        trace = runs[name].trace
        f = trace["loss"] + trace["penalty"]
        np.testing.assert_array_equal(curve.x, trace["step"])
        np.testing.assert_allclose(curve.y, f / f[0], rtol=1e-15)
        np.testing.assert_array_equal(ratio.y, trace["norm_ratio"])
    assert np.all(runs["plain"].trace["penalty"] == 0)
    assert runs["balanced"].trace["penalty"][0] > 0


def test_the_second_curve_is_blue_and_dashed_over_the_red_one_and_1_is_marked():
    a, b = FIGURE_1.picture(runs_of(FIGURE_1, "ab"), "ab").panels
    for panel in (a, b):
        assert [(each.pen.hue, each.pen.dash) for each in lines(panel)] == [
            (Hue.RED, Dash.SOLID), (Hue.BLUE, Dash.DASHED)]  # fmt: skip
    assert [mark.at for mark in b.marks if isinstance(mark, Rule)] == [1.0]
    assert a.y.log
    assert all(axis.label for panel in (a, b) for axis in (panel.x, panel.y))


def test_a_single_panel_is_the_same_one():
    runs = runs_of(FIGURE_1, "ab")
    whole = FIGURE_1.picture(runs, "ab")
    for panel, letter in zip(whole.panels, "ab", strict=True):
        assert list(FIGURE_1.picture(runs, letter).rows()) == [
            row | {"panel": 1} for row in whole.rows() if row["title"] == panel.title
        ]


def test_both_objectives_converge_linearly_at_the_pace_of_their_weakest_direction():
    """Once close, the residual shrinks by 1 − ηλ a step, λ the least eigenvalue of UᵀU and of VᵀV,
    which is σ_r where they are balanced, and f by its square.
    """
    sigma_5 = np.linalg.svd(matrix(), compute_uv=False)[4]
    for name, run in runs_of(Figure1(), "a").items():
        left = above(run)
        assert len(left) == 261
        assert left[-1] < 1e-28
        least = min(np.linalg.svd(each, compute_uv=False)[-1] ** 2 for each in (run.U, run.V))
        pace = (left[180] / left[160]) ** (1 / 40)
        assert pace == pytest.approx(1 - 0.25 * least, rel=5e-4)  # what is faster still dies out
        assert least == pytest.approx(sigma_5, rel=1e-10 if name == "balanced" else 0.05)


def test_of_a_matrix_of_more_than_rank_r_the_least_value_is_taken_off(tmp_path):
    M, *_ = known_matrix(np.random.default_rng(3), (14, 9), [5.0, 4.0, 1.0, 0.5])
    np.save(tmp_path / "M.npy", M)
    figure = Figure1(open_matrix(str(tmp_path / "M.npy")), rank=2)
    runs = runs_of(figure, "ab")
    picture = figure.picture(runs, "ab")
    assert "min f" in picture.panels[0].y.label
    for name, run in runs.items():
        assert run.outcome.exit_code == 0
        assert run.problem["name"] == "M.npy"
        f = run.trace["loss"] + run.trace["penalty"]
        least = 0.5 * (1.0**2 + 0.5**2)
        curves = {line.label[:3]: line for line in lines(picture.panels[0])}
        curve = curves[figure_1.OBJECTIVES[name]]
        # ε f of each value, against what is left
        np.testing.assert_allclose(curve.y, (f - least) / (f[0] - least), rtol=0, atol=1e-14)


def test_what_rounding_hides_is_not_drawn_and_that_is_said(tmp_path):
    M, *_ = known_matrix(np.random.default_rng(3), (14, 9), [5.0, 4.0, 1.0, 0.5])
    np.save(tmp_path / "M.npy", M)
    figure = Figure1(open_matrix(str(tmp_path / "M.npy")), rank=2)
    runs = runs_of(figure, "a")
    loss = runs["plain"].trace["loss"].copy()
    loss[-3:] = 0.625 * np.array([1 + 1e-15, 1, 1 - 1e-15])
    trace = {**runs["plain"].trace, "loss": loss}
    runs["plain"] = dataclasses.replace(runs["plain"], trace=trace)
    left = above(runs["plain"])
    assert np.isnan(left[-3:]).all()
    assert np.isfinite(left[:-3]).all()
    assert figure_1.HIDDEN in figure.picture(runs, "ab").notes
    assert figure_1.HIDDEN not in figure.picture(runs, "b").notes


def test_ratios_far_from_1_have_an_axis_from_0_and_near_ones_1_in_the_middle(tmp_path):
    near = FIGURE_1.picture(runs_of(Figure1(), "b"), "b").panels[0].y
    assert (near.least, near.most) == (0.5, 1.5)
    np.save(tmp_path / "tall.npy", known_matrix(np.random.default_rng(3), (60, 5), [2.0, 1.0])[0])
    figure = Figure1(open_matrix(str(tmp_path / "tall.npy")), rank=2)
    far = figure.picture(runs_of(figure, "b"), "b").panels[0].y
    assert (far.least, far.most) == (0.0, None)


def test_a_rank_that_does_not_fit_is_refused_before_the_matrix_is_read(tmp_path):
    bad = np.ones((3, 4))
    bad[1, 2] = np.nan
    np.save(tmp_path / "M.npy", bad)
    source = open_matrix(str(tmp_path / "M.npy"))
    with pytest.raises(SettingsError, match="pass -r 3 or less"):
        Figure1(source, rank=4).experiments("ab", QUIET)
    with pytest.raises(DataError, match="nan"):
        Figure1(source, rank=2).experiments("ab", QUIET)
