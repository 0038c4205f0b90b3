"""A gradient flow as one document, and the page that is drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mfact.core import unit_of
from mfact.report.columns import curves, described
from mfact.report.labels import PROBLEM, shapes
from mfact.report.machine import finite
from mfact.report.parts import Facts, Heading, Part
from mfact.report.text import number
from mfact.studies.flow import Study
from mfact.studies.flow_and_descent import Comparison

SCHEMA = "mfact-flow/1"
RANKED = ("rank", "wish", "why")
"""What is told of a rank that was found."""

METHODS = {
    "closed-form": "closed form, in sub-steps of at most 1/(2σ₁)",
    "ode": "DOP853, relative tolerance 1e-10, in SVD coordinates",
}
_NORMS = ("uncentered_norm", "norm")
COLUMNS = (
    ("time", "s", "the flow time, in units of 1/M"),
    ("gap", "gap", "(f − ½Σ_{i>k}σ_i²) / ½σ_k², σ_k the weakest of the r that is not zero"),
    ("gradient_norm", "gradient", "norm of the gradient of the objective in both factors"),
    ("imbalance", "‖D‖", "imbalance, D = UᵀU − VᵀV"),
    ("drift", "‖D − D₀‖", "drift, which the flow of the plain objective keeps at 0"),
    ("norm_ratio", "‖U‖²/‖V‖²", "squared norm of U over that of V"),
)
GD_COLUMNS = (
    ("step_size", "η", "step size, in units of 1/M"),
    ("steps", "steps", "number of steps to the same flow time"),
    ("distance", "distance", "‖(U, V) − flow‖ / ‖flow‖ at the end"),
    ("D_distance", "‖D − D_flow‖", "at the end; D_flow = D₀ for the plain objective"),
)


def document(found: Study, name: str) -> dict[str, Any]:
    """All that was found, as JSON values under the schema "mfact-flow/1"; name: the matrix's."""
    k = found.k
    # f − ½Σ_{i>r}σ_i² is what the flow tells.
    spare = 0.5 * float(np.sum(found.sigma[k : found.rank] ** 2))
    unit = unit_of(float(found.sigma[k - 1]))
    rows = [
        {
            "time": float(time),
            "gap": max(scalars.loss_excess - spare, 0.0) / unit,
            "loss": scalars.loss_excess + 0.5 * float(np.sum(found.sigma[found.rank :] ** 2)),
            "penalty": scalars.penalty,
            "gradient_norm": scalars.gradient_norm,
            "imbalance": scalars.imbalance,
            "drift": float(change),
            "norm_ratio": scalars.size_X / scalars.size_Y if scalars.size_Y else None,
        }
        for time, scalars, change in zip(
            found.flow.times, found.flow.scalars, found.flow.drift, strict=True
        )
    ]
    made = {
        "schema": SCHEMA,
        "matrix": {
            "name": name,
            "shape": list(found.shape),
            **_uncentered(found.uncentered_norm),
            "norm": float(np.linalg.norm(found.sigma)),
            "leading_values": found.sigma[: found.rank + 1].tolist(),
        },
        "objective": found.formula,
        "settings": vars(found.settings),
        "rank": None if found.found is None else {n: getattr(found.found, n) for n in RANKED},
        "method": found.flow.method,
        "flow": rows,
        "gradient_descent": None if found.comparison is None else _compared(found.comparison),
    }
    cleaned: dict[str, Any] = finite(made)
    return cleaned


def _uncentered(norm: float | None) -> dict[str, float]:
    """‖A‖_F, where M is what is left of another matrix."""
    return {} if norm is None else {"uncentered_norm": norm}


def _compared(comparison: Comparison) -> dict[str, Any]:
    arrays = (comparison.step_sizes, comparison.counts, comparison.distance, comparison.D_distance)
    keys = [key for key, _, _ in GD_COLUMNS]
    return {
        "rows": [
            dict(zip(keys, row, strict=True))
            for row in zip(*(column.tolist() for column in arrays), strict=True)
        ],
        "distance_slope": comparison.distance_slope,
        "D_distance_slope": comparison.D_distance_slope,
    }


def page(doc: Mapping[str, Any]) -> list[Part]:
    """What was followed, its table, gradient descent beside it; doc: the document of a flow."""
    matrix, settings = doc["matrix"], doc["settings"]
    r = settings["rank"]
    pairs = [
        ("matrix", matrix["name"]),
        shapes(matrix["shape"], r),
        *([("rank", f"{r}, {doc['rank']['why']}")] if doc["rank"] else []),
        ("objective", doc["objective"]),
        *((PROBLEM[name], number(matrix[name])) for name in _NORMS if name in matrix),
        (f"leading σ (r + 1 = {r + 1})", number(matrix["leading_values"])),
        ("start", _start(settings)),
        ("flow", f"d(U, V)/ds = −∇, to s = {number(settings['time'])}"),
        ("method", METHODS[doc["method"]]),
    ]
    kept = [
        column for column in COLUMNS if column[0] != "drift" or doc["flow"][0]["drift"] is not None
    ]
    parts: list[Part] = [
        Heading("mfact: gradient flow of M ≈ UVᵀ", top=True),
        Heading("Problem"),
        Facts(pairs),
        Heading("Flow"),
        curves(COLUMNS, doc["flow"], ("gap", "imbalance")),
        *described(kept, doc["flow"]),
    ]
    return parts + _descent(doc["gradient_descent"]) if doc["gradient_descent"] else parts


def rows(doc: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows of the flow's table; doc: the document of a flow."""
    found: list[Mapping[str, Any]] = doc["flow"]
    return found


def _descent(compared: Mapping[str, Any]) -> list[Part]:
    slopes = [
        (f"slope of {what}", "hidden by rounding" if slope is None else f"{slope:.3f}")
        for what, slope in (
            ("distance", compared["distance_slope"]),
            ("‖D − D_flow‖", compared["D_distance_slope"]),
        )
    ]
    return [
        Heading("Gradient descent to the same flow time"),
        *described(GD_COLUMNS, compared["rows"]),
        Heading("Slopes against η, log–log, over the three smallest: both are 1 as η → 0"),
        Facts(slopes),
    ]


def _start(settings: Mapping[str, Any]) -> str:
    kind: str = settings["start"]
    if settings["start_scale"] is None:
        return kind
    text = f"{kind}, scale {number(settings['start_scale'])}"
    if kind == "unbalanced":
        text += f", ‖U‖²/‖V‖² about {number(settings['start_ratio'])}"
    if settings["imbalance"]:
        text += f", D₀ = {number(settings['imbalance'])} I"
    return text if kind == "spectral" else f"{text}, seed {settings['seed']}"
