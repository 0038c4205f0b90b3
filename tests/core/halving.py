"""An engine made by hand, and the one loop around it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from rows_by_hand import RULES

from mfact.core import Plain, Segment, State
from mfact.descent import At, Confirmed, Descent
from mfact.schedules import Constant
from mfact.stopping import StopWatch


def at(step, x):
    """The state of a run by hand."""
    return State(step, x, (), None, Plain())


def descend(
    engine, state, schedule, watch, confirm, observers=(), *, good=None, between=None, until=None,
    **options,
):  # fmt: skip
    """A Descent with a confirm(state, stop) -> (state, stop or None); where it ended, and why."""

    def look(state, stop, known):
        return Confirmed(*confirm(state, stop), known)

    loop = Descent(engine, schedule, watch, look, observers, **options)
    asked = {} if between is None else {"between": between}
    end, stop = loop.run(At(state, good), until=until, **asked)
    outcome, reason = (None, "") if stop is None else (stop.outcome, stop.reason)
    return SimpleNamespace(state=end.state, outcome=outcome, reason=reason)


class Halving:
    """x_{t+1} = factor · x_t with loss ½x²; blocks of at most `block` steps."""

    name = "halving"

    def __init__(self, factor=0.5, block=7):
        self.factor, self.block, self.asked = factor, block, []

    def advance(self, state, step_sizes):
        n = min(self.block, len(step_sizes))
        self.asked.append(len(step_sizes))
        with np.errstate(over="ignore"):
            x = np.array([state.point * self.factor**i for i in range(n + 1)])
            loss = 0.5 * x[:-1] ** 2
        ones = np.ones(n)
        table = {
            "step": np.arange(state.step, state.step + n),
            "step_size": step_sizes[:n],
            "loss": loss,
            "gap": 2 * loss,
            "relative_residual": np.abs(x[:-1]),
            "gradient_norm": np.abs(x[:-1]),
            "size_U": ones,
            "size_V": ones,
        }

        def state_at(i):
            return at(state.step + i, float(x[i]))

        return Segment(table, state_at(n), state_at)


class Seen:
    def __init__(self):
        self.steps = []

    def segment(self, rows):
        self.steps += rows["step"].tolist()


def agree(state, verdict):
    return state, verdict


def go(engine=None, rules=RULES, confirm=agree, **options):
    seen = Seen()
    engine = engine or Halving()
    finish = descend(
        engine, at(0, 1.0), Constant(0.1), StopWatch(rules), confirm, [seen], **options
    )
    return finish, seen.steps


class Hands:
    """The time, which others move on."""

    def __init__(self):
        self.time = 0.0

    def __call__(self):
        return self.time
