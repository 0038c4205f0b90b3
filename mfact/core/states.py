"""Where a run is: its state, a block of its steps, and the engine that takes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from mfact.core.protocols import Coordinates, Problem
from mfact.core.updates import Method
from mfact.core.values import Array, Distance, Factors, Ledger, Memory, Optimum, Point, Rows


@dataclass(frozen=True)
class Plain:
    """The factors themselves: no bases.

    optimum: against which rows tell gaps, where known. each: passes over M a step takes. ahead: by
    how much the passes so far are more than those of the steps.
    """

    optimum: Optimum | None = None
    ahead: int = 0
    each: int = 1
    size: None = None
    passes: int = 0

    def passes_at(self, steps: Array) -> Array:
        return np.asarray(self.each * steps + self.ahead)

    def leave(self, point: Point) -> Factors:
        return Factors(*point)

    def factors(self, point: Point) -> Factors:
        return Factors(*point)

    def above(self, point: Point) -> None:
        return None

    def orthogonality(self) -> float:
        return 0.0


@dataclass(frozen=True)
class State:
    """All that the next step depends on, as a value.

    step: t. point: in the engine's coordinates. memory: the method's. ledger: what has been added
    to D since step 0. coordinates: how the point is read; they change when the bases grow.
    distance: from the plain iterates, zero where these are taken themselves.
    """

    step: int
    point: Point
    memory: Memory
    ledger: Ledger
    coordinates: Coordinates
    distance: Distance = field(default_factory=Distance)


@dataclass(frozen=True)
class Segment:
    """A block of steps: one row for each of the points t, t + 1, … that a step was taken from.

    rows: column name -> array of n values; row i belongs to state_at(i). state: after the last
    of these steps, its own row not known yet. state_at(i): the state at row i.
    """

    rows: Rows
    state: State
    state_at: Callable[[int], State]


class Stepper(Protocol):
    """Takes the steps of the loop."""

    def advance(self, state: State, step_sizes: Array) -> Segment:
        """Up to len(step_sizes) ≥ 1 steps from `state`, at least one."""


class Engine(Stepper, Protocol):
    """In which coordinates a factorization's loop runs."""

    name: str

    @staticmethod
    def runs(problem: type[Problem], method: Method) -> str:
        """Why such a problem by such a method cannot run here; empty where it can."""

    def start(self, point: Point) -> State:
        """The state at step 0."""

    def opened(self, state: State) -> State:
        """A point at step 0, in coordinates of this engine, with all memories as they begin."""

    def sharpened(self, state: State, tolerance: float) -> State:
        """The state in coordinates that show the optimum to `tolerance`, a gap; as it is where
        they show nothing, or may grow no more.
        """

    def seen(self, state: State) -> State:
        """The state in the coordinates in which most is known of its second order."""

    def moved(self, state: State, factors: Factors) -> State:
        """The state at other factors in its coordinates; D starts anew from there."""
