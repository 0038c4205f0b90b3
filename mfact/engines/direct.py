"""The plain loop on the point itself: any problem, any method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mfact.core import (
    Array,
    Balance,
    Factors,
    Memory,
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

    @staticmethod
    def runs(problem: type[Problem], method: Method) -> str:
        return ""

    def start(self, point: Point) -> State:
        ledger = opened(self.problem.balance(point), self._law(point))
        return State(0, tuple(point), self.method.init(point), ledger, Plain())

    def advance(self, state: State, step_sizes: Array) -> Segment:
        per_point = sum(part.nbytes for part in (*state.point, *state.memory))
        most = max(1, min(32, KEPT_BYTES // per_point))
        # A block ends at a multiple of this, wherever a run was cut: with it ends the number of
        # passes for steps that a run turns out not to take.
        step_sizes = step_sizes[: most - state.step % most]
        problem, law = self.problem, self.method.law
        points, memories = [state.point], [state.memory]
        values, norms, seen = [], [], []
        balances: list[Balance] = []
        squares: list[Balance] = []
        with np.errstate(all="ignore"):
            for eta in step_sizes.tolist():
                at = problem.evaluate(points[-1])
                point, memory = self.method.step(problem, points[-1], at, eta, memories[-1])
                squares.append(problem.balance(law.square(at, memory) if law else at.gradient))
                values.append(at.value)
                norms.append(sum([float(np.vdot(part, part)) for part in at.gradient]) ** 0.5)
                seen.append(at.seen)
                balances.append(at.balance)
                points.append(point)
                memories.append(memory)
            stack, losses = np.array(seen), np.array(values)
            entries, laws = stacked(squares), [state.ledger.memory] * len(points)
            if law is None:  # nothing can be said of D
                entries = tuple(np.full_like(S, np.nan) for S in entries)
            else:
                pulls = problem.pull(stack)
                entries, laws = law.entries(step_sizes, entries, pulls, state.ledger.memory)
            table, ledger_at = measured(
                state.ledger,
                state.step,
                step_sizes,
                stacked(balances),
                entries,
                np.array(norms),
                problem.scale,
                laws,
            )
            table |= problem.columns(stack, losses, table["imbalance"])
            table |= against(state.coordinates.optimum, losses)
        table["leak"] = table["distance"] = np.zeros(len(step_sizes))
        table["passes"] = state.coordinates.passes_at(table["step"])
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
        ledger = reopened(state.ledger, self.problem.balance(point), self._law(point))
        return replace(state, point=point, memory=self.method.init(point), ledger=ledger)

    def _law(self, point: Point) -> Memory:
        """The memory of the method's law at a point where D is counted anew."""
        return () if self.method.law is None else self.method.law.init(self.problem, point)
