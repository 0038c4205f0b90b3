"""What an update rule is asked for, and the law of what it adds to D."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, Self

from mfact.core.protocols import Problem, Stepped
from mfact.core.values import Array, Balance, Evaluation, Followed, Memory, Moved, Optimum, Point


class Law(Protocol):
    """What a method's steps add to D, exactly, and to what else its flow keeps.

    keeps: what its flow keeps of the plain objective, in words; empty where it keeps nothing.
    """

    @property
    def keeps(self) -> str: ...

    def init(self, problem: Problem, point: Point) -> Memory:
        """The memory of the law at step 0."""

    def told(
        self,
        problem: Problem,
        point: Point,
        at: Evaluation,
        moved: Moved,
        step_size: float,
        memory: Memory,
    ) -> tuple[Array, ...]:
        """What the law needs to know of a step: small arrays. memory: the method's before it."""

    def follow(
        self, step_sizes: Array, told: tuple[Array, ...], pulls: Balance, memory: Memory
    ) -> Followed:
        """The n steps that told() was asked of, each array n×…. pulls: of the points. memory: that
        of the law before the first.
        """


class Method(Protocol):
    """An update rule, v₊ = v − ηd.

    commutes_with_rotation: whether the update of (LX, QY) is (L, Q) times that of (X, Y) for
    orthonormal L, Q. law: of D, and of what else its flow keeps. passes: over M a step takes.
    lasting: for how many steps at its own rate goes on what has come into the memory, 1 where
    nothing is kept. power: of M that a step size has the units of.
    """

    @property
    def name(self) -> str:
        """What --method calls it."""

    @property
    def title(self) -> str:
        """The same in words, as titles say it."""

    @property
    def commutes_with_rotation(self) -> bool: ...

    @property
    def law(self) -> Law: ...

    @property
    def passes(self) -> int: ...

    @property
    def lasting(self) -> float: ...

    @property
    def power(self) -> float: ...

    def step_size(self, sigma_1: float, weight: float, longest: int) -> float:
        """The constant one that is usual, where σ₁ is that of M, λ = weight, d = longest."""

    def tuned(
        self, step_size: float, optimum: Optimum, asked: Mapping[str, float | None]
    ) -> Mapping[str, float]:
        """Its parameters, by name: as asked for, or for steps of this size and what the first Ritz
        values tell of the optimum.
        """

    def having(self, parameters: Mapping[str, float]) -> Self:
        """The same with these parameters."""

    def init(self, point: Point) -> Memory:
        """The memory at step 0: for each thing kept, parts of the shapes of the point's."""

    def step(
        self, problem: Stepped, point: Point, at: Evaluation, step_size: float, memory: Memory
    ) -> Moved:
        """The step; nothing is changed in place. The problem may be asked for the gradient
        elsewhere, at the price of a pass. The parts of a point may be stacks of matrices, n×…, of
        n points in each of which the step is that of the point alone.
        """
