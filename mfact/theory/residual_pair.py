"""The leading singular pair of the part of M that the factors do not reach."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy  # its parts are slow to import, and are when they are used

from mfact.core import Array
from mfact.theory.hessian import Products

DENSE_LIMIT = 256  # up to this size one pass with the identity and all of E cost less


class SingularPair(NamedTuple):
    """τ, unit vectors x and y with E y ≈ τ x, Eᵀx ≈ τ y, and how far they are off.

    residual: √((‖Ey − τx‖² + ‖Eᵀx − τy‖²)/2); a singular value of E lies within it of τ.
    passes: over M.
    """

    tau: float
    x: Array
    y: Array
    residual: float
    passes: int


def leading_pair(
    products: Products,
    shape: tuple[int, int],
    left: Array,
    right: Array,
    enough: Callable[[float, float], bool],
    max_passes: int = 60,
) -> SingularPair:
    """The leading singular pair of E = (I − LLᵀ) M (I − QQᵀ).

    left, right: L (d1×p) and Q (d2×q) with orthonormal columns, p or q may be 0.
    enough(τ, residual): whether to stop.
    Lanczos from a fixed random pair (u, v): each pass multiplies the newest vector of both
    sides, so that after n passes the left space holds u, Ev, EEᵀu, … and the right one v, Eᵀu,
    …, n vectors each, made orthogonal twice. τ grows towards ‖E‖₂ from below.
    Source: Golub and Kahan 1965; both chains at once: mfact, derived.

    >>> M = np.diag([3.0, 2.0, 1.0])
    >>> e = np.eye(3, 1)
    >>> found = leading_pair(lambda U, V: (M @ V, M.T @ U), (3, 3), e, e, lambda t, r: r < 1e-9)
    >>> round(found.tau, 9)
    2.0
    """

    def reach(p: Array, q: Array) -> tuple[Array, Array]:
        Mq, Mtp = products(p, q)
        return Mq - left @ (left.T @ Mq), Mtp - right @ (right.T @ Mtp)

    d1, d2 = shape
    if max(shape) <= DENSE_LIMIT:
        E = products(np.eye(d1), np.eye(d2))[0]
        E = E - left @ (left.T @ E)
        E = E - (E @ right) @ right.T
        return _leading(E)
    size = min(max_passes, d1 - left.shape[1], d2 - right.shape[1])
    if size <= 0:
        return SingularPair(0.0, np.zeros(d1), np.zeros(d2), 0.0, 0)
    rng = np.random.default_rng(20180604)
    L, EQ = np.empty((d1, size)), np.empty((d1, size))
    Q, EtL = np.empty((d2, size)), np.empty((d2, size))
    u, v = rng.standard_normal(d1), rng.standard_normal(d2)
    for n in range(1, size + 1):
        L[:, n - 1] = _orthonormal(u, (left, L[:, : n - 1]), rng)
        Q[:, n - 1] = _orthonormal(v, (right, Q[:, : n - 1]), rng)
        Eq, Etl = reach(L[:, n - 1 : n], Q[:, n - 1 : n])
        EQ[:, n - 1], EtL[:, n - 1] = Eq[:, 0], Etl[:, 0]
        X, values, Yt = np.linalg.svd(L[:, :n].T @ EQ[:, :n])
        tau, a, b = float(values[0]), X[:, 0], Yt[0]
        x, y = L[:, :n] @ a, Q[:, :n] @ b
        off = np.linalg.norm(EQ[:, :n] @ b - tau * x), np.linalg.norm(EtL[:, :n] @ a - tau * y)
        residual = float(np.hypot(*off)) / np.sqrt(2.0)
        if n > 1 and enough(tau, residual):
            break
        u, v = EQ[:, n - 1], EtL[:, n - 1]
    return SingularPair(tau, x, y, residual, n)


def _leading(E: Array) -> SingularPair:
    """Of a small dense E: the last eigenvector of EᵀE, which takes a third of the time of an SVD.

    What squaring loses of y shows in the residual.
    """
    last, unit = E.shape[1] - 1, float(np.max(np.abs(E)))
    if unit == 0:
        return SingularPair(0.0, np.eye(len(E))[0], np.eye(last + 1)[0], 0.0, 1)
    E = E / unit  # no square leaves the floats
    S = E.T @ E
    vectors = scipy.linalg.eigh(S, subset_by_index=[last, last], check_finite=False)[1]
    if not vectors.size:  # of values that are equal but for rounding LAPACK may find none by index
        vectors = np.linalg.eigh(S)[1]
    y = vectors[:, -1]
    x = E @ y
    tau = float(np.linalg.norm(x))
    x /= tau
    residual = float(np.linalg.norm(E.T @ x - tau * y)) / math.sqrt(2.0)
    return SingularPair(unit * tau, x, y, unit * residual, 1)


def _orthonormal(w: Array, bases: tuple[Array, ...], rng: np.random.Generator) -> Array:
    """w made orthogonal to the bases and of unit length; a random vector where w is in them."""
    for attempt in (w, rng.standard_normal(len(w))):
        before = float(np.linalg.norm(attempt))
        z = attempt / before if before > 0 else attempt
        for basis in bases + bases:
            z = z - basis @ (basis.T @ z)
        after = float(np.linalg.norm(z))
        if after > 1e-12:
            z = z / after
            for basis in bases:  # what was lost to cancellation when little was left
                z = z - basis @ (basis.T @ z)
            unit: Array = z / np.linalg.norm(z)
            return unit
    raise ValueError("the space is exhausted")
