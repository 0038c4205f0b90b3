"""What the parts of a run are told of it: limits, facts for the monitors, the optimum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mfact.core import Target
from mfact.run.plan import Plan
from mfact.settings import MOST_PLAIN_STEPS, RunSettings
from mfact.stopping import StopRules
from mfact.theory.facts import Facts


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


def facts_of(
    settings: RunSettings, fingerprint: Mapping[str, Any], plan: Plan, engine: str, max_iter: int
) -> Facts:
    """What the observers and monitors are told of the run.

    fingerprint: of M (see mfact.targets.fingerprint), as the first part of the run took it.
    """
    d1, d2 = fingerprint["shape"]
    return Facts(
        norm=fingerprint["norm"],
        sigma_1=plan.sigma_1,
        rank=settings.rank,
        shape=(d1, d2),
        dtype=fingerprint["dtype"],
        objective=settings.objective,
        weight=plan.problem.weight,
        method=settings.method,
        schedule=plan.schedule,
        start=settings.start,
        scale=plan.scale,
        tol=plan.tol,
        engine=engine,
        max_iter=max_iter,
        max_time=settings.max_time,
    )
