"""One block of M in memory, dense, by one thread: its products while it is in the cache."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator

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
"""Of a piece that is looked at, 1 MiB: it stays in the cache for both sums."""

TERM_ENTRIES, GROUP = 1 << 15, 4
"""Of a term that is taken off a product, so many at a time, in the cache; lines that BLAS is given
as one."""


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
    """The same, and again += blockᵀ forward, w×l.

    forward: what block right is added to, and the sum is what blockᵀ is multiplied by. block: whole
    lines, so that what forward gets is all there is of it.
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


Term = tuple[Array, Array]
"""(a, b) of what is taken off, abᵀ: of h and of w entries, float64."""


def first_look(block: Array, w: Array, z: Array, less: Term | None = None) -> tuple[float, Array]:
    """(‖block‖_F², w_jᵀ block z_j), in float64 whatever the block's. w: h×4, z: width×4.

    less: of block − abᵀ instead, formed entry by entry.
    """
    if _stands(block):
        block, w, z = block.T, z, w
        less = None if less is None else less[::-1]
    square, sums = 0.0, np.zeros(z.shape[1])
    for down, wide in _wide(block, less):
        square += float(np.vdot(wide, wide))
        sums += np.einsum("ij,ij->j", w[down], wide @ z)
    return square, sums


def means(block: Array, rows: bool = True, columns: bool = True) -> tuple[Array, Array]:
    """Those of the h rows and of the w columns of a block, float64; of none that are not wanted.

    What is added up are differences from the first of each row or column, so that many large
    numbers make no large sum: of n of the size of s a mean is off by an ε s or two, not by √n.
    """
    if _stands(block):
        return means(block.T, columns, rows)[::-1]
    starts, first = (np.asarray(line, np.float64) for line in (block[:, 0], block[0]))
    down, across = (np.ones(count) for count in block.shape)
    found = [np.empty(0), np.empty(0)]
    if rows:
        sums = [wide @ across for _, wide in _wide(block, (starts, across))]
        found[0] = starts + np.concatenate(sums) / len(across)
    if columns:
        total = sum(down[at] @ wide for at, wide in _wide(block, (down, first)))
        found[1] = first + total / len(down)
    return found[0], found[1]


class _Spaces(threading.local):
    """Two that a thread has for what it looks at: to be given pages of memory anew for each piece
    was measured to take several times as long as the work.
    """

    def __init__(self) -> None:
        self._kept = [np.empty(0)] * 2

    def of(self, which: int, shape: tuple[int, int]) -> Array:
        """Good until it is asked for again; only of a piece's usual size is it kept."""
        size = math.prod(shape)
        if size > LOOK_ENTRIES:
            return np.empty(shape)
        if size > self._kept[which].size:
            room = np.empty(LOOK_ENTRIES + 8)
            self._kept[which] = room[-room.ctypes.data % 64 // 8 :]  # as the widest registers load
        return self._kept[which][:size].reshape(shape)


_SPACES = _Spaces()


def _wide(block: Array, less: Term | None) -> Iterator[tuple[slice, Array]]:
    """Which lines, and they in float64, whose sums lose no digits: each good until the next.

    less: of block − abᵀ. One of a and b is mostly of equal entries: the term is then formed once
    for all pieces, or once for each line.
    """
    pieces = cuts(len(block), LOOK_ENTRIES // block.shape[1])
    shape, term = (pieces[0].stop, block.shape[1]), None
    if less is not None:
        a, b = less
        if np.all(b == b[0]):
            b = b[:1]
        elif np.all(a == a[0]):
            term = _SPACES.of(1, shape)
            term[...] = a[0] * b
    for down in pieces:
        lines = block[down]
        if less is not None or lines.dtype != np.float64 or not lines.flags.c_contiguous:
            lines = _SPACES.of(0, shape)[: len(lines)]
            lines[...] = block[down]
        if less is not None:
            lines -= a[down, None] * b if term is None else term[: len(lines)]
        yield down, lines


def take_off(block: Array, a: Array, b: Array) -> None:
    """block −= abᵀ, in the kind of the block. block: h×k, of few columns; a: h, b: k entries.

    BLAS forms the term for GROUP lines at a time, as a product with b in each block of a diagonal:
    measured two to four times as fast as NumPy, whose loops are as long as b.
    """
    k, kind = len(b), block.dtype
    diagonal = np.zeros((GROUP, GROUP, k), kind)
    diagonal[range(GROUP), range(GROUP)] = b
    pieces = cuts(len(block), TERM_ENTRIES // max(k, 1))
    space = np.empty((pieces[0].stop, k), kind)
    for down in pieces:
        part, term = a[down].astype(kind), space[: down.stop - down.start]
        even = len(part) // GROUP * GROUP
        grouped = term[:even].reshape(-1, GROUP * k)
        np.matmul(part[:even].reshape(-1, GROUP), diagonal.reshape(GROUP, -1), out=grouped)
        np.multiply(part[even:, None], diagonal[0, 0], out=term[even:])
        block[down] -= term


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
