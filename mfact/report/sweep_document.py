"""A sweep over many starts as one document, from which every view is made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mfact.problems.factorization import formula
from mfact.report.machine import finite
from mfact.settings import PARAMETERS
from mfact.storage.sweeps import SweepRecord
from mfact.theory.frequencies import (
    Sweep,
    hypotheses,
    interval,
    limit_within,
    slope_per_decade_of_size,
    slope_per_decade_of_tolerance,
)

SCHEMA = "mfact-sweep/1"
QUANTILES = (("min", 0.0), ("5%", 0.05), ("median", 0.5), ("95%", 0.95), ("max", 1.0))


def document(record: SweepRecord) -> dict[str, Any]:
    """All that the sweeps found, as JSON values under the schema "mfact-sweep/1"."""
    runs, grown, bounds = record.runs, record.grown, record.bounds
    settings = record.sweeps[0].settings
    made = {
        "schema": SCHEMA,
        "objective": f"f = {formula(0.0, settings.center)}",
        "settings": {
            **vars(settings),
            "c_step": record.sweeps[0].chosen["c_step"],
            "tolerances": list(settings.tolerances),
        },
        "matrix": runs and {"name": record.name, **_one(runs, bounds)},
        "growth": None,
    }
    if grown:
        made["growth"] = {
            "predicted_per_decade": slope_per_decade_of_size(settings, grown[0].values),
            "sizes": _sizes(grown, bounds),
        }
    cleaned: dict[str, Any] = finite(made)
    return cleaned


def _one(runs: Sweep, bounds: Sequence[float]) -> dict[str, Any]:
    settings, total = runs.settings, runs.settings.seeds
    lacks = hypotheses(runs)
    return {
        "shape": list(runs.shape),
        "rank_of_matrix": runs.values.size,
        "leading_values": runs.values[: settings.rank + 1].tolist(),
        "start_scale": runs.start_scale,
        **{name: runs.chosen.get(name) for name in ("step_size", *PARAMETERS)},
        "theorem_3_2": f"hypotheses not met: {'; '.join(lacks)}" if lacks else "hypotheses met",
        "converged": _share(runs.converged, total),
        "diverged": int(np.count_nonzero(runs.diverged)),
        "steps": _steps(runs),
        "predicted_per_decade_of_tolerance": slope_per_decade_of_tolerance(settings, runs.values),
        "within": [
            {
                "bound": bound,
                **_share(runs.within(bound), total),
                "limit": limit_within(bound, settings),
            }
            for bound in bounds
        ],
        "final_ratio": [float(end.reduce(runs.last)) for end in (np.fmin, np.fmax)],
    }


def _share(count: int, total: int) -> dict[str, Any]:
    return {"count": count, "fraction": count / total, "interval": list(interval(count, total))}


def _steps(runs: Sweep) -> list[dict[str, Any]]:
    """For each tolerance how many runs got there, and quantiles of their steps."""
    rows: list[dict[str, Any]] = []
    for level, tol in enumerate(runs.settings.tolerances):
        steps = runs.iterations(level)
        quantiles = {
            name: int(np.quantile(steps, q, method="inverted_cdf")) if steps.size else None
            for name, q in QUANTILES
        }
        rows.append({"tol": tol, "reached": steps.size, **quantiles})
    return rows


def _sizes(grown: Sequence[Sweep], bounds: Sequence[float]) -> list[dict[str, Any]]:
    """One entry a size; per_decade: the growth of the median since the size before, by log₁₀ d."""
    rows = [_one(runs, bounds) for runs in grown]
    for before, row in zip([None, *rows], rows, strict=False):
        row["per_decade"] = _per_decade(before, row) if before else None
    return rows


def _per_decade(before: Mapping[str, Any], row: Mapping[str, Any]) -> float | None:
    decades = math.log10(row["shape"][0] / before["shape"][0])
    medians = before["steps"][-1]["median"], row["steps"][-1]["median"]
    if decades == 0 or None in medians:
        return None
    return float((medians[1] - medians[0]) / decades)
