"""What each method's law says that its steps add, and the steps themselves, on whole matrices."""

from __future__ import annotations

import numpy as np
import pytest
from driving import drive
from hypothesis import given, settings
from made import direct_engine, reduced_engine
from random_methods import apart, method_runs, sizes

from mfact.methods.choice import METHODS
from mfact.targets.dense import DenseTarget


def check(run, engine):
    states, rows = drive(engine, engine.start(run.start), run.steps)
    points = run.by_hand()
    with np.errstate(over="ignore", invalid="ignore"):
        size = np.maximum.accumulate(sizes(points) ** 2)[:-1]
    there = np.isfinite(size) & (size <= 1e6 * max(size[0], run.sigma[0]))
    count = len(size) if there.all() else int(np.argmin(there))
    # D is of the size of ‖(U, V)‖², and so are the entries that have been added up.
    assert (rows["audit"][:count] <= 1e-11 * size[:count]).all()
    if run.method.law.keeps == "log det":
        # A Gram matrix is known to ε, and so the log of its least eigenvalue to ε times condition.
        reached = np.maximum.accumulate(rows["condition"][:count])
        assert (rows["log_det_audit"][:count] <= 1e-12 * (10 + reached)).all()
    return states[:count], points[:count]


@settings(max_examples=8)
@given(run=method_runs(names=tuple(METHODS), steps=60))
def test_each_ledger_closes(run):
    check(run, direct_engine(DenseTarget(run.M), run.weight, run.method))


@pytest.mark.slow
@settings(max_examples=60)
@given(run=method_runs(names=tuple(METHODS)))
def test_each_ledger_closes_and_steps_are_those_of_the_formulas(run):
    states, points = check(run, direct_engine(DenseTarget(run.M), run.weight, run.method))
    if run.method.name == "adam":
        return  # it divides gradients that are rounding by their own size
    mine = [state.point for state in states]
    exact = run.by_hand(np.longdouble)[: len(points)]
    rough = run.method.power == 0  # K⁻¹ multiplies the rounding of the Gram form by κ
    lost = apart(points, exact)
    if lost.max(initial=0.0) <= 1e-13:
        assert (apart(mine, points) <= (1e-7 if rough else 1e-12)).all()


@pytest.mark.slow
@settings(max_examples=40)
@given(run=method_runs())
def test_each_ledger_closes_in_bases(run):
    check(run, reduced_engine(DenseTarget(run.M), run.rank, run.weight, method=run.method))
