"""Tall blocks made orthonormal, by themselves and outside of a basis that is there."""

from __future__ import annotations

import numpy as np
import scipy  # its parts are slow to import, and are when they are used

from mfact.core import Array

MOSTLY_OUTSIDE = 1e-3
"""A unit vector with no more than this in the basis is orthogonal to it after one projection."""


def orthonormal(block: Array, scale: float, rounds: int = 2) -> tuple[Array, Array]:
    """(q, R) with block = q R, where columns below rounding of `scale` are deflated."""
    if block.shape[1] == 0 or scale == 0:
        return block[:, :0], np.zeros((0, block.shape[1]), block.dtype)
    tiny = 8 * np.finfo(block.dtype).eps * scale
    fast = _cholesky_qr(block, tiny, rounds)
    if fast is not None:
        return fast
    q, upper, order = scipy.linalg.qr(block, mode="economic", pivoting=True, check_finite=False)
    rank = int(np.count_nonzero(np.abs(np.diag(upper)) > tiny))
    R = np.empty((rank, block.shape[1]), block.dtype)
    R[:, order] = upper[:rank]
    return q[:, :rank], R


def _cholesky_qr(block: Array, tiny: float, rounds: int) -> tuple[Array, Array] | None:
    """QR by Cholesky factorizations, or None when the block is too ill-conditioned.

    Three to five times faster than Householder's on tall blocks. One round leaves qᵀq off by
    eps times the square of the condition number, a second one restores it.
    """
    if block.shape[1] > block.shape[0]:
        return None
    total: Array | None = None
    eye = np.eye(block.shape[1], dtype=block.dtype)
    for _ in range(rounds):
        try:
            upper = np.linalg.cholesky(block.T @ block).T
        except np.linalg.LinAlgError:
            return None
        diagonal = np.diag(upper)
        if total is None and not diagonal.min() > max(1e-5 * diagonal.max(), 16 * tiny):
            return None
        block = block @ scipy.linalg.solve_triangular(upper, eye, check_finite=False)
        total = upper if total is None else upper @ total
    assert total is not None
    return block, total


def outside(block: Array, basis: Array, scale: float) -> tuple[Array, Array]:
    """(q, R): what is left of `block` outside `basis`, block = q R to rounding of `scale`.

    The block comes projected against the blocks next to it. What it still has in the basis is
    measured, once its columns have length 1, and taken out; a projection leaves rounding over the
    length of what remains, so one is enough unless most of the block was in the basis.
    """
    room = basis.shape[0] - basis.shape[1]
    q, R = orthonormal(block, scale, rounds=1)
    if q.shape[1] > room:  # only rounding can be left once the space is full
        q, R = q[:, :room], R[:room]
    for _ in range(3):
        if q.shape[1] == 0:
            break
        inside = basis.T @ q
        q, again = orthonormal(q - basis @ inside, 1e3, rounds=1)
        R = again @ R
        if np.max(np.abs(inside), initial=0.0) <= MOSTLY_OUTSIDE:
            break
    return q, R
