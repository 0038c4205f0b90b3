"""The small step: gradient descent in reduced coordinates, many steps a call.

Here M is a K×K matrix B, dense or diag(σ), and X, Y are K×r. One step is

    A = XᵀX, C = YᵀY,  G_X = X K_X − B Y,  G_Y = Y K_Y − BᵀX,  (X, Y) ← (X, Y) − η (G_X, G_Y)

with K_X = C, K_Y = A for the plain objective, and K_X = (1 − λ/2) C + (λ/2) A and its mirror
image for the balanced one. The factors are kept transposed and stacked, Z[t] = [Xᵀ, Yᵀ] of shape
2×r×K, so that each BLAS call sees a Fortran-ordered view of memory that is already there; all
that is only looked at (losses, drift, ledger) is computed afterwards for a whole block of steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple, Protocol

import numpy as np

from mfact.core import Array, Kind

N, T, INTO = 0, 1, 1
"""Flags of gemm(α, A, B, β, C, …) for C ← αAB + βC: A and B as they are or transposed, in place."""


class Gemm(Protocol):
    def __call__(
        self, alpha: float, A: Array, B: Array, beta: float, C: Array, *flags: int
    ) -> object: ...


class Views(NamedTuple):
    """What the calls of each step read and write, K×r and r×r of X and of Y, and both as one."""

    X: list[Array]
    Y: list[Array]
    P_X: list[Array]
    P_Y: list[Array]
    A: list[Array]
    C: list[Array]
    z: list[Array]
    swapped: list[Array]
    p: list[Array]
    after: list[Array]
    grams: list[Array]
    S_X: list[Array]
    S_Y: list[Array]


class SmallSteps:
    """Buffers for up to `length` steps with K×r factors, and the loop that fills them.

    Z: (length + 1)×2×r×K, the points; P: length×2×r×K, minus the gradients; grams:
    length×2×r×r, the pairs (A, C); squares: the same of the gradients, (G_XᵀG_X, G_YᵀG_Y). Row t of
    P, grams and squares belongs to point Z[t].
    memory: a flat array to lay them in, taken if it is large enough; it need not be cleared.
    """

    def __init__(
        self,
        rank: int,
        size: int,
        length: int,
        dtype: Kind,
        weight: float,
        memory: Array | None = None,
    ) -> None:
        self.rank, self.size, self.length, self.weight = rank, size, length, weight
        needed = self.elements(rank, size, length)
        if memory is None or len(memory) < needed:
            memory = np.empty(needed, dtype)
        self.memory = memory
        points, gradients = (length + 1) * 2 * rank * size, length * 2 * rank * size
        self.Z = memory[:points].reshape(length + 1, 2, rank, size)
        self.P = memory[points : points + gradients].reshape(length, 2, rank, size)
        pairs = memory[points + gradients : needed].reshape(2, length, 2, rank, rank)
        self.grams, self.squares = pairs[0], pairs[1]
        self._gemm = _gemm(np.dtype(dtype))
        self._mixed = np.zeros((2, rank, rank), dtype)
        self._mix = np.array([[weight / 2, 1 - weight / 2], [1 - weight / 2, weight / 2]], dtype)
        self._move = np.zeros((2, rank, size), dtype)
        self._views = Views(*([] for _ in Views._fields))
        self._last = self._move, self._move  # the last B or σ, and what _other() made of it

    @staticmethod
    def elements(rank: int, size: int, length: int) -> int:
        """Numbers that the buffers hold."""
        return (length + 1) * 2 * rank * size + length * 2 * rank * (size + 2 * rank)

    def _seen(self, first: int, end: int) -> list[list[Array]]:
        """The views of steps first … end − 1."""
        there = len(self._views.z)
        if there < end:
            # Slicing costs as much as a product of this size: every view is made once.
            new = slice(there, end)
            z, P, grams, squares = self.Z[new], self.P[new], self.grams[new], self.squares[new]
            sides = [
                [each[i].T for each in all_] for all_ in (z, P, grams, squares) for i in (0, 1)
            ]
            whole = z, z[:, ::-1], P, self.Z[there + 1 : end + 1], grams.reshape(len(z), 2, -1)
            made: list[Iterable[Array]] = [*sides[:6], *whole, *sides[6:]]
            for views, more in zip(self._views, made, strict=True):
                views.extend(more)
        return [views[first:end] for views in self._views]

    def _other(self, B: Array | None, sigma: Array | None) -> Array:
        """σ as 2×r×K, or Bᵀ in Fortran order: to multiply by B's own transpose takes longer."""
        given = sigma if B is None else B
        assert given is not None
        if given is not self._last[0]:
            other = np.broadcast_to(given, self._move.shape) if B is None else given.T
            self._last = given, np.array(other, order="C" if B is None else "F")
        return self._last[1]

    def run(
        self, B: Array | None, sigma: Array | None, step_sizes: Sequence[float], first: int = 0
    ) -> None:
        """Take the steps from Z[first]; M is diag(sigma) when B is None, else B (Fortran order)."""
        gemm, multiply, add, dot, move = self._gemm, np.multiply, np.add, np.dot, self._move
        other = self._other(B, sigma)
        balanced, mix, K = self.weight != 0, self._mix, self._mixed.reshape(2, -1)
        K_X, K_Y = self._mixed[0].T, self._mixed[1].T
        steps = zip(*self._seen(first, first + len(step_sizes)), step_sizes, strict=True)
        for X, Y, P_X, P_Y, A, C, z, swapped, p, after, grams, S_X, S_Y, eta in steps:
            # A = XᵀX, C = YᵀY
            gemm(1.0, X, X, 0.0, A, T, N, INTO)
            gemm(1.0, Y, Y, 0.0, C, T, N, INTO)
            # P = (M Y, Mᵀ X)
            if B is None:
                multiply(other, swapped, p)
            else:
                gemm(1.0, B, Y, 0.0, P_X, N, N, INTO)
                gemm(1.0, other, X, 0.0, P_Y, N, N, INTO)
            # K = (C, A), or what the balance term makes of it
            if balanced:
                dot(mix, grams, K)
            else:
                K_X, K_Y = C, A
            # P −= (X K_X, Y K_Y)
            gemm(-1.0, X, K_X, 1.0, P_X, N, N, INTO)
            gemm(-1.0, Y, K_Y, 1.0, P_Y, N, N, INTO)
            # S = (P_XᵀP_X, P_YᵀP_Y), while they are at hand
            gemm(1.0, P_X, P_X, 0.0, S_X, T, N, INTO)
            gemm(1.0, P_Y, P_Y, 0.0, S_Y, T, N, INTO)
            # Z₊ = Z + ηP
            multiply(p, eta, move)
            add(z, move, after)

    def differences(
        self,
        B: Array | None,
        sigma: Array | None,
        moves: Sequence[tuple[int, float, float]],
        first: Array,
    ) -> Array:
        """A small difference to the points of the last run(), carried along by the linear step.

        d₊ = d − η H(z) d + fresh·n, with H the Hessian, in the same stacked form as Z, and n a
        fixed pattern of norm 1: how the rounding and the leak of each step grow or fade.
        moves: (t, η, fresh) for each, z = Z[t]. first: 2×r×K. Returns (len(moves) + 1)×2×r×K.
        """
        gemm, multiply, add, dot, move = self._gemm, np.multiply, np.add, np.dot, self._move
        d = np.empty((len(moves) + 1, *move.shape), move.dtype)
        d[0] = first
        change = np.zeros((2, self.rank, self.rank), move.dtype)
        change_X, change_Y = change[0].T, change[1].T
        both, turned = np.zeros_like(change), change.transpose(0, 2, 1)
        both_flat = both.reshape(2, -1)
        K, dK = np.zeros_like(change), both[::-1]
        K_X, K_Y, K_flat = K[0].T, K[1].T, K.reshape(2, -1)
        dK_X, dK_Y = dK[0].T, dK[1].T
        balanced = self.weight != 0
        if balanced:
            dK = np.zeros_like(change)
            dK_X, dK_Y, dK_flat = dK[0].T, dK[1].T, dK.reshape(2, -1)
        other = self._other(B, sigma)
        views, pattern = self._views, pattern_of(move.shape, move.dtype)
        for (t, eta, fresh), now, after in zip(moves, d, d[1:], strict=False):
            X, Y = views.X[t], views.Y[t]
            dX, dY, after_X, after_Y = now[0].T, now[1].T, after[0].T, after[1].T
            # (XᵀdX, YᵀdY), half of how A and C change
            gemm(1.0, X, dX, 0.0, change_X, T, N, INTO)
            gemm(1.0, Y, dY, 0.0, change_Y, T, N, INTO)
            add(change, turned, both)
            # K = (C, A) and dK, or what the balance term makes of them
            if balanced:
                dot(self._mix, views.grams[t], K_flat)
                dot(self._mix, both_flat, dK_flat)
            else:
                K_X, K_Y = views.C[t], views.A[t]
            # d + fresh·n
            multiply(pattern, fresh, move)
            add(now, move, after)
            # + η (M dY, Mᵀ dX)
            if B is None:
                multiply(other, now[::-1], move)
                multiply(move, eta, move)
                add(after, move, after)
            else:
                gemm(eta, B, dY, 1.0, after_X, N, N, INTO)
                gemm(eta, other, dX, 1.0, after_Y, N, N, INTO)
            # − η (dX K_X + X dK_X, dY K_Y + Y dK_Y)
            gemm(-eta, dX, K_X, 1.0, after_X, N, N, INTO)
            gemm(-eta, dY, K_Y, 1.0, after_Y, N, N, INTO)
            gemm(-eta, X, dK_X, 1.0, after_X, N, N, INTO)
            gemm(-eta, Y, dK_Y, 1.0, after_Y, N, N, INTO)
        return d


@cache
def _gemm(dtype: Kind) -> Gemm:
    from scipy.linalg.blas import get_blas_funcs  # slow to import

    found: Gemm = get_blas_funcs("gemm", dtype=dtype)
    return found


@lru_cache(32)
def pattern_of(shape: tuple[int, ...], dtype: Kind) -> Array:
    """Of norm 1: the direction in which what is fresh at a step joins a difference."""
    pattern = np.random.default_rng(shape[-1]).standard_normal(shape)
    return np.asarray((pattern / np.linalg.norm(pattern)).astype(dtype))
