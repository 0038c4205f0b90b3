"""A sweep over many starts as one document, and the page that is drawn from it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mfact.problems.factorization import formula
from mfact.report.labels import shapes
from mfact.report.machine import finite
from mfact.report.parts import Columns, Facts, Heading, Part
from mfact.report.text import number
from mfact.report.views import Views, document_views
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
_QUANTILES = (("min", 0.0), ("5%", 0.05), ("median", 0.5), ("95%", 0.95), ("max", 1.0))


def document(record: SweepRecord) -> dict[str, Any]:
    """All that the sweeps found, as JSON values under the schema "mfact-sweep/1"."""
    runs, grown, bounds = record.runs, record.grown, record.bounds
    settings = record.sweeps[0].settings
    made = {
        "schema": SCHEMA,
        "objective": f"f = {formula(0.0, settings.center)}",
        "settings": {**vars(settings), "tolerances": list(settings.tolerances)},
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
        "step_size": runs.step_size,
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
            for name, q in _QUANTILES
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


def sweep_views(record: SweepRecord) -> Views:
    """What --format asks for."""
    return document_views(document(record), page, rows)


def page(doc: Mapping[str, Any]) -> list[Part]:
    """What was run, and a table for each finding; doc: the document of a sweep."""
    parts: list[Part] = [Heading("mfact: M ≈ UVᵀ by gradient descent from many starts", top=True)]
    settings = doc["settings"]
    if doc["matrix"]:
        parts += _matrix(doc["matrix"], settings, doc["objective"])
    if doc["growth"]:
        parts += _growth(doc["growth"], settings)
    return parts


def rows(doc: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A row for each sweep and tolerance: how many runs got there, and in how many steps."""
    sweeps = [doc["matrix"]] if doc["matrix"] else []
    sweeps += doc["growth"]["sizes"] if doc["growth"] else []
    return [
        {"d1": run["shape"][0], "d2": run["shape"][1], **line}
        for run in sweeps
        for line in run["steps"]
    ]


def _setup(
    run: Mapping[str, Any], settings: Mapping[str, Any], objective: str
) -> list[tuple[str, str]]:
    return [
        ("objective", objective),
        ("starts", f"{settings['seeds']}, drawn from seed {settings['seed']}"),
        ("start", f"N(0, s²), s = c_init √(σ₁/d), c_init {number(settings['c_init'])}"),
        ("step", f"c_step/σ₁, c_step {number(settings['c_step'])}"),
        ("tolerance", f"√(‖UVᵀ − M‖_F² − Σ_{{i>r}}σ_i²) ≤ {number(settings['tol'])} σ_k"),
        ("step limit", str(settings["max_iter"])),
        ("Theorem 3.2", run["theorem_3_2"]),
    ]


def _matrix(run: Mapping[str, Any], settings: Mapping[str, Any], objective: str) -> list[Part]:
    r = settings["rank"]
    pairs = [
        ("matrix", run["name"]),
        shapes(run["shape"], r),
        ("rank of M", str(run["rank_of_matrix"])),
        (f"leading σ (r + 1 = {r + 1})", number(run["leading_values"])),
        *_setup(run, settings, objective),
    ]
    names = [name for name, _ in _QUANTILES]
    steps = [
        [number(row["tol"]), str(row["reached"]), *(number(row[name]) for name in names)]
        for row in run["steps"]
    ]
    slope = run["predicted_per_decade_of_tolerance"]
    within = [
        [
            number(row["bound"]),
            str(row["count"]),
            f"{row['fraction']:.4f}",
            _ends(row["interval"]),
            "-" if row["limit"] is None else f"{row['limit']:.4f}",
        ]
        for row in run["within"]
    ]
    share = run["converged"]
    fraction = f"{share['fraction']:.4f}, 95 % interval {_ends(share['interval'])}"
    low, high = run["final_ratio"]
    ratio = "|uᵀu*|/|vᵀv*|" if r == 1 else "‖Φ_rᵀU‖_F/‖Ψ_rᵀV‖_F"
    return [
        Heading("Sweep"),
        Facts(pairs),
        Heading("Steps to √(‖UVᵀ − M‖_F² − Σ_{i>r}σ_i²) ≤ ε σ_k, of the runs that got there"),
        Columns(("ε", "runs", *names), steps),
        Facts([("expected late growth per decade of ε", number(slope, 4))]),
        Heading(f"Runs with 1/C ≤ {ratio} ≤ C at every step"),
        Columns(("C", "runs", "fraction", "95 % interval", "small-start limit"), within),
        Heading("Summary"),
        Facts(
            [
                ("converged", f"{share['count']} of {settings['seeds']}, {fraction}"),
                ("diverged", str(run["diverged"])),
                (f"final {ratio}", f"{number(low)} to {number(high)}"),
            ]
        ),
    ]


def _growth(grown: Mapping[str, Any], settings: Mapping[str, Any]) -> list[Part]:
    rows = grown["sizes"]
    bounds = [entry["bound"] for entry in rows[0]["within"]]
    header = ("d", "converged", "5%", "median", "95%", "per decade")
    lines = [
        [
            str(row["shape"][0]),
            f"{row['converged']['fraction']:.4f}",
            *(number(row["steps"][-1][name]) for name in ("5%", "median", "95%")),
            _steps_a_decade(row["per_decade"]),
            *(f"{entry['fraction']:.3f}" for entry in row["within"]),
        ]
        for row in rows
    ]
    values = number(rows[0]["leading_values"])
    return [
        Heading("Growth with d: d×d matrices of rank r, the same draws for each size"),
        Facts([("σ", values), *_setup(rows[0], settings, f"f = {formula(0.0)}")]),
        Columns((*header, *(f"C={number(bound)}" for bound in bounds)), lines),
        Facts(
            [
                ("expected per decade", f"{_steps_a_decade(grown['predicted_per_decade'])} steps, "
                 "ln 10/(2 ln(1 + c_step σ_r/σ₁))"),
                ("columns C", "fraction of runs with the ratio in [1/C, C] at every step"),
            ]
        ),
    ]  # fmt: skip


def _steps_a_decade(count: float | None) -> str:
    return "-" if count is None else f"{count:.2f}"


def _ends(ends: Sequence[float]) -> str:
    return f"[{ends[0]:.4f}, {ends[1]:.4f}]"
