"""What a result says of a run: the problem, its settings, and its numbers at the end."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mfact.core import Array, Optimum, State
from mfact.gradient_flow.records import EXACT
from mfact.settings import RunSettings
from mfact.theory.lemma_3_2 import Certificate

if TYPE_CHECKING:
    from mfact.run.running import Run


def problem_of(run: Run, optimum: Optimum | None) -> dict[str, Any]:
    """The matrix, and what is known of it by now."""
    d1, d2 = run.target.shape
    norm, plan = run.target.norm, run.plan
    first = plan.sigma_1, plan.sigma_1_error
    if optimum is not None and optimum.values and optimum.errors[0] <= first[1]:
        first = optimum.values[0], optimum.errors[0]
    return {
        **run.described,
        "shape": [d1, d2],
        "rank": run.settings.rank,
        "objective": run.plan.problem.formula,
        "norm": norm,
        "fingerprint": run.fingerprint,
        "sigma_1": first[0],
        "sigma_1_error": first[1],
        "singular_values": None if optimum is None else list(optimum.values) or None,
        "singular_values_error": None if optimum is None else list(optimum.errors) or None,
        "fitted_rank": optimum.k if optimum and optimum.k < run.settings.rank else None,
        "optimum": None if optimum is None else optimum.floor,
        "optimum_error": None if optimum is None else optimum.error,
    }


def settings_of(run: Run) -> dict[str, Any]:
    """Each option with its value and where it came from, and what was chosen for it."""
    chosen = {
        "schedule": run.plan.schedule.name,
        "start_scale": run.plan.scale,
        "every": run.recorder.every,
        "engine": f"{run.engine.name}: {run.why}",
        "eps": run.plan.schedule.eps,
        "tol": run.plan.tol,
        "tol_gradient": run.rules.tol_gradient,
        "step_size": run.plan.schedule(0),
        "threads": run.settings.threads or 1,
    }
    table = {}
    for field in dataclasses.fields(RunSettings):
        value = getattr(run.settings, field.name)
        source = run.sources.get(field.name, "default")
        entry = {"value": value, "source": source}
        if field.name in chosen and chosen[field.name] != value:
            entry["used"] = chosen[field.name]
        table[field.name] = entry
    return table


def summary_of(
    run: Run,
    state: State,
    trace: Mapping[str, Array],
    optimum: Optimum | None,
    certificate: Certificate | None,
    loose: float | None,
) -> dict[str, Any]:
    """The numbers of the last step, and what it took to get there; see mfact.core.Result."""
    last = {name: float(column[-1]) for name, column in trace.items()} if trace else {}
    audits = trace["audit"][np.isfinite(trace["audit"])] if trace else np.zeros(0)
    kept = state.conserved
    size = math.sqrt(last.get("size_U", 0.0) + last.get("size_V", 0.0))
    reduced = state.coordinates is not None
    names = (
        "loss",
        "penalty",
        "relative_residual",
        "gap",
        "gradient_norm",
        "imbalance",
        "relative_imbalance",
        "drift",
        "norm_ratio",
    )
    landed = run.landed
    summary: dict[str, Any] = {
        "forecast_log10_iterations": run.forecast,
        "iterations": state.step if landed.get("log10_iterations", 0) < EXACT else None,
        **landed,
        **{name: last.get(name) for name in names},
        "gap_bound": None if optimum is None else optimum.gap_error,
        "ledger_audit": float(audits[-1]) if len(audits) else None,
        "flow_time": kept.flow_time,
        # Two runs that differ by rounding alone never end farther apart than this.
        "distance_bound": min(kept.distance / size, 2.0) if size else 0.0,
        "passes": run.target.passes,
        "basis_size": state.coordinates.basis.size if reduced else None,
        "orthogonality": loose,
        "escapes": run.judge.escapes or None,
        "verdict": None if certificate is None else certificate.kind,
        "curvature": None if certificate is None else certificate.curvature,
        "notes": [*run.notes] or None,
        "seconds": run.timer.seconds,
        "wall_seconds": run.timer.wall_seconds,
    }
    return {name: value for name, value in summary.items() if value is not None}
