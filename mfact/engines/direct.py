"""The plain loop on the point itself: any problem, any method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mfact.core import (
    Array,
    Balance,
    Factors,
    Method,
    Plain,
    Point,
    Problem,
    Segment,
    State,
    stacked,
)
from mfact.engines.measures import (
    against,
    measured,
    moved_by,
    opened,
    reopened,
    size_of,
)

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
        co = Plain(each=self.method.passes)
        return self.opened(State(0, tuple(point), (), opened(self.problem.balance(point)), co))

    def opened(self, state: State) -> State:
        ledger = replace(state.ledger, memory=self.method.law.init(self.problem, state.point))
        return replace(state, memory=self.method.init(state.point), ledger=ledger)

    def advance(self, state: State, step_sizes: Array) -> Segment:
        per_point = sum(part.nbytes for part in (*state.point, *state.memory))
        most = max(1, min(32, KEPT_BYTES // per_point))
        # A block ends at a multiple of this, wherever a run was cut: with it ends the number of
        # passes for steps that a run turns out not to take.
        step_sizes = step_sizes[: most - state.step % most]
        problem, law = self.problem, self.method.law
        points, memories = [state.point], [state.memory]
        values, norms, seen, moves = [], [], [], []
        balances: list[Balance] = []
        told: list[tuple[Array, ...]] = []
        with np.errstate(all="ignore"):
            for eta in step_sizes.tolist():
                point, memory = points[-1], memories[-1]
                at = problem.evaluate(point)
                moved = self.method.step(problem, point, at, eta, memory)
                told.append(law.told(problem, point, at, moved, eta, memory))
                values.append(at.value)
                norms.append(size_of(at.gradient))
                moves.append(eta * size_of(moved.direction))
                seen.append(at.seen)
                balances.append(at.balance)
                points.append(moved.point)
                memories.append(moved.memory)
            stack, losses = np.array(seen), np.array(values)
            followed = law.follow(
                step_sizes, stacked(told), problem.pull(stack), state.ledger.memory
            )
            table, ledger_at = measured(
                state.ledger,
                state.step,
                step_sizes,
                stacked(balances),
                followed,
                np.array(norms),
                problem.scale,
            )
            table |= problem.columns(stack, losses, table["imbalance"])
            table |= against(state.coordinates.optimum, losses)
        table["leak"] = table["distance"] = np.zeros(len(step_sizes))
        table["passes"] = state.coordinates.passes_at(table["step"])
        table |= moved_by(self.method, np.array(moves))
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
        ledger = reopened(state.ledger, self.problem.balance(point))
        return self.opened(replace(state, point=point, ledger=ledger))
