"""Which rows and columns of M a run fits badly: the norms of R = M − UVᵀ along both."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from mfact.core import Array, Result
from mfact.errors import DataError
from mfact.run.doing import NOTHING, Doing
from mfact.run.looking import looked_at
from mfact.studies.named import require_shape
from mfact.targets.counted import Counted
from mfact.targets.door import Held
from mfact.targets.fingerprint import fingerprint, rounding, same_matrix

BLOCK_ENTRIES = 1 << 20
"""Entries of M that are looked at together, 8 MiB."""


@dataclass(frozen=True)
class Along:
    """The rows, or the columns. sizes: the norm of each in M; residuals: that in R, units of M."""

    sizes: Array = field(repr=False)
    residuals: Array = field(repr=False)

    @property
    def relative(self) -> Array:
        """‖R_i‖/‖M_i‖, NaN where M_i is zero.

        >>> Along(np.array([2.0, 0.0]), np.array([1.0, 0.5])).relative.tolist()
        [0.5, nan]
        """
        found: Array = np.divide(
            self.residuals, self.sizes, out=np.full(len(self.sizes), np.nan), where=self.sizes > 0
        )
        return found

    def worst(self, count: int) -> list[int]:
        """The places of the largest relative residuals, the worst first."""
        order = np.argsort(-np.nan_to_num(self.relative, nan=-1.0), kind="stable")
        return [int(i) for i in order[:count] if np.isfinite(self.relative[i])]


@dataclass(frozen=True)
class Residual:
    """R = M − UVᵀ along both ways."""

    rows: Along
    columns: Along

    @property
    def relative(self) -> float:
        """‖R‖_F/‖M‖_F."""
        return float(np.linalg.norm(self.rows.residuals) / np.linalg.norm(self.rows.sizes))


def residual_of(matrix: Held, run: Result, doing: Doing = NOTHING) -> Residual:
    """The norms of the rows and columns of M and of R = M − UVᵀ, formed from the differences
    themselves in one pass over M, in float64.

    Raises what reading it raises, DataError for a matrix that the run is not of, by its shape or
    its fingerprint.
    """
    require_shape(matrix.shape, run)
    with looked_at(matrix, doing) as target, doing.now("residual"):
        return _residual(target, run)


def _residual(target: Counted, run: Result) -> Residual:
    known = run.problem.get("fingerprint")
    if known is not None and (other := same_matrix(known, fingerprint(target))):
        raise DataError(f"the matrix is not that of the run: {other}", "name the one it was of")
    along, sums = [], np.zeros((2, min(target.shape)))
    for pair in differences(target, run, BLOCK_ENTRIES):
        along.append([np.einsum("ij,ij->i", A, A) for A in pair])
        sums += [np.einsum("ij,ij->j", A, A) for A in pair]
    long = _along(target, np.sqrt(np.concatenate(along, axis=1)))
    short = _along(target, np.sqrt(sums))
    return Residual(short, long) if target.shape[0] < target.shape[1] else Residual(long, short)


def differences(target: Counted, run: Result, entries: int) -> Iterator[tuple[Array, Array]]:
    """Rows of M and of R = M − UVᵀ, or of both transposed where M is wide, formed in float64 so
    many entries at a time.
    """
    (d1, d2), top = target.shape, 0
    U, V = (A.astype(float, copy=False) for A in (run.U, run.V))
    down, across = (V, U.T) if d1 < d2 else (U, V.T)
    for block in target.slices(max(1, entries // across.shape[1])):
        M = block.astype(float, copy=False)
        yield M, M - down[top : top + len(M)] @ across
        top += len(M)


def _along(target: Counted, norms: Array) -> Along:
    """norms: of M and of R. Of a constant row or column less its mean there is left the rounding of
    that mean, which is no size: zero.
    """
    sizes, residuals = norms
    eps = float(np.finfo(target.dtype).eps)
    nothing = rounding(target.shape, target.offset, np.zeros(1), eps) / math.sqrt(len(sizes))
    return Along(np.where(sizes > nothing, sizes, 0.0), residuals)
