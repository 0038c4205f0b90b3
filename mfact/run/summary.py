"""What a result says of a run: the problem, its settings, and its numbers at the end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from mfact.core import Array, Document, Optimum, Outcome, whole_norm
from mfact.gradient_flow.records import EXACT
from mfact.options import Settings
from mfact.problems.optimum import zero_in
from mfact.run.keeper import Keeper
from mfact.run.progress import Finish, Live, Plan
from mfact.targets.door import DEVICE
from mfact.theory.lemma_3_2 import Certificate
from mfact.trace import SUMMED

FAR = 1e-3
"""Of the factors: a bound on the distance to the plain iterates above which it is noted."""


def problem_of(plan: Plan, optimum: Optimum | None) -> Document:
    """The matrix, and what is known of it by now."""
    d1, d2 = plan.target.shape
    rank, asked = plan.asked.settings.rank, plan.asked
    first = plan.chosen.sigma_1, plan.chosen.sigma_1_error
    if optimum is not None and optimum.values and optimum.errors[0] <= first[1]:
        first = optimum.values[0], optimum.errors[0]
    return {
        **asked.described,
        "shape": [d1, d2],
        "rank": rank,
        "objective": plan.problem.formula,
        **_centred(plan),
        "norm": plan.problem.scale,
        "fingerprint": asked.fingerprint,
        "sigma_1": first[0],
        "sigma_1_error": first[1],
        "singular_values": None if optimum is None else list(optimum.values) or None,
        "singular_values_error": None if optimum is None else list(optimum.errors) or None,
        "fitted_rank": optimum.k if optimum and optimum.k < rank else None,
        "optimum": None if optimum is None else optimum.floor,
        "optimum_error": None if optimum is None else optimum.error,
    }


def _centred(plan: Plan) -> Document:
    """What a matrix without its means was, and how far each of its σ may be off for that."""
    if plan.target.mean is None:
        return {}
    error = zero_in(plan.target, plan.chosen.sigma_1)
    return {"uncentered_norm": whole_norm(plan.target), "sigma_known_to": error}


def settings_of(plan: Plan, every: int) -> Document:
    """Each option with its value and where it came from, and what was chosen for it."""
    settings, choice, wish = plan.asked.settings, plan.chosen, plan.asked.wish
    chosen: dict[str, object] = {
        "schedule": choice.schedule.name,
        "start_scale": choice.scale,
        "every": every,
        "modes": "on" if choice.modes else "off",
        "engine": f"{choice.engine}: {choice.why}",
        "eps": choice.schedule.eps,
        "tol": choice.tol,
        "tol_gradient": plan.rules.tol_gradient,
        "step_size": choice.schedule(0),
        **choice.tuned,
    }
    if settings.device == "auto":
        chosen["device"] = "cuda" if DEVICE in plan.asked.described else "cpu"
    if wish is not None:
        settings, chosen["rank"] = settings.changed({"rank": wish}), settings.rank
    return told_settings(settings, plan.asked.sources, chosen)


def told_settings(
    settings: Settings, sources: Mapping[str, str], chosen: Mapping[str, object]
) -> Document:
    """Each option with its value and where it came from, and what was chosen for it."""
    table: dict[str, object] = {}
    for name, value in vars(settings).items():
        entry = {"value": value, "source": sources.get(name, "default")}
        if name in chosen and chosen[name] != value:
            entry["used"] = chosen[name]
        table[name] = entry
    return table


def explained(residual: float) -> float:
    """1 − ρ², the share of ‖M‖_F² that UVᵀ explains, from ρ = ‖UVᵀ − M‖_F/‖M‖_F; 1 for ρ = 0
    alone, else at most the float before it.

    >>> explained(0.5), explained(1e-12) < 1, explained(2.0)
    (0.75, True, -3.0)
    """
    share = (1 - residual) * (1 + residual)
    return min(share, math.nextafter(1.0, 0.0)) if residual > 0 else share


def summary_of(
    plan: Plan,
    finish: Finish,
    live: Live,
    keeper: Keeper,
    trace: Mapping[str, Array],
    certificate: Certificate | None,
    loose: float,
) -> Document:
    """The numbers of the last step, and what it took to get there; see mfact.core.Result.

    loose: how far the bases are from orthonormal.
    """
    last = {name: float(column[-1]) for name, column in trace.items()} if trace else {}
    audits = trace["audit"][np.isfinite(trace["audit"])] if trace else np.zeros(0)
    at, flight = finish.progress.at, finish.progress.flight
    state, known, co = at.state, at.known, at.state.coordinates
    landed = flight.landed if flight is not None else None
    size = math.sqrt(last.get("size_U", 0.0) + last.get("size_V", 0.0))
    # Two runs that differ by rounding alone never end farther apart than this.
    bound: float | None = min(state.distance.bound / size, 2.0) if size else 0.0
    if plan.target.offset and co.size is None:
        bound = None  # each step multiplied A, and how its rounding grew was not followed
    notes = [*finish.progress.notes, *keeper.missed]
    if plan.reach is not None and co.size is None:
        notes.append(
            f"the basis reached its limit of {plan.chosen.basis_limit} bytes:"
            " steps went on directly"
        )
    if bound is not None and bound > FAR:
        why = "the start is symmetric, or close to a saddle"
        if plan.target.offset:
            why = f"{why}, or the means that are taken off are too large"
        notes.append(
            "rounding decided where the run went, so that the plain iterates may have gone"
            f" elsewhere: {why}"
        )
    interrupted = live.caught is not None and finish.outcome is Outcome.INTERRUPTED
    summary: dict[str, object] = {
        "forecast_log10_iterations": plan.chosen.forecast,
        "iterations": state.step if landed is None or landed.log10_iterations < EXACT else None,
        **({} if landed is None else asdict(landed)),
        **{name: last.get(name) for name in SUMMED},
        "explained": explained(last["relative_residual"]) if "relative_residual" in last else None,
        "gap_bound": None if known.optimum is None else known.optimum.gap_error,
        "ledger_audit": float(audits[-1]) if len(audits) else None,
        "flow_time": state.ledger.flow_time,
        "distance_bound": bound,
        "passes": plan.target.passes,
        "basis": None if co.size is None else plan.chosen.basis,
        "basis_size": co.size,
        "orthogonality": None if co.size is None else loose,
        "escapes": known.escapes or None,
        "verdict": None if certificate is None else certificate.kind,
        "curvature": None if certificate is None else certificate.curvature,
        "notes": notes or None,
        "seconds": live.timer.seconds,
        "wall_seconds": live.timer.wall_seconds,
        "signal": live.caught.number if live.caught and interrupted else None,
        "checkpoint": keeper.path if keeper.there else None,
        "unsaved": keeper.unsaved or None,
    }
    return {name: value for name, value in summary.items() if value is not None}
