"""Run files of format 1, of mfact 0.1, in the words and the unit of the present format.

Format 1 called ‖D‖_F `drift`, ‖D − D₀‖_F `drift_change` and ‖U‖_F² `norm_U`, and told a gap
relative to ½‖M‖_F², where the share of the largest component hid that of the weakest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from mfact.core import Result
from mfact.problems.optimum import fitted_rank, zero_below
from mfact.targets.holders import stored_eps

NAMES = {
    "drift": "imbalance",
    "relative_drift": "relative_imbalance",
    "drift_change": "drift",
    "norm_U": "size_U",
    "norm_V": "size_V",
    "largest_drift": "largest_imbalance",
}
GAPS = ("gap", "gap_bound", "gap_error")
OLD_UNIT = "/½‖M‖²"
"""Follows the name of a gap that cannot be told in the new unit."""


def from_format_1(result: Result) -> Result:
    """The result with the names of format 2, its gaps multiplied by ‖M‖_F²/σ_k².

    Where the file does not hold σ_k, a gap keeps its old unit and says so in its name. The
    tolerance that the run was given is converted for `check`, as what was used.
    """
    factor = _factor(result)
    return replace(
        result,
        trace=_renamed(result.trace, factor),
        summary=_renamed(result.summary, factor),
        settings=_settings(result.settings, factor),
        claims=tuple(replace(c, numbers=_renamed(c.numbers, factor)) for c in result.claims),
    )


def _factor(result: Result) -> float | None:
    """‖M‖_F²/σ_k², None where no singular values were stored."""
    problem, r = result.problem, result.U.shape[1]
    norm, values = problem.get("norm"), problem.get("singular_values")
    if not norm or not values or not values[0]:
        return None
    stored = problem.get("stored_dtype")
    shape = (result.U.shape[0], result.V.shape[0])
    arithmetic = float(np.finfo(result.U.dtype).eps)
    zero = zero_below(norm, values[0], shape, stored_eps(stored or "f8"), arithmetic)
    k = fitted_rank(values, r, zero)
    return float((norm / values[k - 1]) ** 2)


def _renamed(values: Mapping[str, Any], factor: float | None) -> dict[str, Any]:
    made = {}
    for name, value in values.items():
        if name not in GAPS:
            made[NAMES.get(name, name)] = value
        elif factor is None:
            made[name + OLD_UNIT] = value
        else:
            made[name] = None if value is None else value * factor
    return made


def _settings(settings: Mapping[str, Any], factor: float | None) -> dict[str, Any]:
    made = dict(settings)
    if factor is not None and "tol" in made and made["tol"].get("value") is not None:
        made["tol"] = {**made["tol"], "used": made["tol"]["value"] * factor}
    return made
