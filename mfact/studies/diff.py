"""Two runs beside each other: what differs beyond rotation and tolerance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from mfact.core import Array, Claim, Factors, Result, Verdict
from mfact.errors import DataError, SettingsError
from mfact.host.threads import working
from mfact.methods.choice import METHODS, PLAIN
from mfact.studies.differing import entry_of
from mfact.studies.modulo_rotation import factor_distance, product_distance
from mfact.studies.named import center_of
from mfact.targets.centred import FORMULAS
from mfact.targets.fingerprint import same_matrix
from mfact.trace import COLUMNS
from mfact.words import by

SOURCE = "comparison of two runs"
IGNORED = tuple(name for name, column in COLUMNS.items() if column.power is None)
"""Columns that are rounding, or that another one repeats."""


@dataclass(frozen=True)
class Tolerances:
    """|a − b| ≤ rtol·max(|a|, |b|) + atol·scale, scale being the column's natural size.

    rtol, atol: for all columns. columns: name -> (rtol, atol) for single ones. ignore: names of
    columns, or "iterations", "outcome", "verdicts", "factors", that are not compared.
    The scale is the power of ‖M‖_F with the column's units, so that one atol fits all.

    >>> Tolerances(columns={"loss": (1e-3, 0.0)}).of("loss"), Tolerances().of("gap")
    ((0.001, 0.0), (1e-06, 1e-12))
    """

    rtol: float = 1e-6
    atol: float = 1e-12
    columns: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()

    def of(self, name: str) -> tuple[float, float]:
        return self.columns.get(name, (self.rtol, self.atol))


@working(1)
def compare(a: Result, b: Result, tolerances: Tolerances | None = None) -> list[Claim]:
    """Each thing that two runs should have in common, as a claim.

    Factors modulo rotation, each column of the trace at the steps both recorded, iterations,
    outcome, and the verdicts of the claims. Different settings are told, and are no
    difference: comparing two engines is what this is for.
    Raises DataError when the runs are of matrices or ranks that do not fit together, and
    SettingsError for a column that neither run has.
    """
    tolerances = tolerances or Tolerances()
    if (a.U.shape, a.V.shape) != (b.U.shape, b.V.shape):
        raise DataError(
            f"the factors are {_shapes(a)} and {_shapes(b)}",
            "compare two runs of one matrix and one rank",
        )
    _known(a, b, tolerances)
    claims = [
        *_matrix(a, b, tolerances),
        *_settings(a, b),
        *_outcome(a, b),
        *_factors(a, b, tolerances),
        *_trace(a, b, tolerances),
    ]
    return [claim for claim in claims if claim.name not in tolerances.ignore]


def _known(a: Result, b: Result, tolerances: Tolerances) -> None:
    names = {*a.trace, *b.trace, "factors", "iterations", "outcome", "verdicts", "matrix"}
    if a.mean is not None or b.mean is not None:
        names.add("mean")
    for name in (*tolerances.columns, *tolerances.ignore):
        if name not in names and name not in IGNORED:
            raise SettingsError(
                f"neither run has a column {name}", f"choose from {', '.join(sorted(names))}"
            )


def _claim(name: str, statement: str, same: bool, detail: str, **numbers: float) -> Claim:
    verdict = Verdict.HOLDS if same else Verdict.VIOLATED
    return Claim(name, statement, verdict, detail, SOURCE, numbers)


def _matrix(a: Result, b: Result, tolerances: Tolerances) -> Iterator[Claim]:
    centers = [center_of(run.problem) for run in (a, b)]
    x, y = a.problem.get("norm"), b.problem.get("norm")
    if x is not None and y is not None:
        # Read in another precision, the same matrix has a norm that differs by 1e-7.
        same = math.isclose(x, y, rel_tol=max(tolerances.rtol, 1e-6))
        detail = f"‖M‖_F = {x:.10g} and {y:.10g}"
        first, second = (FORMULAS.get(kind, "M = A") for kind in centers)
        if first != second:
            # Means that are small beside ‖M‖_F do not show in it.
            same = same and _of_equal_sums(a, b)
            detail += f"; the first has {first}, the second {second}"
        elif centers[0] in FORMULAS:
            detail += f", {first}"
        yield _claim("matrix", "both runs are of one matrix M", same, detail)
    if a.mean is not None and b.mean is not None and centers[0] == centers[1]:
        yield _means(a.mean, b.mean, float(x or 1.0), tolerances)


def _of_equal_sums(a: Result, b: Result) -> bool:
    """Whether both are known to be of one M, of whichever A that is left."""
    known = [run.problem["fingerprint"] for run in (a, b) if "fingerprint" in run.problem]
    return len(known) == 2 and not same_matrix(*({**each, "offset": 0.0} for each in known))


def _means(x: Array, y: Array, norm: float, tolerances: Tolerances) -> Claim:
    """What the matrix cannot tell: M is the same of temperatures in °C and in K."""
    rtol, atol = tolerances.of("mean")
    off = float(np.max(np.abs(x - y)))
    allowed = rtol * float(np.max(np.abs([x, y]))) + atol * norm
    statement, detail = "both took off the same means", f"at most {off:.3g} apart"
    if off > allowed:
        detail += f", {allowed:.3g} allowed"
    return _claim("mean", statement, off <= allowed, detail, difference=off)


def _settings(a: Result, b: Result) -> Iterator[Claim]:
    """Options whose values differ; not a failure."""
    differ = []
    for name in sorted({*a.settings, *b.settings}):
        values = [(entry_of(run, name) or {}).get("value") for run in (a, b)]
        if values[0] != values[1]:
            differ.append(f"{name}: {values[0]} and {values[1]}")
    detail = "; ".join(differ) if differ else "all equal"
    verdict = Verdict.INCONCLUSIVE if differ else Verdict.HOLDS
    yield Claim("settings", "both runs had the same settings", verdict, detail, SOURCE)


def _outcome(a: Result, b: Result) -> Iterator[Claim]:
    detail = f"{a.outcome.sentence} / {b.outcome.sentence}"
    yield _claim("outcome", "both runs ended alike", a.outcome is b.outcome, detail)
    counts = a.summary.get("iterations"), b.summary.get("iterations")
    if None not in counts:
        detail = f"{counts[0]} and {counts[1]}"
        yield _claim("iterations", "both runs took as many", counts[0] == counts[1], detail)
    verdicts = [{claim.name: claim.verdict for claim in run.claims} for run in (a, b)]
    common = sorted(verdicts[0].keys() & verdicts[1].keys())
    differ = [
        f"{name}: {verdicts[0][name]} and {verdicts[1][name]}"
        for name in common
        if verdicts[0][name] != verdicts[1][name]
    ]
    detail = "; ".join(differ) if differ else f"{len(common)} claims"
    yield _claim("verdicts", "each claim has the same verdict in both", not differ, detail)


def _factors(a: Result, b: Result, tolerances: Tolerances) -> Iterator[Claim]:
    A, B = Factors(a.U, a.V), Factors(b.U, b.V)
    distance, product = factor_distance(A, B), product_distance(A, B)
    rtol, atol = tolerances.of("factors")
    detail = (
        f"{distance:.3g} apart modulo rotation, the products UVᵀ {product:.3g}, both relative;"
        f" tolerance {rtol + atol:.3g}"
    )
    statement = "(U, V) are the same up to a rotation (UQ, VQ)"
    same = distance <= rtol + atol
    yield _claim("factors", statement, same, detail, distance=distance, product_distance=product)


def _trace(a: Result, b: Result, tolerances: Tolerances) -> Iterator[Claim]:
    if "step" not in a.trace or "step" not in b.trace:
        return
    steps, in_a, in_b = np.intersect1d(a.trace["step"], b.trace["step"], return_indices=True)
    counts = len(a.trace["step"]), len(b.trace["step"])
    detail = f"{len(steps)} of {counts[0]} and {counts[1]} recorded steps"
    yield _claim("step", "both runs recorded common steps", len(steps) > 0, detail)
    norm = float(a.problem.get("norm") or 1.0)
    for name in a.trace:
        if name == "step" or name in IGNORED or name not in b.trace or not len(steps):
            continue
        x, y = (np.asarray(t, float) for t in (a.trace[name][in_a], b.trace[name][in_b]))
        rtol, atol = tolerances.of(name)
        with np.errstate(over="ignore"):  # then anything is allowed
            allowed = rtol * np.maximum(np.abs(x), np.abs(y))
        allowed += atol * norm ** _power(name, a, b)
        yield _column(name, x, y, allowed, steps)


def _power(name: str, a: Result, b: Result) -> float:
    """Of ‖M‖_F that a column has the units of; a step size those of the method."""
    if name in ("step_size", "flow_time"):
        names = {str((entry_of(run, "method") or {}).get("value", PLAIN)) for run in (a, b)}
        powers = {METHODS[each].power for each in names if each in METHODS}
        return powers.pop() if len(powers) == 1 else 0.0
    return (COLUMNS[name].power if name in COLUMNS else None) or 0.0


def _column(name: str, x: Array, y: Array, allowed: Array, steps: Array) -> Claim:
    equal = (x == y) | (np.isnan(x) & np.isnan(y))  # infinities and missing values included
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.where(equal, 0.0, np.abs(x - y))
        bad = ~equal & ~((off <= allowed) & np.isfinite(off))
        excess = np.where(equal, 0.0, off / allowed)
    statement = f"{name} is the same at each common step"
    if not bad.any():
        detail = f"at most {np.max(off):.3g} apart"
        return _claim(name, statement, True, detail, difference=float(np.max(off)))
    first = int(np.argmax(bad))
    worst = int(np.nanargmax(np.where(bad & np.isnan(excess), np.inf, excess)))
    detail = (
        f"{int(bad.sum())} of {len(steps)} steps differ, first at step {steps[first]:.15g}:"
        f" {x[first]:.10g} and {y[first]:.10g}, {off[first]:.3g} apart where {allowed[first]:.3g}"
        f" is allowed; worst at step {steps[worst]:.15g}"
    )
    return _claim(name, statement, False, detail, difference=float(off[worst]))


def _shapes(run: Result) -> str:
    return " and ".join(by(factor.shape) for factor in (run.U, run.V))
