"""A gradient flow as one document, with steps beside it, and the page that is drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mfact.core import unit_of
from mfact.report.columns import cell, curves, described
from mfact.report.labels import PROBLEM, labelled_parameters, shapes
from mfact.report.machine import finite
from mfact.report.parts import Columns, Facts, Heading, Part
from mfact.report.text import number
from mfact.studies.flow import Study
from mfact.studies.flow_and_descent import Comparison

SCHEMA = "mfact-flow/2"
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
STEPS = (("step_size", "η"), ("steps", "steps"))
MEASURED = {
    "distance": ("distance", "‖(U, V) − flow‖ / ‖flow‖ at the end, the flow being their own"),
    "D_distance": ("‖D − D_flow‖", "at the end; D_flow = D₀ for the plain objective"),
    "log_det_drift": (
        "log det",
        "how far log det(UᵀU + λI) − log det(VᵀV + λI), less what λ's moves add, has moved",
    ),
    "remainder": ("remainder", "distance to the modified flow −(∇f + (η/2)∇²f∇f)"),
}
"""Columns of a comparison, and of its slopes: the label of each, and what it is."""

NEAR = 0.1
"""How far a slope may be from what it is as η → 0."""


def document(found: Study, name: str) -> dict[str, Any]:
    """All that was found, as JSON values under the schema "mfact-flow/2"; name: the matrix's."""
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
        "compared": {name: _compared(each) for name, each in found.comparisons.items()},
    }
    cleaned: dict[str, Any] = finite(made)
    return cleaned


def _uncentered(norm: float | None) -> dict[str, float]:
    """‖A‖_F, where M is what is left of another matrix."""
    return {} if norm is None else {"uncentered_norm": norm}


def _compared(comparison: Comparison) -> dict[str, Any]:
    columns = {
        "step_size": comparison.step_sizes,
        "steps": comparison.counts,
        **comparison.columns,
    }
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    return {
        "flow": comparison.flow or None,
        "time": comparison.time,
        "parameters": comparison.parameters,
        "rows": [dict(zip(columns, row, strict=True)) for row in values],
        "slopes": {
            name: {"slope": slope, "expected": comparison.expected.get(name)}
            for name, slope in comparison.slopes.items()
        },
    }


def page(doc: Mapping[str, Any]) -> list[Part]:
    """What was followed, its table, the steps of methods; doc: the document of a flow."""
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
    return parts + _steps(doc["compared"]) if doc["compared"] else parts


def rows(doc: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows of the flow's table, or of the steps beside it; doc: the document of a flow."""
    compared = doc["compared"]
    names = _measured(compared)
    found: list[Mapping[str, Any]] = [
        {"method": method, **{name: row.get(name) for name in ("step_size", "steps", *names)}}
        for method, each in compared.items()
        for row in each["rows"]
    ]
    return found or doc["flow"]


def _steps(compared: Mapping[str, Any]) -> list[Part]:
    parts: list[Part] = []
    for method, each in compared.items():
        own = {key: MEASURED[key][0] for key in each["slopes"]}
        parameters = labelled_parameters(each["parameters"])
        follows = each["flow"] or "none that is known; s = nη"
        cells = [[cell(row[key]) for key in (*dict(STEPS), *own)] for row in each["rows"]]
        parts += [
            Heading(f"Steps of {method} to the same flow time"),
            Facts([("flow", follows), ("to s", number(each["time"])), *parameters]),
            Columns([*dict(STEPS).values(), *own.values()], cells),
        ]
    measured = _measured(compared)
    slopes = [
        [method, *(_slope(each["slopes"].get(name)) for name in measured)]
        for method, each in compared.items()
    ]
    told = [MEASURED[name] for name in measured]
    return [
        *parts,
        Heading("Slopes against η, log–log, over the three smallest"),
        Columns(["method", *(label for label, _ in told)], slopes, named=True),
        Facts([*told, ("slopes", _expected(compared))]),
    ]


def _measured(compared: Mapping[str, Any]) -> list[str]:
    """The columns that some method has."""
    return [name for name in MEASURED if any(name in each["slopes"] for each in compared.values())]


def _slope(told: Mapping[str, Any] | None) -> str:
    """A slope, and what it is not, where it should be that."""
    if told is None:
        return "-"
    slope, expected = told["slope"], told["expected"]
    if slope is None:
        return "hidden"
    near = expected is None or abs(slope - expected) <= NEAR
    return f"{slope:.3f}" if near else f"{slope:.3f}, not {expected:g}"


def _expected(compared: Mapping[str, Any]) -> str:
    """What slopes are as η → 0."""
    words = ["1 as η → 0"]
    if any("remainder" in each["slopes"] for each in compared.values()):
        words.append("2 of the remainder")
    words += [
        f"any of {method}, which keeps no law that is known"
        for method, each in compared.items()
        if not each["flow"]
    ]
    hidden = any(told["slope"] is None for c in compared.values() for told in c["slopes"].values())
    told = ", ".join(words)
    return f"{told}; hidden: by rounding, or the solver's tolerance" if hidden else told


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
