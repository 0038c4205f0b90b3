"""What each entry of a result is called on the page, and in which order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mfact.core import Names, Result
from mfact.host.timer import of_clock
from mfact.report.text import duration, measured, number, share_text
from mfact.settings import PARAMETERS
from mfact.studies.named import center_of
from mfact.trace import COLUMNS, SUMMED
from mfact.words import format_bytes, shown

PROBLEM = {
    "name": "matrix",
    "path": "file",
    "dataset": "dataset",
    "format": "format",
    "file_bytes": "size",
    "stored_dtype": "stored as",
    "order": "order",
    "transpose": "transposed",
    "file_notes": "notes on the file",
    "kind": "kind",
    "objective": "objective",
    "uncentered_norm": "‖A‖_F",
    "norm": "‖M‖_F",
    "sigma_known_to": "σ known to",
    "sigma_1": "σ₁",
    "singular_values": "leading σ",
    "optimum": "optimum ½Σ_{i>k}σ_i²",
    "fitted_rank": "σ that are not zero, k",
}
_PARAMETERS = {"momentum": ("μ", "{}"), "damping": ("λ", "{}√(2(f − ½Σ_{{i>r}}σ_i²))")}
"""Of methods: the symbol of each, and what it is of its number."""

# The shapes have their own line; sparse is told by the order; sums are for programs to compare.
_TOLD_ELSEWHERE = {"center", "shape", "rank", "sparse", "fingerprint"}
_WHERE_NOT_ZERO = {"penalty", "transpose"}
# What the summary tells beside the last values of columns: before them, after one, at the end.
_FIRST = {
    "iterations": "iterations",
    "log10_iterations": "log₁₀ iterations",
    "forecast_log10_iterations": "log₁₀ iterations, forecast",
    "plain_steps": "steps taken one by one",
    "fast_forward_error": "error of fast-forward, relative",
    "flow_time": "flow time Ση",
}
_AFTER = {
    "relative_residual": {"explained": "share explained, 1 − ‖R‖_F²/‖M‖_F²"},
    "gap": {"gap_bound": "gap known to within"},
    "gradient_norm": {"verdict": "certificate", "curvature": "least curvature"},
}
_LAST = {
    "ledger_audit": "ledger audit ‖(D − D₀) − ledger‖_F",
    "distance_bound": "distance to the plain iterates, at most",
    "escapes": "escapes from saddle points",
    "passes": "passes over M",
    "basis": "reduced basis",
    "basis_size": "reduced basis, columns",
    "orthogonality": "basis off orthonormal by",
    "notes": "notes",
    "seconds": "time",
    "wall_seconds": "time in all, reading included",
}
SUMMARY = {
    **_FIRST,
    **{
        key: label
        for name in SUMMED
        for key, label in {name: COLUMNS[name].label, **_AFTER.get(name, {})}.items()
    },
    **_LAST,
}
BRIEF = {
    "iterations": "iterations",
    "log10_iterations": "log₁₀ iterations",
    "relative_residual": "residual ‖R‖_F/‖M‖_F",
    "explained": "explained of ‖M‖_F²",
    "gap": "gap",
    "imbalance": "imbalance ‖D‖_F",
    "drift": "drift ‖D − D₀‖_F",
    "passes": "passes over M",
    "distance_bound": "plain iterates within",
    "wall_seconds": "time",
}
"""What of the summary the short page shows; R = UVᵀ − M, D = UᵀU − VᵀV."""

FIRST_NAMES = 3
"""Of the rows and of the columns, that are shown where there are names, and of their means."""

ERRORS = {"gap": "gap_bound"}
"""Values whose error has a name of its own; of others it is NAME_error."""


def shapes(shape: Sequence[int], r: int) -> tuple[str, str]:
    """The shapes of a factorization of rank r, with their label; shape: of M.

    >>> shapes((61, 12), 2)
    ('shapes', 'M is 61×12, U is 61×2, V is 12×2')
    """
    d1, d2 = shape
    return "shapes", f"M is {d1}×{d2}, U is {d1}×{r}, V is {d2}×{r}"


def shapes_of(result: Result) -> tuple[str, str]:
    """Those of a run."""
    (d1, r), d2 = result.U.shape, result.V.shape[0]
    return shapes((d1, d2), r)


def names_of(names: Names) -> list[tuple[str, str]]:
    """How many rows and columns have names, and which are the first, under one label; nothing where
    there are none.

    >>> names_of(Names(rows=("ACTB", "GAPDH", "a\\tb", "CD4"), columns=("x",)))
    [('names', '4 rows (ACTB, GAPDH, a\\\\tb, …), 1 columns (x)')]
    """
    sides = []
    for what, each in (("rows", names.rows), ("columns", names.columns)):
        if each is not None:
            first = [shown(name, quoted=False) for name in each[:FIRST_NAMES]]
            more = ["…"] if len(each) > FIRST_NAMES else []
            sides.append(f"{len(each)} {what} ({', '.join([*first, *more])})")
    return [("names", ", ".join(sides))] if sides else []


def means_of(result: Result) -> list[tuple[str, str]]:
    """What a run took off, under one label; nothing where it took off nothing."""
    if result.mean is None:
        return []
    first = [number(each) for each in result.mean[:FIRST_NAMES].tolist()]
    if len(result.mean) == 1:
        return [("mean", first[0])]
    more = ["…"] if len(result.mean) > FIRST_NAMES else []
    side = center_of(result.problem)
    return [("means", f"of {len(result.mean)} {side}: {', '.join([*first, *more])}")]


def labelled_parameters(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Those of a method that are among the values.

    >>> labelled_parameters({"momentum": 0.5, "damping": None})
    [('μ', '0.5')]
    """
    known = {name: values[name] for name in PARAMETERS if values.get(name) is not None}
    labels = {name: _PARAMETERS.get(name, (name, "{}")) for name in known}
    return [(labels[name][0], labels[name][1].format(number(known[name]))) for name in known]


def timeless(values: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that no clock had a part in.

    >>> timeless({"loss": 0.5, "seconds": 2.0, "setup_seconds": 1.0})
    {'loss': 0.5}
    """
    return {k: v for k, v in values.items() if not of_clock(k)}


def labelled(
    values: Mapping[str, Any], labels: Mapping[str, str], *, only: bool = False
) -> Iterator[tuple[str, str]]:
    """Label and text of each known value, the labelled ones first and in their order.

    A key without a label is shown under its own name, unless only those with one are asked for; a
    value in the digits that its error leaves.

    >>> list(labelled({"new_thing": 2, "seconds": 90.0, "gap": None}, SUMMARY))
    [('time', '1 min 30 s'), ('new thing', '2')]
    >>> list(labelled({"sigma_1": 2.125, "sigma_1_error": 0.1}, PROBLEM))
    [('σ₁', '2.1 ± 0.1')]
    """
    others = [] if only else [key for key in values if key not in labels]
    for key in [*(key for key in labels if key in values), *others]:
        value = values[key]
        error_of = key.removesuffix("_error")
        if key in _TOLD_ELSEWHERE or (error_of != key and error_of in values):
            continue
        if value is None or value in ("", [], {}) or (key in _WHERE_NOT_ZERO and value == 0):
            continue
        text = _with_error(key, value, values.get(ERRORS.get(key, f"{key}_error")))
        if key == "sigma_known_to":
            text = f"{number(value, 2)} at best{_lost(values)}"
        yield labels.get(key, key.replace("_", " ")), text


def _lost(problem: Mapping[str, Any]) -> str:
    """Why the singular values of a matrix without its means are known to no more.

    >>> [_lost({"norm": 10.0, "uncentered_norm": whole}) for whole in (1e6, 80.0, 11.0)]
    [': 5 digits went with the means', ': 1 digit went with the means', '']
    """
    norm, whole = problem.get("norm") or 0.0, problem.get("uncentered_norm") or 0.0
    digits = round(math.log10(whole / norm)) if 0 < norm <= whole else 0
    went = f"{digits} digit{'' if digits == 1 else 's'} went with the means"
    return f": {went}" if digits else ""


def _with_error(key: str, value: Any, error: Any) -> str:
    """The value in the digits that are known; a list may have a list of errors."""
    if isinstance(value, list) and isinstance(error, list) and len(value) == len(error):
        return ", ".join(measured(v, e) for v, e in zip(value, error, strict=True))
    return measured(value, error) if isinstance(error, float) else value_text(key, value)


def value_text(key: str, value: Any) -> str:
    """A value as its name wants it: times, sizes and plain numbers.

    >>> value_text("setup_seconds", 75.0), value_text("max_basis_bytes", 2048)
    ('1 min 15 s', '2.0 KiB')
    """
    if key.endswith("seconds") and isinstance(value, (int, float)):
        return duration(value)
    if key.endswith(("bytes", "memory")) and isinstance(value, int):
        return format_bytes(value)
    if key == "explained" and isinstance(value, (int, float)):
        return share_text(value)
    return number(value)
