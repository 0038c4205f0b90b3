"""Sums over the units of large tensors: a block at a time in float64, never a whole copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod

import numpy as np

from mfact.chains.joints import Slot
from mfact.core import Array

NUMBERS = 1 << 16
"""Of a block: four arrays of that many float64 stay in the cache of a core."""

Place = tuple[slice, ...]
Pairs = Sequence[tuple[Array, Array]]


def places(shape: Sequence[int], numbers: int = NUMBERS) -> Iterator[Place]:
    """Blocks that cover an array in the order of its memory, each of few numbers.

    >>> list(places((3, 4), 8))
    [(slice(0, 2, None),), (slice(2, 4, None),)]
    """
    row = prod(shape[1:])
    if row > numbers:
        for at in range(shape[0]):
            yield from ((slice(at, at + 1), *rest) for rest in places(shape[1:], numbers))
    elif shape:
        step = max(numbers // max(row, 1), 1)
        yield from ((slice(at, at + step),) for at in _starts(shape[0], step))
    else:
        yield ()


def sums(slot: Slot, of: Callable[..., Pairs], *tensors: Array) -> list[Array]:
    """⟨P, Q⟩ of each unit for each pair (P, Q) = of(*tensors), taken block by block in float64.

    of: works number by number. tensors: of the slot's size, of any shape and kind.
    """
    whole = [tensor.reshape(slot.shape) for tensor in tensors]
    names, axes = list(range(len(slot.shape))), list(slot.axes)
    found: list[Array] = []
    for place in places(slot.shape):
        parts = [np.einsum(p, names, q, names, axes) for p, q in of(*_floats(whole, place))]
        found = found or [np.zeros([slot.shape[axis] for axis in axes]) for _ in parts]
        cut = [*place, *[slice(None)] * (len(names) - len(place))]
        for total, part in zip(found, parts, strict=True):
            total[tuple(cut[axis] for axis in axes)] += part
    return [total.reshape(-1) for total in found]


def _floats(whole: Sequence[Array], place: Place) -> list[Array]:
    return [each[place].astype(float) for each in whole]


def _starts(length: int, step: int) -> range:
    # An empty tensor is one empty block: its sums are zero, and not none.
    return range(0, max(length, 1), step)
