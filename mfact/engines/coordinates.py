"""How small factors are read: in Krylov bases, or in the singular vectors found in them.

The point of either is one array z = [Xᵀ, Yᵀ], 2×r×K, and so is each thing that a method keeps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mfact.core import Array, Factors, Optimum, Point, State
from mfact.krylov.basis import Basis
from mfact.krylov.spectrum import Spectrum, leaks, padded_square
from mfact.problems.diagonal import excess, turned


@dataclass(frozen=True)
class _InBases:
    """What both have in common. basis: the bases, as they have grown."""

    basis: Basis

    @property
    def size(self) -> int:
        return self.basis.size

    @property
    def passes(self) -> int:
        return self.basis.passes

    def passes_at(self, steps: Array) -> Array:
        return np.full(len(steps), self.passes)

    def orthogonality(self) -> float:
        return self.basis.orthogonality()

    def factors(self, point: Point) -> Factors:
        return Factors(*turned(point[0]))

    def in_bases(self, X: Array, Y: Array) -> tuple[Array, Array]:
        """LᵀU and QᵀV, perhaps with rows of zeros below."""
        return X, Y

    def known(self, point: Point) -> Factors:
        """LᵀU and QᵀV."""
        X, Y = self.in_bases(*self.factors(point))
        return Factors(X[: self.basis.left.known], Y[: self.basis.right.known])

    def leave(self, point: Point) -> Factors:
        return Factors(*self.basis.leave(*self.known(point)))


@dataclass(frozen=True)
class Krylov(_InBases):
    """X = LᵀU, Y = QᵀV.

    changed: the step at which the bases last grew. operator, leak_left, leak_right: B and the
    leaks, dense. energy: ‖B‖_F². unseen: max(‖M‖_F² − ‖B‖_F², 0).
    """

    changed: int
    operator: Array
    leak_left: Array
    leak_right: Array
    energy: float
    unseen: float
    sigma: None = None
    optimum: None = None

    @classmethod
    def of(cls, basis: Basis, step: int, norm: float) -> Krylov:
        """The coordinates of bases that have just grown; norm: ‖M‖_F."""
        left, right = leaks(basis)
        energy = float(np.vdot(basis.B, basis.B))
        unseen = max(norm**2 - energy, 0.0)
        B = padded_square(basis.B, basis.size)
        return cls(basis, step, B, left, right, energy, unseen)

    def above(self, point: Point) -> None:
        return None


@dataclass(frozen=True)
class Singular(_InBases):
    """X = ΦᵀLᵀU, Y = ΨᵀQᵀV, where M in the bases is diag(σ)."""

    spectrum: Spectrum
    operator: None = None

    @property
    def sigma(self) -> Array:
        return self.spectrum.sigma

    @property
    def leak_left(self) -> Array:
        return self.spectrum.leak_left

    @property
    def leak_right(self) -> Array:
        return self.spectrum.leak_right

    @property
    def optimum(self) -> Optimum:
        return self.spectrum.optimum

    def in_bases(self, X: Array, Y: Array) -> tuple[Array, Array]:
        return self.spectrum.phi @ X, self.spectrum.psi @ Y

    def above(self, point: Point) -> float:
        return excess(self.sigma, *turned(point[0])) - self.spectrum.surplus


Reduced = Krylov | Singular


def reduced(state: State) -> Reduced | None:
    """The coordinates of a state, None where its point is the factors themselves."""
    co = state.coordinates
    return co if isinstance(co, Krylov | Singular) else None


def singular(state: State) -> Singular:
    """The coordinates of a state that is known to be in SVD coordinates."""
    assert isinstance(state.coordinates, Singular)
    return state.coordinates


def small(X: Array, Y: Array, size: int) -> Point:
    """The point z = [Xᵀ, Yᵀ], with zeros where X and Y have fewer than K = size rows."""
    z = np.zeros((2, X.shape[1], size), X.dtype)
    z[0, :, : len(X)], z[1, :, : len(Y)] = X.T, Y.T
    return (z,)


def mapped(state: State, change: Callable[[Array], Array], coordinates: Reduced) -> State:
    """The same state in other coordinates; change: of any 2×r×K."""
    distance = state.distance
    if (tangent := distance.tangent) is not None:
        stack = tangent.ndim > 3
        moved = np.stack([change(each) for each in tangent]) if stack else change(tangent)
        distance = replace(distance, tangent=moved)
    point, memory = (tuple(change(z) for z in each) for each in (state.point, state.memory))
    return replace(state, point=point, memory=memory, distance=distance, coordinates=coordinates)
