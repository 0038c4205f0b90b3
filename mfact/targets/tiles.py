"""One block of M in memory, dense, by one thread: its products while it is in the cache."""

from __future__ import annotations

import math

import numpy as np

from mfact.core import Array

SMALL_PRODUCT = 900_000
"""BLAS multiplies without copying its operands first when rows × columns × k stays below 10⁶;
a tile of M below this also stays in the cache for the second product. Measured: 14 ms a pass over
4000×3000 with k = 10, against 38 ms for two whole products."""

FEW, MANY = 12, 128
"""Columns up to which tiles do best when they are seven times as wide as high, and beyond which
when BLAS copies its operands after all."""

LARGE_TILE = 512
"""Lines and columns of a tile for more than MANY columns."""

BAND_BYTES, LEAST_BAND = 5 << 18, 24
"""Of the lines that stay in the cache between the two degrees of the normal product, whatever
their length at least so many: with fewer, products spend their time on what they add to."""

LOOK_ENTRIES = 1 << 17
"""Of a piece in the first look, 1 MiB: it stays in the cache for both sums."""


def multiply(block: Array, left: Array, right: Array, forward: Array, backward: Array) -> None:
    """forward += block right and backward += blockᵀ left.

    block: h×w, of any strides. left: h×k, right: w×l, C order. forward: h×l, backward: w×k.
    """
    if _stands(block):
        block, left, right, forward, backward = block.T, right, left, backward, forward
    high, wide = _tile(block.shape, max(left.shape[1], right.shape[1]))
    columns = cuts(block.shape[1], wide)
    for down in cuts(len(block), high):
        for across in columns:
            tile = block[down, across]
            if right.shape[1]:
                forward[down] += tile @ right[across]
            if left.shape[1]:
                backward[across] += tile.T @ left[down]


def normal(
    block: Array, left: Array, right: Array, forward: Array, backward: Array, again: Array
) -> None:
    """The same, and again += blockᵀ (block right), w×l; forward must be zero before.

    block: whole lines, so that what forward gets is all there is of it.
    """
    lines, length = block.shape
    in_cache = max(LEAST_BAND, BAND_BYTES // (length * block.itemsize) // 8 * 8)
    high, wide = _tile((min(lines, in_cache), length), max(left.shape[1], right.shape[1]))
    columns = cuts(length, wide)
    for down in cuts(lines, high):
        band, found = block[down], forward[down]
        for across in columns:
            found += band[:, across] @ right[across]
        for across in columns:
            tile = band[:, across].T
            again[across] += tile @ found
            if left.shape[1]:
                backward[across] += tile @ left[down]


def squared_difference(block: Array, left: Array, right: Array) -> float:
    """‖left rightᵀ − block‖_F², from the differences themselves. left: h×k, right: w×k."""
    if _stands(block):
        block, left, right = block.T, right, left
    high, wide = _tile(block.shape, left.shape[1])
    columns = cuts(block.shape[1], wide)
    space = np.empty(min(high, len(block)) * columns[0].stop, block.dtype)
    total = 0.0
    for down in cuts(len(block), high):
        for across in columns:
            tile = block[down, across]
            difference = space[: tile.size].reshape(tile.shape)
            np.matmul(left[down], right[across].T, out=difference)
            difference -= tile
            total += float(np.vdot(difference, difference))
    return total


def first_look(block: Array, w: Array, z: Array) -> tuple[float, Array]:
    """(‖block‖_F², w_jᵀ block z_j), in float64 whatever the block's. w: h×4, z: width×4."""
    if _stands(block):
        block, w, z = block.T, z, w
    square, sums = 0.0, np.zeros(z.shape[1])
    for down in cuts(len(block), LOOK_ENTRIES // block.shape[1]):
        # Sums of float32 lose digits.
        wide = np.ascontiguousarray(block[down], np.float64)
        square += float(np.vdot(wide, wide))
        sums += np.einsum("ij,ij->j", w[down], wide @ z)
    return square, sums


def cuts(length: int, most: int) -> list[slice]:
    """0 … length in pieces of about the same size, eights but for the last, at most so large.

    >>> cuts(20, 16)
    [slice(0, 16, None), slice(16, 20, None)]
    """
    if length <= most:
        return [slice(0, length)]
    pieces = -(-length // max(most // 8 * 8, 8))
    size = -(-length // (8 * pieces)) * 8
    return [slice(at, min(at + size, length)) for at in range(0, length, size)]


def _tile(shape: tuple[int, ...], k: int) -> tuple[int, int]:
    """Lines and columns at most of a tile of such a block for products with k columns."""
    lines, length = shape
    if k > MANY:
        return LARGE_TILE, LARGE_TILE
    k = max(k, 4)
    wide = min(length, int(math.sqrt((7 if k <= FEW else 1.5) * SMALL_PRODUCT / k)) // 8 * 8)
    high = SMALL_PRODUCT // (wide * k)
    return (high, wide) if high < lines else (lines, SMALL_PRODUCT // (lines * k))


def _stands(block: Array) -> bool:
    """Whether the columns of a block are what is in one piece in memory."""
    return block.strides[0] < block.strides[1]
