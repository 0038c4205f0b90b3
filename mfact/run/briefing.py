"""What the parts of a run are told of it: limits, facts for the monitors, the optimum."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from mfact.core import Target
from mfact.run.plan import Plan, eps_of
from mfact.settings import MOST_PLAIN_STEPS, RunSettings
from mfact.stopping import StopRules


def rules_of(settings: RunSettings, target: Target, plan: Plan) -> StopRules:
    """The limits of a run. Where nothing else would end it, a gradient of 1e-8 does."""
    s = settings
    tol_gradient = s.tol_gradient
    if not s.optimum and tol_gradient is None and s.tol_residual is None:
        tol_gradient = 1e-8
    return StopRules(
        tol=plan.tol if s.optimum else None,
        tol_residual=s.tol_residual,
        tol_gradient=tol_gradient,
        patience=s.patience,
        min_iter=s.min_iter,
        max_iter=MOST_PLAIN_STEPS if s.max_iter is None else s.max_iter,
        max_time=s.max_time,
        norm=target.norm,
        sigma_1=plan.sigma_1,
        eps=float(np.finfo(target.dtype).eps),
        sharpness=plan.problem.sharpness,
    )


def info_of(
    settings: RunSettings, target: Target, plan: Plan, engine: str, max_iter: int
) -> dict[str, Any]:
    """What the observers and monitors are told of the run."""
    s = settings
    eps = None
    if plan.schedule.name in ("theorem-3.1", "certified"):
        eps = eps_of(s, target.norm)
    return {
        "norm": target.norm,
        "sigma_1": plan.sigma_1,
        "rank": s.rank,
        "shape": list(target.shape),
        "dtype": str(target.dtype),
        "objective": s.objective,
        "balance_weight": s.balance_weight,
        "method": s.method,
        "schedule": dataclasses.asdict(plan.schedule),  # type: ignore[call-overload]
        "eps": eps,
        "start": {"name": s.start, "std": plan.scale},
        "max_iter": max_iter,
        "max_time": s.max_time,
        "tol": plan.tol,
        "engine": engine,
        "singular_values": None,
        "numerical_rank": None,
    }
