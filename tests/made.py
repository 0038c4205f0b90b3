"""Engines as a run makes them, for tests."""

from __future__ import annotations

from mfact.engines.direct import DirectEngine
from mfact.engines.reach import Reach
from mfact.engines.reduced import ReducedEngine
from mfact.methods.gradient_descent import GradientDescent
from mfact.problems.factorization import Factorization


def direct_engine(target, weight=0.0, method=None):
    return DirectEngine(Factorization(target, weight), method or GradientDescent())


def reduced_engine(target, rank, weight=0.0, tol=1e-10, limit=None, method=None):
    """limit: bytes of its bases, beyond which it goes on directly."""
    reach = Reach(target, rank, weight, limit)
    direct = direct_engine(target, weight, method)
    return ReducedEngine(direct.problem, reach, tol, direct, direct.method)
