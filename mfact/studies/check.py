"""A run recomputed from its file and the matrix alone, and held against what it says."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np

from mfact.core import LEAST_TOLERANCE, Array, Claim, Result, Schedule, Sliced, Target, Verdict
from mfact.errors import DataError
from mfact.krylov.values import leading_values
from mfact.methods.choice import law_known
from mfact.problems.factorization import unbalance
from mfact.problems.optimum import zero_in
from mfact.schedules import Constant, PowerDecay
from mfact.settings import RunSettings
from mfact.studies.named import require_shape
from mfact.theory.eckart_young import known_optimum
from mfact.theory.facts import Facts
from mfact.theory.lemma_3_2 import Certificate, certify, global_optimum, lemma_3_2
from mfact.theory.monitors import READ, Monitors
from mfact.theory.written import AGREES, apart, few_roundings

RELATIVE = 1e-8  # two sums of the same numbers in other orders differ by far less


class Check(NamedTuple):
    """What recompute found: claims with their verdicts, numbers by name, and the certificate.

    numbers: recomputed ones, under the names of the trace's columns and of the certificate, and
    those of the run's summary that cannot be recomputed (iterations, passes, …). gap is the
    largest that the error bound allows.
    """

    claims: list[Claim]
    numbers: dict[str, float]
    certificate: Certificate


def recompute(target: Sliced, result: Result, *, tol: float | None = None) -> Check:
    """Everything that the factors and the matrix tell, and whether the run file agrees.

    target: the matrix. result: a run, as read from its file. tol: gap that counts as
    optimal; None: that of the run, at least 1e-13.

    Claims: that the matrix and the stored numbers agree with the factors; the certificate
    (global-optimum, lemma-3.2) computed anew with singular values computed anew; and each
    claim of the run, again held against the rows that the trace recorded.
    Raises DataError when the factors do not fit the matrix, or are not finite.
    """
    require_shape(target.shape, result)
    r = result.U.shape[1]
    if not (np.all(np.isfinite(result.U)) and np.all(np.isfinite(result.V))):
        raise DataError("the factors have values that are not finite", "run `mfact solve` again")
    values, error = leading_values(target, r + 1)
    values = values[: r + 1]
    norm, unit = float(target.norm), float(np.finfo(target.dtype).eps)
    zero = zero_in(target, float(values[0]))
    facts = replace(
        facts_in(result, norm),
        singular_values=tuple(values.tolist()),
        errors=(error,) * len(values),
        zero=zero,
    )
    if tol is None:
        tol = max(facts.tol, LEAST_TOLERANCE)
    optimum = known_optimum(values, error, norm, r, zero, unit)
    # A run ends just below its tolerance: two ways to its gap differ by rounding.
    slack = 2 * optimum.gap_error if optimum.gap_error <= tol else 0.0
    found = certify(
        target,
        result.U,
        result.V,
        weight=facts.weight,
        optimum=optimum,
        tol=tol + slack,
        accuracy=1e-3,
        refine=True,
    )
    numbers = _numbers(target, result, found)
    agree, again = _agreement(target, result, found, numbers), _again(result, facts)
    claims = [*agree, _optimum(found, tol), lemma_3_2(found, facts), *again]
    return Check(claims, numbers, found)


def facts_in(result: Result, norm: float) -> Facts:
    """What a run told its monitors, put together again from its file; norm: ‖M‖_F."""
    names = {field.name for field in fields(RunSettings)}
    used = {
        name: entry.get("value") if entry.get("used") is None else entry["used"]
        for name, entry in result.settings.items()
        if name in names
    }
    settings = RunSettings(**{**used, "rank": result.U.shape[1]})
    return Facts(
        norm=norm,
        sigma_1=float(result.problem.get("sigma_1") or 0.0),
        rank=settings.rank,
        shape=(result.U.shape[0], result.V.shape[0]),
        dtype=settings.dtype,
        objective=settings.objective,
        weight=settings.weight,
        method=settings.method,
        law=law_known(settings.method),
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


def _numbers(target: Target, result: Result, found: Certificate) -> dict[str, float]:
    U, V = result.U.astype(float), result.V.astype(float)
    size_U, size_V = float(np.sum(U**2)), float(np.sum(V**2))
    kept = {
        name: float(value)
        for name, value in result.summary.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    norm = float(target.norm)
    residual = math.sqrt(2 * found.loss)
    imbalance = float(np.linalg.norm(unbalance(U, V)))
    return kept | {
        "loss": found.loss,
        "penalty": 0.125 * found.weight * imbalance**2,
        "residual": residual,
        "relative_residual": residual / norm if norm else residual,
        "gap": found.gap + found.gap_error,
        "gap_error": found.gap_error,
        "gradient_norm": found.gradient_norm,
        "relative_gradient": found.relative_gradient,
        "curvature": found.curvature,
        "imbalance": imbalance,
        "relative_imbalance": imbalance / norm if norm else imbalance,
        "norm_ratio": size_U / size_V if size_V else math.inf,
        "size_U": size_U,
        "size_V": size_V,
        "norm": norm,
    }


def _agreement(
    target: Target, result: Result, found: Certificate, numbers: Mapping[str, float]
) -> Iterator[Claim]:
    """Whether the stored numbers are those of the factors, each within its rounding."""
    unit = float(np.finfo(target.dtype).eps)
    norm, size = numbers["norm"], numbers["size_U"] + numbers["size_V"]
    stored_norm = result.problem.get("norm")
    if stored_norm is not None:
        yield _agrees("matrix", "‖M‖_F", float(stored_norm), norm, 64 * unit * norm)
    both, few = math.sqrt(numbers["size_U"] * numbers["size_V"]), few_roundings(target)
    rounding = {
        "loss": apart(numbers["loss"], norm, both, few),
        "penalty": 64 * unit * found.weight * size * numbers["imbalance"] + (64 * unit * size) ** 2,
        "relative_residual": 64 * unit,
        "gap": 2 * found.gap_error + float(result.summary.get("gap_bound") or 0) + 64 * unit,
        "gradient_norm": 256 * unit * math.sqrt(size) * (norm + size),
        "imbalance": 64 * unit * size,
        "relative_imbalance": 64 * unit * size / norm if norm else 0.0,
        "norm_ratio": 64 * unit * numbers["norm_ratio"],
    }
    for name, allowed in rounding.items():
        stored = result.summary.get(name)
        if stored is not None:
            value = found.gap if name == "gap" else numbers[name]
            yield _agrees(name, name, float(stored), value, allowed)


def _agrees(name: str, what: str, stored: float, value: float, allowed: float) -> Claim:
    off = abs(stored - value)
    allowed += RELATIVE * max(abs(stored), abs(value))
    good = off <= allowed
    detail = f"stored {stored:.9g}, recomputed {value:.9g}"
    if not good:
        detail += f": {off:.3g} apart, {allowed:.3g} allowed"
    return Claim(
        f"stored-{name.replace('_', '-')}",
        f"the run file's {what} is that of its factors" if name != "matrix" else
        "the matrix is the one that was factored",
        Verdict.HOLDS if good else Verdict.VIOLATED,
        detail,
        AGREES,
        {"stored": stored, "recomputed": value, "allowed": allowed},
    )  # fmt: skip


def _optimum(found: Certificate, tol: float) -> Claim:
    claim = global_optimum(found)
    return replace(
        claim,
        statement=f"{claim.statement}, to a gap of {tol:g}",
        detail=f"{found.kind}: {found.reason}",
        numbers={**claim.numbers, "curvature_floor": found.curvature_floor},
    )


def _blocks(rows: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
    """The rows as the run showed them: where a column ends, NaN from there on, a new block."""
    count = len(rows["step"])
    known = {name: ~np.isnan(column) for name, column in rows.items()}
    ends = {name: int(np.max(np.flatnonzero(k), initial=-1)) + 1 for name, k in known.items()}
    edges = sorted({0, count, *ends.values()})
    for first, last in itertools.pairwise(edges):
        yield {name: column[first:last] for name, column in rows.items() if ends[name] > first}


def _again(result: Result, facts: Facts) -> Iterator[Claim]:
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
