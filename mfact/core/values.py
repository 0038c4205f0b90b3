"""What is handed on: points, what is known at one, and what has accumulated on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nextafter
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# NumPy's own types know no arithmetic whose precision is chosen at run time, and none of what
# is read from JSON: these three lines are the only ones of the inner rooms that say Any.
Array = NDArray[Any]  # type: ignore[explicit-any]
Kind = np.dtype[Any]  # type: ignore[explicit-any]
Document = Mapping[str, Any]  # type: ignore[explicit-any]
"""JSON values by name: str, int, float, bool, None, lists and documents."""

Rows = Mapping[str, Array]
"""Columns of the trace by name, of equal length, one entry a step (see mfact.trace)."""

Point = tuple[Array, ...]
"""(U, V), or (W_1, …, W_N); in reduced coordinates the one array that holds both."""

Balance = tuple[Array, ...]
"""D, a quadratic form of the point: (UᵀU − VᵀV,); of N layers a matrix for each two neighbours."""

Memory = tuple[Array, ...]
"""What a method, or its law, keeps from step to step; empty where it keeps nothing."""

LEAST_TOLERANCE = 1e-13
"""Of a certificate: a smaller gap is rounding, whatever tolerance was asked for."""


def moves(rows: Rows) -> Array:
    """How far each step moves the point, η‖∇f‖_F where no column tells it."""
    if "move" in rows:
        return np.asarray(rows["move"], float)
    length: Array = np.asarray(rows["step_size"], float) * np.asarray(rows["gradient_norm"], float)
    return length


def stacked(told: Sequence[tuple[Array, ...]]) -> tuple[Array, ...]:
    """What is told of n steps as one, each array n×…."""
    return tuple(np.array(each) for each in zip(*told, strict=True))


class Factors(NamedTuple):
    """The point (U, V): U is d1×r, V is d2×r."""

    U: Array
    V: Array


@dataclass(frozen=True)
class Names:
    """Of the rows and of the columns of a matrix, d1 and d2 of them; None where it has none."""

    rows: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None


def unit_of(sigma_k: float) -> float:
    """½σ_k², in which a gap is told; units of M², 1 for the zero matrix."""
    return 0.5 * sigma_k**2 or 1.0


class Evaluation(NamedTuple):
    """A problem at one point, from one pass.

    value: f, without the penalty; n numbers where the parts are stacks, of n points. gradient: of
    the whole objective, a part for each part of the point. balance: D of the point. seen: what the
    problem keeps of the point for its columns.
    """

    value: float | Array
    gradient: Point
    balance: Balance
    seen: Array


class Moved(NamedTuple):
    """A step that was taken, v₊ = v − ηd.

    point: v₊. direction: d. memory: the method's after it. between: the problem where some parts
    have moved and the others have not, of a method that moves one after the other.
    """

    point: Point
    direction: Point
    memory: Memory
    between: Evaluation | None = None


class Followed(NamedTuple):
    """What a law makes of n steps.

    entries: D₊ − D of each, n×…. memories: n + 1, before, between and after them. columns: of the
    trace, n values each, where the law speaks of more than D.
    """

    entries: Balance
    memories: list[Memory]
    columns: Mapping[str, Array] = MappingProxyType({})


@dataclass(frozen=True)
class Optimum:
    """What is known of the best approximation of rank r (see mfact.problems.optimum).

    values: σ₁ … σ_{r+1} as far as they are known. errors: how far each may be off. k: of the
    leading r those that are not zero. floor: ½Σ_{i>k}σ_i²; error: how far floor may lie above the
    true one, both in units of M². saddle: the least gap of a saddle, 1 − (σ_{k+1}/σ_k)².

    The gap of a loss f is max(0, f − floor)/(½σ_k²): in the share of the weakest component there
    is, so that none can hide behind the largest. The loss of a stationary point is
    ½(‖M‖² − Σ_{i∈S}σ_i²), |S| ≤ r, so no saddle has a gap below `saddle`.
    Source: Eckart and Young 1936; the unit: mfact, derived.
    """

    values: tuple[float, ...]
    errors: tuple[float, ...]
    k: int
    floor: float
    error: float
    saddle: float

    @property
    def unit(self) -> float:
        """½σ_k², in which a gap is told."""
        return unit_of(self.values[self.k - 1])

    @property
    def curvature(self) -> float:
        """µ = σ_k − σ_{k+1} of the slowest mode there, units of M."""
        after = self.values[self.k] if len(self.values) > self.k else 0.0
        return self.values[self.k - 1] - after

    @property
    def gap_error(self) -> float:
        """How far a gap may be from the true one because of what is not known."""
        return self.error / self.unit

    def known_to(self, tol: float) -> bool:
        """Whether a gap of `tol` can be told by it; none smaller than LEAST_TOLERANCE can."""
        return self.gap_error <= max(tol, LEAST_TOLERANCE)

    def gap(self, loss: float) -> float:
        """(f − ½Σ_{i>k}σ_i²)/(½σ_k²), zero below the optimum of rank k."""
        return max(loss - self.floor, 0.0) / self.unit

    def sure(self, tol: float) -> float:
        """The largest gap up to tol that no saddle has."""
        return min(tol, nextafter(self.saddle, 0.0))


@dataclass(frozen=True)
class Ledger:
    """What D must be: D_t = start + entries in exact arithmetic.

    start: D_0. entries: the sum of what the law says that each step adds. memory: the law's.
    flow_time: Ση, in the units of the method's steps.
    """

    start: Balance
    entries: Balance
    memory: Memory = ()
    flow_time: float = 0.0


@dataclass(frozen=True)
class Distance:
    """How far the point may be from the plain iterates, in units of √M.

    bound: on it. tangent: a difference of that kind carried along by the linearized step, while
    differences can still grow; it is moved at each multiple of `stride` only, when `pending`
    holds Σ(η, fresh) since then. rho, top: −rho ≤ Hessian ≤ top, used once they cannot. Of a method
    that is not plain gradient descent the tangent is a stack, of the point and of each part of the
    memory, and is carried at every step to the end.
    """

    bound: float = 0.0
    tangent: Array | None = None
    stride: int = 1
    pending: tuple[float, float] = (0.0, 0.0)
    rho: float = 0.0
    top: float = 0.0
