"""A run recomputed from its file and the matrix alone, and held against what it says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple, cast

import numpy as np

from mfact.core import LEAST_TOLERANCE, Array, Claim, Result, Verdict, eps_of, whole_norm
from mfact.errors import DataError
from mfact.krylov.values import ALL_UP_TO, leading_values
from mfact.problems.factorization import unbalance
from mfact.problems.optimum import offset_error, zero_in
from mfact.run.summary import explained
from mfact.studies.again import again, facts_in
from mfact.studies.named import center_of, require_shape
from mfact.studies.residual import differences
from mfact.targets.centred import LESS
from mfact.targets.counted import Counted
from mfact.targets.fingerprint import rounding
from mfact.theory.eckart_young import known_optimum
from mfact.theory.lemma_3_2 import Certificate, certify, global_optimum, lemma_3_2
from mfact.theory.written import AGREES, apart, few_roundings

RELATIVE = 1e-8  # two sums of the same numbers in other orders differ by far less

FORMED = 2.0
"""Roundings of what is summed over the entries of M, which each are one of their own size."""

SLICE_ENTRIES = 1 << 17
"""Of M that are formed at a time."""


class Check(NamedTuple):
    """What recompute found: claims with their verdicts, numbers by name, and the certificate.

    numbers: recomputed ones, under the names of the trace's columns and of the certificate, and
    those of the run's summary that cannot be recomputed (iterations, passes, …). gap is the
    largest that the error bound allows.
    """

    claims: list[Claim]
    numbers: dict[str, float]
    certificate: Certificate


def recompute(target: Counted, result: Result, *, tol: float | None = None) -> Check:
    """Everything that the factors and the matrix tell, and whether the run file agrees.

    target: the matrix, as the run had it. result: a run, as read from its file. tol: gap that
    counts as optimal; None: that of the run, at least 1e-13.

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
    norm, zero = float(target.norm), zero_in(target, float(values[0]))
    loss, unit = _loss(target, result)
    facts = replace(
        facts_in(result, norm, target.offset),
        singular_values=tuple(values.tolist()),
        errors=(error,) * len(values),
        zero=zero,
    )
    if tol is None:
        tol = max(facts.tol, LEAST_TOLERANCE)
    optimum = known_optimum(values, error, norm, r, zero, unit)
    off = offset_error(target, optimum, max(optimum.gap(loss), tol))
    optimum = replace(optimum, error=optimum.error + off * optimum.unit)
    # A run ends just below its tolerance: two ways to its gap differ by rounding.
    slack = 2 * optimum.gap_error if optimum.gap_error <= tol else 0.0
    found = certify(
        target,
        result.U,
        result.V,
        weight=facts.weight,
        optimum=optimum,
        loss=loss,
        tol=tol + slack,
        accuracy=1e-3,
        refine=True,
    )
    numbers = _numbers(target, result, found)
    if result.mean is not None:
        mean_error = float(np.max(np.abs(result.mean - cast(Array, target.mean))))
        numbers |= {
            "uncentered_norm": whole_norm(target),
            "sigma_known_to": zero,
            "mean_error": mean_error,
        }
    agree, seen = _agreement(target, result, found, numbers), again(result, facts)
    claims = [*agree, _optimum(found, tol), lemma_3_2(found, facts), *seen]
    return Check(claims, numbers, found)


def _loss(target: Counted, result: Result) -> tuple[float, float]:
    """(f, ε that it and ½‖M‖_F² are known to, in units of ½‖M‖_F²).

    Where all singular values are computed, of the entries of M, f of a matrix less its means is of
    these too: the sum UVᵀ + abᵀ would be rounded by the size of abᵀ. Nor is ‖M‖_F², which is of
    entries as well, rounded by more than FORMED ε.
    Source: mfact, derived.
    """
    U, V, unit = result.U, result.V, eps_of(target)
    if not target.offset or min(target.shape) > ALL_UP_TO:
        return 0.5 * target.residual_norm(*(W.astype(target.dtype) for W in (U, V))) ** 2, unit
    square = sum(float(np.vdot(R, R)) for _, R in differences(target, result, SLICE_ENTRIES))
    return 0.5 * square, min(unit, FORMED * float(np.finfo(target.dtype).eps))


def _numbers(target: Counted, result: Result, found: Certificate) -> dict[str, float]:
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
        "explained": explained(residual / norm) if norm else 0.0,
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
    target: Counted, result: Result, found: Certificate, numbers: Mapping[str, float]
) -> Iterator[Claim]:
    """Whether the stored numbers are those of the factors, each within its rounding."""
    unit = eps_of(target)
    norm, size = numbers["norm"], numbers["size_U"] + numbers["size_V"]
    stored_norm = result.problem.get("norm")
    less = f", {text}," if (text := LESS.get(center_of(result.problem))) else ""
    if stored_norm is not None:
        what = f"the matrix{less} is the one that was factored"
        yield _agrees("matrix", what, float(stored_norm), norm, 64 * unit * norm)
    if result.mean is not None:
        yield _means_agree(target, result.mean, numbers)
    both, few = math.sqrt(numbers["size_U"] * numbers["size_V"]), few_roundings(target)
    rounding = {
        "loss": apart(numbers["loss"], norm, both, few, target.offset),
        "penalty": 64 * unit * found.weight * size * numbers["imbalance"] + (64 * unit * size) ** 2,
        "relative_residual": 64 * unit,
        "explained": 128 * unit * max(numbers["relative_residual"], unit),
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
            what = f"the run file's {name} is that of its factors"
            yield _agrees(name, what, float(stored), value, allowed)


def _means_agree(target: Counted, stored: Array, numbers: Mapping[str, float]) -> Claim:
    """Whether the means in the file are those of the matrix, told by the one that is farthest off.

    Each is the sum of n entries over n. All of these sums together, √n‖m − m′‖₂, are off by no more
    than a signed sum of all entries is: rounding(), on both sides. Source: mfact, derived.
    """
    mean = cast(Array, target.mean)
    place, n = int(np.argmax(np.abs(stored - mean))), math.prod(target.shape) / len(mean)
    eps, whole = float(np.finfo(target.dtype).eps), numbers["uncentered_norm"]
    allowed = 2 * rounding(target.shape, whole, np.zeros(1), eps) / math.sqrt(n)
    pair = float(stored[place]), float(mean[place])
    claim = _agrees("mean", "the run file's means are those of the matrix", *pair, allowed, 0.0)
    told = f"number {place}, from 0: " if len(mean) > 1 else ""
    return replace(claim, detail=told + claim.detail)


def _agrees(
    name: str,
    what: str,
    stored: float,
    value: float,
    allowed: float,
    relative: float = RELATIVE,
) -> Claim:
    off = abs(stored - value)
    allowed += relative * max(abs(stored), abs(value))
    good = off <= allowed
    detail = f"stored {stored:.9g}, recomputed {value:.9g}"
    if not good:
        detail += f": {off:.3g} apart, {allowed:.3g} allowed"
    return Claim(
        f"stored-{name.replace('_', '-')}",
        what,
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
