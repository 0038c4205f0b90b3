"""M seen from the spaces of the factors: what is known of a gap without a pass over M."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mfact.core import Array, Optimum, Target
from mfact.problems.optimum import Gap, fitted_rank, zero_in
from mfact.theory.eckart_young import Spaces, excess_bounds


@dataclass(frozen=True)
class Blocks:
    """M seen from the spaces of U and V, [[A, B], [C, E]], of which A, B, C cost no pass.

    left, right: orthonormal bases of the spaces, cut at singular values of U, V below cutoff;
    dropped: the largest one cut. values: σ(A), top: the largest. coupling: max(‖B‖_F, ‖C‖_F).
    misfit_norm, misfit: ‖UVᵀ − A‖ in the bases, Frobenius and spectral norm.
    """

    left: Array
    right: Array
    dropped: float
    A: Array
    values: Array
    coupling: float
    misfit_norm: float
    misfit: float

    @classmethod
    def of(cls, U: Array, V: Array, MV: Array, MtU: Array, cutoff: float) -> Blocks:
        left, solve_U, dropped_U = _range(U, cutoff)
        right, solve_V, dropped_V = _range(V, cutoff)
        MQ, MtL = MV @ solve_V, MtU @ solve_U
        A = left.T @ MQ
        C, B = MQ - left @ A, MtL - right @ A.T
        misfit = (left.T @ U) @ (right.T @ V).T - A
        empty = 0 in A.shape
        return cls(
            left,
            right,
            max(dropped_U, dropped_V),
            A,
            np.zeros(0) if empty else np.linalg.svd(A, compute_uv=False),
            max(float(np.linalg.norm(B)), float(np.linalg.norm(C))),
            float(np.linalg.norm(misfit)),
            0.0 if empty else float(np.linalg.norm(misfit, 2)),
        )

    @property
    def top(self) -> float:
        return float(self.values[0]) if len(self.values) else 0.0

    def spaces(self, tau: float) -> Spaces | None:
        """What bounds the gap, when both spaces were taken whole; tau bounds ‖E‖₂."""
        if self.A.shape[0] != self.A.shape[1] or self.dropped > 0:
            return None
        return Spaces(self.values, self.coupling, self.misfit_norm, tau)


def _range(U: Array, cutoff: float) -> tuple[Array, Array, float]:
    """(Q, S, dropped): Q = US spans what U has above cutoff; dropped is its largest value below."""
    Q, T = np.linalg.qr(U)
    P, s, Wt = np.linalg.svd(T, full_matrices=False)
    kept = int(np.sum(s > cutoff))
    dropped = float(s[kept]) if kept < len(s) else 0.0
    return Q @ P[:, :kept], Wt[:kept].T / s[:kept], dropped


def bounded_gap(
    target: Target,
    loss: float,
    rank: int,
    surely: float,
    spaces: Spaces | None,
    optimum: Optimum | None,
) -> Gap:
    """The middle of the gap's interval, see excess_bounds for the arguments.

    Where no singular value of M is known, from the core A, whose values are below those of M by δ
    at most; not a number, and infinitely wide, where the spaces do not hold the leading ones.
    """
    low, high, delta = excess_bounds(loss, rank, surely=surely, spaces=spaces, optimum=optimum)
    if optimum is not None:
        return Gap(
            0.5 * (low + high) / optimum.unit, 0.5 * (high - low) / optimum.unit, optimum.saddle
        )
    if delta is None or spaces is None:
        return Gap(0.0, 0.0, 1.0) if loss == 0 else Gap(math.nan, math.inf, 0.0)
    zero = zero_in(target, float(spaces.values[0]))
    weakest = float(spaces.values[fitted_rank(spaces.values, rank, zero) - 1])
    low, high = low / (0.5 * (weakest + delta) ** 2), high / (0.5 * weakest**2)
    return Gap(0.5 * (low + high), 0.5 * (high - low), max(1 - (spaces.tau / weakest) ** 2, 0.0))
