"""Both engines, and the one that has run out of memory, against the contract of engines."""

from __future__ import annotations

import numpy as np
from contracts.engine_contract import SHAPE, EngineContract
from made import direct_engine, reduced_engine

from mfact.engines.choice import ENGINES, first
from mfact.methods.gradient_descent import GradientDescent
from mfact.problems.factorization import Factorization
from mfact.settings import ENGINES as NAMES
from mfact.targets.dense import DenseTarget


class TestDirectEngine(EngineContract):
    def make(self, M, weight):
        return direct_engine(DenseTarget(M), weight)


class TestReducedEngine(EngineContract):
    def make(self, M, weight):
        return reduced_engine(DenseTarget(M), 3, weight)


class TestReducedEngineBeyondMemory(EngineContract):
    def make(self, M, weight):
        return reduced_engine(DenseTarget(M), 3, weight, limit=sum(SHAPE) * 8 * 20)


class Turning(GradientDescent):
    """A rule that hangs on the coordinates."""

    commutes_with_rotation = False


class Rows:
    """A problem that is no factorization."""


def test_a_method_or_problem_is_obeyed_or_refused():
    assert set(NAMES) == {"auto", *ENGINES}
    known, other = GradientDescent(), Turning(name="turning")
    assert first(Factorization, known) == ("reduced", "")
    assert first(Factorization, known, bases=False) == ("direct", "")
    name, why = first(Factorization, other)
    assert (name, "another iteration" in why) == ("direct", True)
    assert first(Rows, known)[0] == "direct"
    assert ENGINES["direct"].runs(Rows, other) == ""
    assert ENGINES["reduced"].runs(Factorization, known) == ""
    assert "turning" in ENGINES["reduced"].runs(Factorization, other)


def test_rows_of_the_direct_engine_come_from_the_problem_alone():
    """A step of the direct engine asks its problem, and nothing else, of M."""
    rng = np.random.default_rng(0)
    engine = direct_engine(DenseTarget(rng.standard_normal((6, 5))))
    rows = engine.advance(
        engine.start(tuple(rng.standard_normal((d, 2)) for d in (6, 5))), np.full(4, 0.01)
    ).rows
    assert np.isnan(rows["gap"]).all()
    assert not np.isnan(rows["loss"]).any()
