"""The small step: gradient descent in reduced coordinates, many steps a call.

Here M is a K×K matrix B, dense or diag(σ), and X, Y are K×r. One step is

    A = XᵀX, C = YᵀY,  G_X = X K_X − B Y,  G_Y = Y K_Y − BᵀX,  (X, Y) ← (X, Y) − η (G_X, G_Y)

with K_X = C, K_Y = A for the plain objective, and K_X = (1 − λ/2) C + (λ/2) A and its mirror
image for the balanced one. The factors are kept transposed and stacked, Z[t] = [Xᵀ, Yᵀ] of shape
2×r×K, so that each BLAS call sees a Fortran-ordered view of memory that is already there; all
that is only looked at (losses, drift, ledger) is computed afterwards for a whole block of steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mfact.core import Array, Kind

N, T, INTO = 0, 1, 1
"""Flags of gemm(α, A, B, β, C, …) for C ← αAB + βC: A and B as they are or transposed, in place."""


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


class SmallSteps:
    """Buffers for up to `length` steps with K×r factors, and the loop that fills them.

    Z: (length + 1)×2×r×K, the points; P: length×2×r×K, minus the gradients; grams:
    length×2×r×r, the pairs (A, C). Row t of P and grams belongs to point Z[t].
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
        self.grams = memory[points + gradients : needed].reshape(length, 2, rank, rank)
        from scipy.linalg.blas import get_blas_funcs  # slow to import

        self._gemm = get_blas_funcs("gemm", dtype=dtype)
        self._mixed = np.zeros((2, rank, rank), dtype)
        self._mix = np.array([[weight / 2, 1 - weight / 2], [1 - weight / 2, weight / 2]], dtype)
        self._move = np.zeros((2, rank, size), dtype)
        # Slicing costs as much as a product of this size: every view is made once.
        z = self.Z[:length]
        (X, Y), (P_X, P_Y), (A, C) = (
            [[each[i].T for each in pairs] for i in (0, 1)] for pairs in (z, self.P, self.grams)
        )
        whole = z, z[:, ::-1], self.P, self.Z[1:], self.grams.reshape(length, 2, rank * rank)
        self._views = Views(X, Y, P_X, P_Y, A, C, *map(list, whole))

    @staticmethod
    def elements(rank: int, size: int, length: int) -> int:
        """Numbers that the buffers hold."""
        return (length + 1) * 2 * rank * size + length * 2 * rank * (size + rank)

    def run(self, B: Array | None, sigma: Array | None, step_sizes: Sequence[float]) -> None:
        """Take the steps from Z[0]; M is diag(sigma) when B is None, else B (Fortran order)."""
        gemm, multiply, add, dot, move = self._gemm, np.multiply, np.add, np.dot, self._move
        spectrum = None
        if B is None:
            assert sigma is not None
            spectrum = np.ascontiguousarray(np.broadcast_to(sigma, (2, self.rank, self.size)))
        balanced, mix, K = self.weight != 0, self._mix, self._mixed.reshape(2, -1)
        K_X, K_Y = self._mixed[0].T, self._mixed[1].T
        steps = zip(*self._views, step_sizes, strict=False)
        for X, Y, P_X, P_Y, A, C, z, swapped, p, after, grams, eta in steps:
            # A = XᵀX, C = YᵀY
            gemm(1.0, X, X, 0.0, A, T, N, INTO)
            gemm(1.0, Y, Y, 0.0, C, T, N, INTO)
            # P = (M Y, Mᵀ X)
            if spectrum is not None:
                multiply(spectrum, swapped, p)
            else:
                gemm(1.0, B, Y, 0.0, P_X, N, N, INTO)
                gemm(1.0, B, X, 0.0, P_Y, T, N, INTO)
            # K = (C, A), or what the balance term makes of it
            if balanced:
                dot(mix, grams, K)
            else:
                K_X, K_Y = C, A
            # P −= (X K_X, Y K_Y)
            gemm(-1.0, X, K_X, 1.0, P_X, N, N, INTO)
            gemm(-1.0, Y, K_Y, 1.0, P_Y, N, N, INTO)
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
        d = np.empty((len(moves) + 1, 2, self.rank, self.size), self.Z.dtype)
        d[0] = first
        pattern = np.random.default_rng(self.size).standard_normal(first.shape)
        pattern = (pattern / np.linalg.norm(pattern)).astype(self.Z.dtype)
        change = np.zeros((2, self.rank, self.rank), self.Z.dtype)
        change_X, change_Y = change[0].T, change[1].T
        both, turned = np.zeros_like(change), change.transpose(0, 2, 1)
        both_flat = both.reshape(2, -1)
        K = np.zeros((2, self.rank, self.rank), self.Z.dtype)
        K_X, K_Y, K_flat = K[0].T, K[1].T, K.reshape(2, -1)
        p = np.zeros_like(move)
        p_X, p_Y = p[0].T, p[1].T
        if B is None:
            assert sigma is not None
            sigma = np.ascontiguousarray(np.broadcast_to(sigma, (2, self.rank, self.size)))
        views = self._views
        for (t, eta, fresh), now, after in zip(moves, d, d[1:], strict=False):
            X, Y, grams = views.X[t], views.Y[t], views.grams[t]
            dX, dY = now[0].T, now[1].T
            # (XᵀdX, YᵀdY), half of how A and C change
            gemm(1.0, X, dX, 0.0, change_X, T, N, INTO)
            gemm(1.0, Y, dY, 0.0, change_Y, T, N, INTO)
            # P = (M dY, Mᵀ dX)
            if sigma is not None:
                multiply(sigma, now[::-1], p)
            else:
                gemm(1.0, B, dY, 0.0, p_X, N, N, INTO)
                gemm(1.0, B, dX, 0.0, p_Y, T, N, INTO)
            # P −= (dX K_X, dY K_Y)
            dot(self._mix, grams, K_flat)
            gemm(-1.0, dX, K_X, 1.0, p_X, N, N, INTO)
            gemm(-1.0, dY, K_Y, 1.0, p_Y, N, N, INTO)
            # P −= (X dK_X, Y dK_Y)
            add(change, turned, both)
            dot(self._mix, both_flat, K_flat)
            gemm(-1.0, X, K_X, 1.0, p_X, N, N, INTO)
            gemm(-1.0, Y, K_Y, 1.0, p_Y, N, N, INTO)
            # d₊ = d + ηP + fresh·n
            multiply(p, eta, move)
            add(now, move, after)
            multiply(pattern, fresh, move)
            add(after, move, after)
        return d
