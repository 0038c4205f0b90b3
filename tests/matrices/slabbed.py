"""Slabs put together again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from mfact.matrices.slabs import Slabs, lines_of


def together(slabs: Slabs, threads: int = 1) -> np.ndarray:
    """All slabs side by side, each fetched into a room of just the bytes that are asked for."""
    assert slabs.cuts[0] == 0
    assert slabs.cuts[-1] == lines_of(slabs)
    assert all(start < end for start, end in pairwise(slabs.cuts))
    with slabs.opened(threads) as file, ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(lambda slab: fetched(slabs, file, slab), range(count(slabs))))
    whole = np.concatenate(parts, axis=int(slabs.columns))
    return whole.astype(slabs.stored, copy=False)  # in the order of bytes that NumPy has changed


def fetched(slabs, file, slab) -> np.ndarray:
    """One slab, out of a room that is full of something else."""
    part = file.fetch(slab, np.full(slabs.room, 0xA5, np.uint8))
    lines = slabs.cuts[slab + 1] - slabs.cuts[slab]
    d1, d2 = slabs.shape
    assert part.shape == ((d1, lines) if slabs.columns else (lines, d2))
    assert part.dtype == slabs.stored
    return part


def count(slabs: Slabs) -> int:
    return len(slabs.cuts) - 1


def assert_bits_equal(A: np.ndarray, B: np.ndarray) -> None:
    """NaN and −0 too, and the order of the bytes."""
    assert A.dtype == B.dtype
    assert A.shape == B.shape
    assert A.tobytes() == B.tobytes()
