"""An engine driven step after step without a run around it."""

from __future__ import annotations

import numpy as np


def drive(engine, state, steps, portion=lambda t: 1024):
    """Every state from `state` on, and all rows, as the loop of a run would see them."""
    states, rows = [], []
    t, end = state.step, state.step + len(steps)
    while t < end:
        most = portion(t)
        segment = engine.advance(state, steps[t - end :][:most])
        taken = len(segment.rows["step"])
        assert 1 <= taken <= most
        assert segment.rows["step"].tolist() == list(range(t, t + taken))
        states += [segment.state_at(i) for i in range(taken)]
        rows.append(segment.rows)
        state, t = segment.state, t + taken
    names = set().union(*rows)
    columns = {
        name: np.concatenate([r.get(name, np.full(len(r["step"]), np.nan)) for r in rows])
        for name in names
    }
    return [*states, state], columns


def distances(engine, states, points):
    """‖(U, V) − plain (U, V)‖ / ‖plain (U, V)‖ at each step."""
    off = []
    for state, (U, V) in zip(states, points, strict=True):
        got = state.coordinates.leave(state.point)
        size = np.hypot(np.linalg.norm(U), np.linalg.norm(V)) or 1.0
        off.append(np.hypot(np.linalg.norm(got.U - U), np.linalg.norm(got.V - V)) / size)
    return np.array(off)
