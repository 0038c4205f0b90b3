"""The plain loop on the point itself: any problem, any method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mfact.core import (
    Array,
    Balance,
    Factors,
    Law,
    Method,
    Plain,
    Point,
    Problem,
    Segment,
    State,
)
from mfact.engines.measures import against, measured, opened, reopened, stacked

KEPT_BYTES = 64 << 20
"""Points kept so that a block can end at any of its steps."""


class DirectEngine:
    """Runs the update on the parts of the point, with a pass of the problem a step."""

    name = "direct"

    def __init__(self, problem: Problem, method: Method) -> None:
        self.problem, self.method = problem, method
        self.law: Law = method.law or Unknown()

    @staticmethod
    def runs(problem: type[Problem], method: Method) -> str:
        return ""

    def start(self, point: Point) -> State:
        ledger = opened(self.problem.balance(point), self.law.init(self.problem, point))
        return State(0, tuple(point), self.method.init(point), ledger, Plain())

    def advance(self, state: State, step_sizes: Array) -> Segment:
        per_point = sum(part.nbytes for part in (*state.point, *state.memory))
        most = max(1, min(32, KEPT_BYTES // per_point))
        # A block ends at a multiple of this, wherever a run was cut: with it ends the number of
        # passes for steps that a run turns out not to take.
        step_sizes = step_sizes[: most - state.step % most]
        points, memories, laws = [state.point], [state.memory], [state.ledger.memory]
        values, norms, seen = [], [], []
        balances: list[Balance] = []
        entries: list[Balance] = []
        with np.errstate(all="ignore"):
            for eta in step_sizes.tolist():
                point = points[-1]
                at = self.problem.evaluate(point)
                after, memory = self.method.step(self.problem, point, at, eta, memories[-1])
                entry, law = self.law.entry(self.problem, point, at, eta, memory, laws[-1])
                values.append(at.value)
                norms.append(sum(float(np.vdot(part, part)) for part in at.gradient) ** 0.5)
                seen.append(at.seen)
                balances.append(self.problem.balance(point))
                entries.append(entry)
                points.append(after)
                memories.append(memory)
                laws.append(law)
            table, ledger_at = measured(
                state.ledger,
                state.step,
                step_sizes,
                stacked(balances),
                stacked(entries),
                np.array(norms),
                self.problem.scale,
                laws,
            )
            table |= self.problem.columns(np.array(seen), np.array(values))
            table |= against(state.coordinates.optimum, np.array(values))
        table["leak"] = table["distance"] = np.zeros(len(step_sizes))
        base = state.step

        def state_at(i: int) -> State:
            return replace(
                state, step=base + i, point=points[i], memory=memories[i], ledger=ledger_at(i)
            )

        return Segment(table, state_at(len(step_sizes)), state_at)

    def sharpened(self, state: State, tolerance: float) -> State:
        return state

    def seen(self, state: State) -> State:
        return state

    def moved(self, state: State, factors: Factors) -> State:
        # A direction is float64; a run in float32 stays there.
        parts = zip(factors, state.point, strict=True)
        point = tuple(new.astype(old.dtype, copy=False) for new, old in parts)
        law = self.law.init(self.problem, point)
        ledger = reopened(state.ledger, self.problem.balance(point), law)
        return replace(state, point=point, memory=self.method.init(point), ledger=ledger)


class Unknown:
    """The law of a method for which none is known: nothing can be said of D."""

    def init(self, problem: Problem, point: Point) -> tuple[()]:
        return ()

    def entry(self, problem: Problem, point: Point, *step: object) -> tuple[Balance, tuple[()]]:
        return tuple(np.full_like(D, np.nan) for D in problem.balance(point)), ()
