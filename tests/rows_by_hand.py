"""Rules, and rows made by hand for them."""

from __future__ import annotations

import numpy as np

from mfact.stopping import StopRules, StopWatch

RULES = StopRules(
    tol=1e-10,
    tol_residual=None,
    tol_gradient=None,
    patience=None,
    min_iter=0,
    max_iter=1000,
    max_time=None,
    norm=1.0,
    sigma_1=1.0,
    eps=2.2e-16,
    sharpness=2.0,
)


def rows(count=10, start=0, **changes):
    """A run in good order, with columns replaced."""
    t = np.arange(start, start + count)
    loss = 0.5 * 0.9**t
    return {
        "step": t,
        "step_size": np.full(count, 0.1),
        "loss": loss,
        "gap": 2 * loss,
        "relative_residual": np.sqrt(2 * loss),
        "gradient_norm": np.sqrt(loss),
        "size_U": np.ones(count),
        "size_V": np.ones(count),
        **changes,
    }


def find(rules=RULES, table=None, seconds=0.0, interrupted=False):
    return StopWatch(rules).find(rows() if table is None else table, seconds, interrupted)


def at(count, **values):
    """ones, with the values at some indices."""
    column = np.ones(count)
    for index, value in values.items():
        column[int(index[1:])] = value
    return column
