"""Squares of weights, summed as far as the scales of units leave them alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise, product
from operator import mul

import numpy as np

from mfact.chains.joints import Chain, Joint, Slot
from mfact.core import Array
from mfact.errors import DataError


@dataclass(frozen=True)
class Reach:
    """How the scales c of one joint reach a tensor: each number times c^power of its unit.

    joint: its place in the chain. power: 1 where the tensor feeds the units, else −p. axes: those
    of the cell along which the units are counted, the last fastest; lengths: of these axes.
    """

    joint: int
    power: int
    axes: tuple[int, ...]
    lengths: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Cell:
    """Squares and who scales them: squares[…] · Π c^(2·power) over the reaches."""

    squares: Array
    reaches: tuple[Reach, ...]

    def sums(self, of: Reach, scales: Sequence[Array]) -> Array:
        """Of what each unit of one reach touches, at these scales of all joints."""
        operands: list[object] = [self.squares, list(range(self.squares.ndim))]
        for reach in self.reaches:
            if reach is not of:
                factors = scales[reach.joint] ** (2.0 * reach.power)
                operands += [factors.reshape(reach.lengths), list(reach.axes)]
        found: Array = np.einsum(*operands, list(of.axes))  # type: ignore[call-overload]
        return np.asarray(found.reshape(-1) * scales[of.joint] ** (2.0 * of.power))

    def total(self, scales: Sequence[Array]) -> float:
        return float(np.sum(self.sums(self.reaches[0], scales)))


def powers(joint: Joint) -> Iterator[tuple[int, Slot]]:
    """The slots of a joint, each with the power of c that its numbers take: 1, or −p if drawn."""
    yield from ((1, slot) for slot in joint.into)
    yield from ((-joint.degree, slot) for slot in joint.drawn)


def cells(chain: Chain, values: Mapping[str, Array], live: Sequence[Array]) -> list[Cell]:
    """The squares that scales of live units move; live: of each joint, which of its units are.

    What belongs to a live unit and to one that is not is moved by the live one alone. Raises
    DataError for a tensor whose shares among the units of two joints cut across each other.
    """
    reached: dict[str, list[tuple[int, int, Slot]]] = {}
    for at, joint in enumerate(chain.joints):
        for power, slot in powers(joint):
            reached.setdefault(slot.tensor, []).append((at, power, slot))
    found = [_of_tensor(values[name], uses, live) for name, uses in reached.items()]
    return [cell for each in found for cell in each]


def _of_tensor(
    W: Array, uses: Sequence[tuple[int, int, Slot]], live: Sequence[Array]
) -> Iterator[Cell]:
    name = uses[0][2].tensor
    shape = _common(name, [slot.shape for _, _, slot in uses])
    found = [_axes(slot, shape) for _, _, slot in uses]
    kept = sorted({axis for axes in found for axis in axes})
    squares = Slot(name, shape, tuple(kept)).sums(W, W).reshape([shape[axis] for axis in kept])
    squares[~np.isfinite(squares)] = 0.0  # they belong to units that are not live
    reaches = [
        Reach(at, power, tuple(map(kept.index, axes)), tuple(shape[axis] for axis in axes))
        for (at, power, _), axes in zip(uses, found, strict=True)
    ]
    # Each reach with its live units, and without them.
    for taken in product((True, False), repeat=len(reaches)):
        part = squares
        for reach, lives in zip(reaches, taken, strict=True):
            mask = live[reach.joint] == lives
            if not mask.all():
                names = list(range(part.ndim))
                operands = (mask.reshape(reach.lengths), list(reach.axes))
                part = np.einsum(part, names, *operands, names)
        moving = tuple(reach for reach, lives in zip(reaches, taken, strict=True) if lives)
        if moving and part.any():
            yield Cell(part, moving)


def _common(name: str, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The coarsest shape of which each of them joins neighbouring axes."""
    cuts = sorted({1, *(cut for shape in shapes for cut in accumulate(shape, mul))})
    if any(b % a for a, b in pairwise(cuts)):
        raise DataError(
            f"the units of two joints cut {name} across each other", "leave one of them out"
        )
    return tuple(b // a for a, b in pairwise(cuts))


def _axes(slot: Slot, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Those of the common shape that the axes of a slot are made of, in their order."""
    ends = list(accumulate(shape, mul))
    starts = [1, *ends]
    until = list(accumulate(slot.shape, mul))
    since = [1, *until]
    return tuple(
        at
        for axis in slot.axes
        for at in range(len(shape))
        if since[axis] <= starts[at] and ends[at] <= until[axis]
    )
