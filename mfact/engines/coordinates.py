"""How small factors are to be read: in Krylov bases, or in the singular vectors found in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mfact.core import Array, State
from mfact.engines.measures import Conserved
from mfact.krylov.basis import Basis
from mfact.krylov.spectrum import Spectrum, leaks, padded_square


@dataclass(frozen=True)
class Coordinates:
    """How the small factors are to be read.

    basis: the bases. spectrum: set when the coordinates are those of the SVD of B. changed: the
    step at which the basis last grew. operator, leak_left, leak_right: B and the leaks in dense
    coordinates. energy: ‖B‖_F². unseen: max(‖M‖_F² − ‖B‖_F², 0).
    """

    basis: Basis
    changed: int
    spectrum: Spectrum | None = None
    operator: Array | None = None
    leak_left: Array | None = None
    leak_right: Array | None = None
    energy: float = 0.0
    unseen: float = 0.0


def dense(basis: Basis, step: int, norm: float) -> Coordinates:
    """The coordinates X = LᵀU, Y = QᵀV of a basis that has just grown; norm: ‖M‖_F."""
    left, right = leaks(basis)
    energy = float(np.vdot(basis.B, basis.B))
    return Coordinates(
        basis,
        step,
        None,
        padded_square(basis.B, basis.size),
        left,
        right,
        energy,
        max(norm**2 - energy, 0.0),
    )


def raw(co: Coordinates, z: Array) -> tuple[Array, Array]:
    """X = LᵀU and Y = QᵀV from either kind of coordinates, without the padding."""
    X, Y = z[0].T, z[1].T
    if co.spectrum is not None:
        X, Y = co.spectrum.phi @ X, co.spectrum.psi @ Y
    return X[: co.basis.left.known], Y[: co.basis.right.known]


def stack(X: Array, Y: Array, size: int) -> Array:
    """[Xᵀ, Yᵀ], 2×r×K, with zeros where X and Y have fewer than K = size rows."""
    z = np.zeros((2, X.shape[1], size), X.dtype)
    z[0, :, : len(X)], z[1, :, : len(Y)] = X.T, Y.T
    return z


def mapped(state: State, change: Callable[[Array], Array], coordinates: Coordinates) -> State:
    """The same state in other coordinates."""
    kept: Conserved = state.conserved
    if kept.tangent is not None:
        kept = replace(kept, tangent=change(kept.tangent))
    return State(state.step, change(state.point), kept, coordinates)
