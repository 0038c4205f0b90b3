"""What a run told its monitors, put together again from its file, and its claims held once more."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace

import numpy as np

from mfact.core import Array, Claim, Result, Schedule, Verdict
from mfact.methods.choice import METHODS
from mfact.schedules import Constant, PowerDecay
from mfact.settings import RunSettings, parameters_of
from mfact.theory.facts import Facts
from mfact.theory.monitors import READ, Monitors


def facts_in(result: Result, norm: float, offset: float = 0.0) -> Facts:
    """What a run told its monitors, put together again from its file; norm, offset: of M."""
    names = {field.name for field in fields(RunSettings)}
    used = {
        name: entry.get("value") if entry.get("used") is None else entry["used"]
        for name, entry in result.settings.items()
        if name in names
    }
    settings = RunSettings(**{**used, "rank": result.U.shape[1]})
    asked = parameters_of(settings)
    used = {name: value for name, value in asked.items() if value is not None}
    method = METHODS[settings.method].having(used)
    return Facts(
        norm=norm,
        sigma_1=float(result.problem.get("sigma_1") or 0.0),
        rank=settings.rank,
        shape=(result.U.shape[0], result.V.shape[0]),
        dtype=settings.dtype,
        offset=offset,
        objective=settings.objective,
        weight=settings.weight,
        method=settings.method,
        keeps=method.law.keeps,
        lasting=method.lasting,
        schedule=_schedule(settings),
        start=settings.start,
        scale=settings.start_scale,
        tol=settings.tol,
        engine=settings.engine,
    )


def _schedule(settings: RunSettings) -> Schedule:
    """The step sizes of a run from its first, its name and its ε, as they were used."""
    name, first = settings.schedule, settings.step_size or 1.0
    if name == "power":
        return PowerDecay(first, 0.5 + settings.delta)
    if name == "theorem-3.1":
        return PowerDecay(first, 1.0, name, settings.eps)
    return Constant(first, name, settings.eps if name == "certified" else None)


def _blocks(rows: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
    """The rows as the run showed them: where a column ends, NaN from there on, a new block."""
    count = len(rows["step"])
    known = {name: ~np.isnan(column) for name, column in rows.items()}
    ends = {name: int(np.max(np.flatnonzero(k), initial=-1)) + 1 for name, k in known.items()}
    edges = sorted({0, count, *ends.values()})
    for first, last in itertools.pairwise(edges):
        yield {name: column[first:last] for name, column in rows.items() if ends[name] > first}


def again(result: Result, facts: Facts) -> Iterator[Claim]:
    """The claims of the run, each held against the recorded rows once more.

    The run saw every step, the file holds some of them: a claim that held may be found
    violated by a row, and never the other way round.
    """
    monitors = Monitors()
    rows = {name: np.asarray(column, float) for name, column in result.trace.items()}
    seen: dict[str, Claim] = {}
    if rows and facts.norm and facts.sigma_1:
        monitors.start(facts)
        for block in (each for each in _blocks(rows) if each.keys() >= READ):
            monitors.segment(block)
        seen = {claim.name: claim for claim in monitors.claims()}
    for claim in result.claims:
        if claim.name in ("certificate", "global-optimum", "lemma-3.2"):
            continue
        again = seen.get(claim.name, claim)
        if claim.verdict is Verdict.HOLDS and again.verdict is Verdict.VIOLATED:
            detail = f"the run says it holds, its recorded rows do not: {again.detail}"
            yield replace(claim, verdict=again.verdict, detail=detail, numbers=again.numbers)
        else:
            yield claim
