"""The places between layers one behind the other: a joint, or why there is none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mfact.chains.joints import Joint
from mfact.pairing.before import comes_before
from mfact.pairing.blocks import blocks_of
from mfact.pairing.kinds import Layer
from mfact.pairing.layouts import MAYBE_TURNED
from mfact.pairing.meeting import meet
from mfact.pairing.named import Path, shared
from mfact.pairing.row import Row
from mfact.pairing.turned import may_be_either
from mfact.pairing.vocabulary import are_rivals
from mfact.words import printable

_SKIP = "may be joined by a skip; name them with --chain if they are not"

_RIVALS = "networks of their own, by their names"


@dataclass(frozen=True, eq=False)
class Place:
    """Two layers one behind the other, and the joint between them, or why there is none.

    is_break: whether the second draws from something else than the first feeds. is_beside: whether
    from nothing in the branch of the first. between: a layer that may stand there. told: the two as
    a page shows them, where that is not by their labels.
    """

    first: Layer
    second: Layer
    joint: Joint | None = None
    why: str = ""
    is_break: bool = False
    is_beside: bool = False
    between: Layer | None = None
    told: str = ""

    @property
    def what(self) -> str:
        return self.told or f"{printable(self.first.label)} and {printable(self.second.label)}"


def places_of(row: Row, layers: Iterable[Layer]) -> list[Place]:
    """Those of a row. layers: all of the file, for its blocks."""
    judge, found = _Judge(row, layers), []
    behind: Layer | None = None  # the last layer with weights
    for at, (a, b) in enumerate(pairwise(row.layers)):
        behind = a if a.is_weight else behind
        if not a.is_known or a.axes is None:
            continue
        if b.is_known:
            before = row.layers[at - 1] if at else None
            place = judge.place(a, b, before, behind)
            found.append(place)
            judge.given[b.path] = b.inputs if place.joint is None else place.joint.units
        elif a.is_norm:
            found.append(Place(a, b, why="no law is known of what draws from it"))
    return found


class _Judge:
    """What is known of a whole row when two of its layers are looked at."""

    def __init__(self, row: Row, layers: Iterable[Layer]) -> None:
        self.row = row
        self.blocks = blocks_of(layers)
        self.below: dict[Path, list[Layer]] = defaultdict(list)
        for layer in row.layers:
            for n in range(1, len(layer.path) + 1 if layer.is_weight else 0):
                self.below[layer.path[:n]].append(layer)
        # What each layer was found to draw from; more than its inputs where that is in groups.
        self.given = {layer.path: layer.inputs for layer in row.layers}
        self.gates = _maybe_gates([layer for layer in row.layers if layer.is_weight])

    def place(self, a: Layer, b: Layer, before: Layer | None, behind: Layer | None) -> Place:
        """a, b: neighbours. before: what stands before a. behind: the last layer with weights."""
        if b.is_norm:
            return Place(a, b, why=_normalized(a, b))
        grid = None
        if a.is_norm:
            grid = behind is not None and behind.is_grid and behind.units == a.units
        if not (grid or a.is_grid) and b.is_grid and not (a.is_norm and behind is None):
            # A vector laid on a grid of channels; unless it is another network that begins.
            return Place(a, b, why="how a vector is laid on a grid no file tells",
                         is_break=a.units % b.inputs != 0)  # fmt: skip
        try:
            joint = meet(a, b, grid=grid)
        except ValueError as error:
            return Place(a, b, why=str(error), is_break=True, is_beside=self._begins_anew(a, b))
        if are_rivals(a.path, b.path):
            return Place(a, b, why=_RIVALS, is_break=True, is_beside=True)
        if joint.drawn[0].units != b.inputs and b.is_grid:
            # A kernel with fewer inputs than there are units: in groups, or of something else.
            if behind is not None and self.given[behind.path] == b.inputs:
                return Place(a, b, why=_same(b.inputs), is_break=True)
            if shared(a.path, b.path) < len(b.path) - 1 and comes_before(a.path, b.path) is None:
                return Place(a, b, why=f"{a.units} units may not be what the {b.inputs} inputs of"
                             " each group are", is_break=True)  # fmt: skip
            if _are_maybe_turned(a, b):
                return Place(a, b, why=MAYBE_TURNED)
        if self.gates.get(a.path) != self.gates.get(b.path):
            return Place(a, b, why="may be a gate, which other layers are multiplied with")
        if self.blocks[a.path] != self.blocks[b.path]:
            sides = [".".join(self.blocks[each.path]) or each.label for each in (a, b)]
            return Place(a, b, why=_SKIP, told=" and ".join(map(printable, sides)))
        if self._begins_anew(a, b):
            return Place(a, b, why=_same(b.inputs), is_break=True, is_beside=True)
        if a.is_norm and self.blocks[a.path] and not self._is_inside(a, before):
            return Place(a, b, why="a skip may draw from the normalization too")
        why, between = self.row.doubt(a, b)
        return Place(a, b, why=why, between=between) if why else Place(a, b, joint)

    def _begins_anew(self, a: Layer, b: Layer) -> bool:
        """Whether b is the first layer below a name, and may draw from what the first of those
        below another name draws from, to which a belongs; unless the names say which comes first.
        """
        at = shared(a.path, b.path)
        if at >= min(len(a.path), len(b.path)) or comes_before(a.path, b.path) is not None:
            return False
        one, other = self.below[a.path[: at + 1]], self.below[b.path[: at + 1]]
        is_like = bool(one) and one[0].inputs == b.inputs and one[0].is_grid == b.is_grid
        return is_like and other[0] is b

    def _is_inside(self, norm: Layer, before: Layer | None) -> bool:
        """Whether it is batch normalization with a layer of its block before it: what leaves the
        block, or enters it, may be what a skip takes.
        """
        if before is None or not before.is_weight or before.units != norm.units:
            return False
        return norm.is_batch and self.blocks[before.path] == self.blocks[norm.path]


def _maybe_gates(weights: Sequence[Layer]) -> dict[Path, int]:
    """The layers of two that may squeeze channels and give each a factor, and of which pair each:
    they see one place of the grid, and end with as many units as they draw from.
    """
    found: dict[Path, int] = {}
    for at, (a, squeeze, expand, b) in enumerate(
        zip(weights, weights[1:], weights[2:], weights[3:], strict=False)
    ):
        is_pointwise = squeeze.places == expand.places == 1
        is_narrow = squeeze.units < squeeze.inputs == a.units == expand.units
        is_apart = squeeze.is_grid or b.is_grid
        if a.is_grid and is_pointwise and is_narrow and is_apart:
            found |= {squeeze.path: at, expand.path: at}
    return found


def _normalized(a: Layer, norm: Layer) -> str:
    if norm.is_batch and norm.units in (0, a.units):
        return f"scaled away by the normalization {printable(norm.label)}"
    return f"no law of single units stands across the normalization {printable(norm.label)}"


def _same(inputs: int) -> str:
    return f"both may draw from the same {inputs} units"


def _are_maybe_turned(a: Layer, b: Layer) -> bool:
    """Whether two kernels meet as transposed ones as well."""
    return b.inputs > 1 and a.inputs == b.units and may_be_either(a) and may_be_either(b)
