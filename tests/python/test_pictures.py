"""mfact.plot: a figure that holds the numbers of the runs, and a file where one is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

import mfact

DATA = Path(__file__).parents[2] / "data/network"
RNG = np.random.default_rng(5)
M = RNG.standard_normal((8, 2)) @ RNG.standard_normal((2, 6))
RUN = mfact.solve(M, 2, seed=1, schedule="constant", modes="on")


def curves(figure):
    return [line.get_ydata() for axes in figure.axes for line in axes.lines]


def test_the_figure_holds_the_gap_of_the_run():
    figure = RUN.plot()
    assert isinstance(figure, Figure)
    gap = RUN.trace["gap"]
    assert any(len(y) == len(gap) and np.array_equal(y, gap) for y in curves(figure))


@pytest.mark.parametrize("kind", ["convergence", "balance", "ledger", "spectrum", "modes"])
def test_results_files_and_comparisons_are_drawn(kind, tmp_path):
    RUN.save(tmp_path / "a.h5")
    others = mfact.compare(M, 2, vary={"seed": [2, 3]}, schedule="constant", modes="on")
    for runs in (RUN, tmp_path / "a.h5", others, [RUN, others.runs[0]]):
        assert mfact.plot(runs, kind).axes
    assert others.plot(kind, x="flow-time").axes


def test_runs_of_one_name_are_all_drawn():
    two = [mfact.compare(M, r, vary={"seed": [1]}, schedule="constant") for r in (1, 2)]
    figure = mfact.plot(two)
    for compared in two:
        gap = compared.runs[0].trace["gap"]
        assert any(np.array_equal(y, gap) for y in curves(figure))


def test_a_path_has_the_picture_that_the_command_would_write(tmp_path):
    RUN.plot("ledger", path=tmp_path / "ledger.svg")
    text = (tmp_path / "ledger.svg").read_text("utf-8")
    assert "exact law" in text
    with pytest.raises(mfact.MfactError, match="end it with"):
        RUN.plot(path=tmp_path / "ledger.gif")


def test_a_residual_is_of_the_matrix_that_is_given_or_named(tmp_path):
    np.save(tmp_path / "M.npy", M)
    named = mfact.solve(tmp_path / "M.npy", 2, seed=1, schedule="constant")
    assert mfact.plot(named, "residual").axes
    assert mfact.plot(RUN, "residual", matrix=M).axes
    for call, word in (
        (lambda: mfact.plot(RUN, "residual"), "does not say which file"),
        (lambda: mfact.plot([RUN, named], "residual"), "of one run"),
        (lambda: mfact.plot(RUN, matrix=M), "matrix is for the residual"),
    ):
        with pytest.raises(mfact.MfactError, match=word):
            call()


def test_networks_are_drawn_and_not_beside_matrices():
    X, Y = RNG.standard_normal((6, 4)), RNG.standard_normal((6, 2))
    net = mfact.network(X, Y, "3r-2", step_size=0.05, max_iter=5, min_iter=5, seed=1)
    assert net.plot("balance").axes
    with pytest.raises(mfact.MfactError, match="share no axis"):
        mfact.plot([RUN, net])


def test_a_balance_is_drawn(tmp_path):
    audit = mfact.balance(DATA)
    assert mfact.plot(audit, path=tmp_path / "b.png").axes
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")


def test_a_sweep_is_drawn():
    figure = mfact.plot(mfact.sweep(M, seeds=20, seed=1))
    assert figure.axes[0].get_xlabel() == "C"
