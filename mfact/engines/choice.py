"""The engines there are, and which of them runs a problem by a method."""

from __future__ import annotations

from typing import NamedTuple

from mfact.core import Engine, Method, Problem
from mfact.engines.direct import DirectEngine
from mfact.engines.reach import Reach
from mfact.engines.reduced import ReducedEngine
from mfact.problems.factorization import Factorization

ENGINES: dict[str, type[Engine]] = {each.name: each for each in (ReducedEngine, DirectEngine)}
"""By the name that --engine gives them; "auto" asks them in this order."""


class Built(NamedTuple):
    """An engine, and what extends its bases; None where it has none."""

    engine: Engine
    reach: Reach | None


def first(problem: type[Problem], method: Method, *, bases: bool = True) -> tuple[str, str]:
    """The first engine that runs such a problem by this method, and what those before it said.

    bases: whether it may be one that keeps bases of M.
    """
    refused = ""
    for name, engine in ENGINES.items():
        reason = engine.runs(problem, method)
        if not reason and (bases or not has_bases(name)):
            return name, refused
        refused = f"the {name} engine {reason}" if reason else refused
    raise AssertionError(refused)  # the direct engine runs whatever there is


def has_bases(asked: str) -> bool:
    """Whether a run keeps bases of M, as far as the option tells: auto may."""
    return asked != DirectEngine.name


def build(
    name: str,
    problem: Factorization,
    method: Method,
    rank: int,
    tol: float,
    basis_limit: int,
    sigma_1: float,
) -> Built:
    """The engine of that name. tol: the gap to reach. basis_limit: bytes. sigma_1: of M."""
    direct = DirectEngine(problem, method)
    if name == DirectEngine.name:
        return Built(direct, None)
    reach = Reach(problem.target, rank, problem.weight, basis_limit, sigma_1)
    return Built(ReducedEngine(problem, reach, tol, direct, method), reach)
