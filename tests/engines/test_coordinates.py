"""The three coordinates there are, against their contract."""

from __future__ import annotations

from contracts.coordinates_contract import RANK, CoordinatesContract
from made import direct_engine

from mfact.engines.coordinates import Krylov, Singular
from mfact.engines.reach import Reach
from mfact.targets.dense import DenseTarget


class TestPlain(CoordinatesContract):
    def state(self, M, start):
        return direct_engine(DenseTarget(M)).start(start)


class TestKrylov(CoordinatesContract):
    def state(self, M, start):
        state = Reach(DenseTarget(M), RANK).start(start)
        assert isinstance(state.coordinates, Krylov)
        return state


class TestSingular(CoordinatesContract):
    def state(self, M, start):
        reach = Reach(DenseTarget(M), RANK)
        state = reach.spectral(reach.start(start))
        assert isinstance(state.coordinates, Singular)
        return state


class TestSharpened(CoordinatesContract):
    """In bases that span everything: the optimum is that of M."""

    def state(self, M, start):
        reach = Reach(DenseTarget(M), RANK)
        return reach.sharpened(reach.start(start, drawn=True), 1e-12)
