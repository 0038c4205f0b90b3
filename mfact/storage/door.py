"""What a run file holds, place by place: a file that anyone may have made is checked here, once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mfact.core import Array, Outcome, Verdict
from mfact.matrices.decoding import BFLOAT16
from mfact.settings import CENTERS, RunSettings
from mfact.storage.kinds import (
    Kind,
    amount,
    any_number,
    count,
    either,
    flag,
    listing,
    maybe,
    number,
    of_fields,
    one_of,
    plain,
    record,
    refuse,
    size,
    text,
    whole,
    wish,
)
from mfact.storage.mean import require_mean
from mfact.targets.fingerprint import SUMS
from mfact.trace import SUMMED, TIMES

MOST = 1e75
"""Of an entry of U or V: four of them multiply to a number."""

# A number that was not finite is null.
_VALUE, _AMOUNT, _WORDS = maybe(number), maybe(amount), maybe(text)


def _stored(value: Any, place: str) -> None:
    try:
        known = value == BFLOAT16 or np.dtype(value).kind in "fiub"
    except (TypeError, ValueError):
        known = False
    if not isinstance(value, str) or not known:
        refuse(value, place, "a kind of numbers")


FINGERPRINT = record(
    {
        "shape": listing(count, 2),
        "dtype": one_of("float64", "float32"),
        "norm": size,
        "sums": listing(number, SUMS),
        "rounding": number,
        "offset": size,
    },
    needed=("shape", "dtype", "norm", "sums", "rounding"),
)
PROBLEM = record(
    {
        **dict.fromkeys(("name", "format", "order", "kind", "objective"), text),
        **dict.fromkeys(("path", "dataset"), _WORDS),
        "norm": maybe(size),
        "center": one_of(*CENTERS[1:]),
        **dict.fromkeys(("sigma_1", "sigma_1_error", "optimum", "optimum_error"), _AMOUNT),
        **dict.fromkeys(("uncentered_norm", "sigma_known_to"), _AMOUNT),
        **dict.fromkeys(("singular_values", "singular_values_error"), maybe(listing(amount))),
        **dict.fromkeys(("rank", "file_bytes"), count),
        "shape": listing(count, 2),
        "stored_dtype": _stored,
        "sparse": flag,
        "fitted_rank": maybe(count),
        "fingerprint": FINGERPRINT,
    },
    plain,
    needed=(),
)


def setting(kind: Kind) -> Kind:
    return record({"value": kind, "source": text, "used": maybe(kind)}, needed=("value", "source"))


SETTINGS = record(
    {name: setting(kind) for name, kind in of_fields(RunSettings).items()}
    | {"dtype": setting(one_of("float64", "float32"))}
    | {"rank": either(record({"value": wish, "source": text, "used": whole}), setting(whole))},
    setting(lambda value, place: plain(value, place, 0)),
    needed=(),
)
_NUMBERS = (
    *SUMMED, "explained", "forecast_log10_iterations", "log10_iterations", "plain_steps",
    "fast_forward_error", "flow_time", "gap_bound", "curvature", "ledger_audit", "distance_bound",
    "escapes", "passes", "basis_size", "orthogonality", "seconds", "wall_seconds", "signal",
)  # fmt: skip
SUMMARY = record(
    {
        **dict.fromkeys(_NUMBERS, _VALUE),
        **dict.fromkeys(("verdict", "basis", "checkpoint", "unsaved"), text),
        "iterations": maybe(count),
        "notes": listing(text),
    },
    plain,
    needed=(),
)
CLAIM = record(
    {
        **dict.fromkeys(("name", "statement", "detail", "source"), text),
        "verdict": one_of(*Verdict),
        # A count of steps may be beyond the floats.
        "numbers": record({}, maybe(either(whole, number))),
    }
)
ENDED = {
    "outcome": one_of(*Outcome.__members__),
    "message": text,
    "claims": listing(CLAIM),
    "provenance": record({"mfact": text, "folder": _WORDS}, plain, needed=()),
}
"""What run files of all kinds say."""

RUN = record({**ENDED, "problem": PROBLEM, "settings": SETTINGS, "summary": SUMMARY}, plain)


def require_run(arrays: Mapping[str, Array], document: Mapping[str, Any]) -> None:
    """Raise ValueError, with the place and what is wrong there, unless this is a run: U d1×r and V
    d2×r of one kind and finite, a trace of columns of one length along its steps, claims with as
    many numbers as their datasets, and a document in which each entry is what its name says.
    """
    RUN(document, "")
    d1, d2, r = _factors(arrays)
    problem = document["problem"]
    if problem.get("shape", [d1, d2]) != [d1, d2] or problem.get("rank", r) != r:
        raise ValueError(f"U is {d1}×{r} and V {d2}×{r}, which are no factors of its problem")
    require_mean(arrays, problem.get("center"), d1, d2)
    for part in ("problem", "summary"):
        _errors(document[part], part)
    require_rows(arrays, document)
    _modes(under("modes", arrays), r)


def require_rows(arrays: Mapping[str, Array], document: Mapping[str, Any]) -> None:
    """Raise ValueError unless the trace is of columns of one length along its steps, and each claim
    has as many numbers as its dataset.
    """
    _trace(arrays)
    for index, claim in enumerate(document["claims"]):
        name = claim_dataset(index, claim["name"])
        if name in arrays:
            _column(name, arrays[name], len(claim["numbers"]))


def claim_dataset(index: int, name: str) -> str:
    """The dataset of the numbers of a claim."""
    return f"claims/{index}-{name.replace('/', '|')}"


def under(folder: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays in a folder, by their names there."""
    start = f"{folder}/"
    return {n.removeprefix(start): each for n, each in arrays.items() if n.startswith(start)}


def require_numbers(name: str, values: Array) -> None:
    """Raise ValueError unless they are of a kind that runs compute in, finite and at most MOST."""
    if str(values.dtype) not in ("float64", "float32"):
        refuse(str(values.dtype), f"the kind of {name}", "float64 or float32")
    if values.size and not max(float(values.max()), -float(values.min())) <= MOST:  # or NaN
        raise ValueError(f"{name} has entries that are not finite, or above {MOST:g}")


def _factors(arrays: Mapping[str, Array]) -> tuple[int, int, int]:
    for name in "UV":
        if name not in arrays:
            raise ValueError(f"it lacks {name}")
        factor = arrays[name]
        if factor.ndim != 2 or factor.size == 0:
            what = "empty" if factor.ndim == 2 else f"{factor.ndim}-D"
            raise ValueError(f"{name} is {what}, of shape {factor.shape}")
        require_numbers(name, factor)
    U, V = arrays["U"], arrays["V"]
    if U.shape[1] != V.shape[1] or U.dtype != V.dtype:
        raise ValueError(
            f"it has U with {U.shape[1]} columns of {U.dtype}, and V with {V.shape[1]} of {V.dtype}"
        )
    return U.shape[0], V.shape[0], U.shape[1]


def _trace(arrays: Mapping[str, Array]) -> None:
    columns = under("trace", arrays)
    if not columns:
        return
    if "step" not in columns:
        raise ValueError("its trace lacks the steps")
    for name, values in columns.items():
        _column(f"trace/{name}", values, columns["step"].size)
    _ascending(columns["step"], "trace")


def _ascending(column: Array, part: str) -> None:
    steps = column.astype(float)
    if not (np.all(steps >= 0) and np.all(steps[1:] >= steps[:-1])):
        raise ValueError(f"the steps of its {part} do not ascend from 0")


def _modes(modes: Mapping[str, Array], r: int) -> None:
    """None, or singular values at some steps and when they were to grow."""
    if not modes:
        return
    if modes.keys() != {*TIMES, "sigma", "escape"}:
        refuse(sorted(modes), "the modes", f"{', '.join(TIMES)}, sigma and escape")
    rows = modes["step"].size
    for name in TIMES:
        _column(f"modes/{name}", modes[name], rows)
    sigma, escape = modes["sigma"], modes["escape"]
    if sigma.shape != (rows, r) or sigma.dtype.kind != "f":
        refuse(sigma.shape, "the shape of modes/sigma", f"({rows}, {r}), of real numbers")
    # Of those that are not known, which are NaN, nothing is asked.
    if np.any(sigma < 0) or np.any(sigma[:, 1:] > sigma[:, :-1]) or np.any(np.isinf(sigma)):
        raise ValueError("modes/sigma are no singular values in descending order")
    if escape.ndim != 1 or len(escape) > r or escape.dtype.kind != "f":
        refuse(escape.shape, "the shape of modes/escape", f"({r},) or less, of real numbers")
    if np.any(escape < 0) or np.any(np.isinf(escape)):
        raise ValueError("modes/escape are no flow times")
    _ascending(modes["step"], "modes")


def _column(name: str, values: Array, length: int) -> None:
    if values.shape != (length,) or values.dtype.kind not in "biuf":
        found = f"{values.dtype} of shape {values.shape}"
        refuse(found, name, f"a column of {length} real numbers")


def _errors(values: Mapping[str, Any], where: str) -> None:
    """What has an error, NAME_error, is a number as the error is, or a list as long."""
    for name, error in values.items():
        value = values.get(name.removesuffix("_error"))
        if not name.endswith("_error") or value is None or error is None:
            continue
        both = [value, error]
        if all(isinstance(each, list) for each in both) and len(value) == len(error):
            both = [*value, *error]
        for each in both:
            any_number(each, f"{where}.{name} or what it is of")
