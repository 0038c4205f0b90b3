"""Each method in bases takes the steps that it takes on whole matrices, or tells how far off."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.engine_contract import SHAPE, EngineContract
from driving import drive
from hypothesis import given, settings
from made import direct_engine, reduced_engine
from random_methods import TURNING, apart, method_run, method_runs, sizes

from mfact.methods.choice import METHODS, PLAIN
from mfact.targets.dense import DenseTarget

OTHERS = tuple(name for name in TURNING if name != PLAIN)
SHARES = {"alternating": 1.0, "momentum": 1.0, "nesterov": 1.0}
"""Of STEPS, which are half of 1/σ₁; those of the scaled ones have no unit."""


class OneMethod(EngineContract):
    limit = None

    def make(self, M, weight):
        return reduced_engine(DenseTarget(M), 3, weight, limit=self.limit, method=self.method)


class Directly(OneMethod):
    def make(self, M, weight):
        return direct_engine(DenseTarget(M), weight, self.method)


class BeyondMemory(OneMethod):
    limit = sum(SHAPE) * 8 * 20


QUICK = {(Directly, "nesterov"), (OneMethod, "momentum")}


def contracts():
    for kind in (OneMethod, Directly, BeyondMemory):
        for name in OTHERS:
            method = METHODS[name]
            if method.power == 0:
                method = method.having({"damping": 0.5, "least": 1e-5})
            words = "".join(map(str.title, name.split("-")))
            fields = {"method": method, "share": SHARES.get(name, 10.0)}
            if (kind, name) not in QUICK:
                fields["pytestmark"] = pytest.mark.slow
            yield f"Test{words}{kind.__name__}", type(f"Test{words}", (kind,), fields)


globals().update(contracts())


def in_bases(run, limit=None):
    """Its states in bases and its points by hand, as long as these are of the size of M."""
    target = DenseTarget(run.M)
    engine = reduced_engine(target, run.rank, run.weight, limit=limit, method=run.method)
    states, rows = drive(engine, engine.start(run.start), run.steps)
    points = run.by_hand()
    with np.errstate(over="ignore", invalid="ignore"):
        size = sizes(points)
    there = np.isfinite(size) & (size <= 1e3 * max(size[0], run.sigma[0] ** 0.5))
    count = len(size) if there.all() else int(np.argmin(there))
    return states[:count], rows, points[:count]


def check(run):
    states, rows, points = in_bases(run)
    exact = run.by_hand(np.longdouble)[: len(points)]
    mine = [state.coordinates.leave(state.point) for state in states]
    size = sizes(exact)
    bound = np.array([state.distance.bound for state in states]) / size
    # Bases are orthonormal to that, whatever moves in them.
    slack = max((s.coordinates.orthogonality() for s in states), default=0.0)
    off = apart(mine, exact)
    assert (off <= bound + slack).all(), (off / bound).max()
    lost = apart(points, exact)
    calm = lost.max(initial=0.0) <= 1e-13 and bound.max(initial=0.0) <= 1e-9
    if calm:
        assert off.max(initial=0.0) <= 1e-12 + 100 * slack + 1e-2 * bound.max(initial=0.0)
    largest = np.maximum.accumulate(size**2)[:-1]
    assert (rows["audit"][: len(largest)] <= 1e-12 * largest).all()


@settings(max_examples=6)
@given(run=method_runs(names=OTHERS, steps=60))
def test_the_distance_told_is_no_false_word(run):
    check(run)


@pytest.mark.slow
@settings(max_examples=60)
@given(run=method_runs(names=OTHERS))
def test_no_distance_told_is_a_false_word(run):
    check(run)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("seed", range(3))
def test_velocity_goes_along_where_memory_ends(name, seed):
    """It leaves its bases on the way, and goes on with all that the method keeps."""
    run = method_run(seed, names=(name,), shapes=((60, 50),), spectra=("slow tail",), kappas=(5.0,))
    states, _, points = in_bases(run, limit=110 * 8 * 8 * run.rank)
    assert states[0].coordinates.size is not None
    assert states[-1].coordinates.size is None
    mine = [state.coordinates.leave(state.point) for state in states]
    exact = run.by_hand(np.longdouble)
    assert (apart(mine, points) <= 1e-11 + 100 * apart(points, exact)).all()
