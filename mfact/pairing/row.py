"""The layers of a file in a row: in its own order, or in that of their names."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mfact.pairing.before import by_place, comes_before
from mfact.pairing.kinds import ADAPTER, PASSING, Layer
from mfact.pairing.layouts import DENSE
from mfact.pairing.meeting import do_meet
from mfact.pairing.named import Path, number, pieces, shared, stem, tokens
from mfact.pairing.turned import turned
from mfact.pairing.vocabulary import NORMS, SKIP
from mfact.words import printable

IN_FILE, BY_NAME = "in the order of the file", "by name, numbers as numbers"
"""How layers were put in a row."""


@dataclass(frozen=True, eq=False)
class Row:
    """layers: one after another, but for those that stand nowhere. words: how they were put so.
    told: whether the file tells the order. loose: layers that may stand elsewhere than they do.
    beside: of a normalization that stands there, the layer that it goes with, by their paths.
    """

    layers: tuple[Layer, ...]
    words: str
    told: bool
    loose: tuple[Layer, ...]
    beside: Mapping[Path, Path]

    def doubt(self, a: Layer, b: Layer) -> tuple[str, Layer | None]:
        """Why b, the next in the row, may not be what follows a, "" where nothing says so; and what
        may stand between, where something does.
        """
        first, second = self._named(a), self._named(b)
        if not self.told and comes_before(first, second) is None and not self._are_alone(a, b):
            return "which of them comes first neither the file nor their names say", None
        between = [
            x
            for x in self._candidates(a.path, b.path)
            if self._named(x) not in (first, second)
            and _takes(x, a)
            and self._may_be_between(x, first, second)
        ]
        if not between:
            return "", None
        x = max(between, key=lambda x: _nearness(x.path, a.path))
        return f"{printable(x.label)} may stand between: nothing says where it does", x

    def _are_alone(self, a: Layer, b: Layer) -> bool:
        """Whether no others have their sizes, and the modules they are in meet in one order."""
        units, inputs = self._sizes
        if a.units != b.inputs or units[a.units] > 1 or inputs[b.inputs] > 1:
            return False
        common = shared(a.path, b.path)
        parts = self._below.get(a.path[:common], {})
        one, other = (
            [layer for part in path[common : common + 1] for layer in parts[stem(part), part]
             if layer.is_weight]
            for path in (a.path, b.path)
        )  # fmt: skip
        return not (one and other and do_meet(other[-1], one[0]))

    @cached_property
    def _sizes(self) -> tuple[Counter[int], Counter[int]]:
        """How many layers have so many units, and so many inputs."""
        held = [layer for layer in (*self.layers, *self.loose) if layer.is_weight]
        return (
            Counter(layer.units for layer in held), Counter(layer.inputs for layer in held)
        )  # fmt: skip

    def _candidates(self, a: Path, b: Path) -> Iterator[Layer]:
        """The layers whose place beside those two is not known, and more."""
        common = shared(a, b)
        # A file in order tells at least in which module each stands; of a list of normalizations
        # beside a list of layers it does not tell which goes with which.
        modules = (path[:n] for path in (a, b) for n in range(max(common - 1, 0), len(path)))
        for module in dict.fromkeys(modules):
            yield from self._loose_in.get(module, ())
        if self.told:
            return
        its = {part for path in (a, b) for part in path[common : common + 1]}
        stems = {*map(stem, its)}
        for (name, part), held in self._below.get(a[:common], {}).items():
            # What differs from them in its number alone stands where the number says.
            if name not in stems or part in its:
                yield from held

    @cached_property
    def _loose_in(self) -> dict[Path, list[Layer]]:
        """Those that may stand elsewhere, by the module that they stand in."""
        found: dict[Path, list[Layer]] = defaultdict(list)
        for layer in self.loose:
            found[standing(layer)[:-1]].append(layer)
        return found

    @cached_property
    def _below(self) -> dict[Path, dict[tuple[str, str], list[Layer]]]:
        """All layers below a path, by the next part of theirs."""
        found: dict[Path, dict[tuple[str, str], list[Layer]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for layer in (*self.loose, *self.layers):
            for n, part in enumerate(layer.path):
                found[layer.path[:n]][stem(part), part].append(layer)
        return found

    def _may_be_between(self, x: Layer, a: Path, b: Path) -> bool:
        """Whether one of the candidates may."""
        if comes_before(self._named(x), a) is True or comes_before(b, self._named(x)) is True:
            return False
        # One in a list may stand beside those of another list, any in its own module alone.
        above = shared(a, b) - len(standing(x)) + 1
        return above <= 0 or (above == 1 and standing(x) != x.path)

    def _named(self, layer: Layer) -> Path:
        """The path that tells where a layer stands."""
        return self.beside.get(layer.path, layer.path)


def in_a_row(layers: Sequence[Layer], *, told: bool) -> Row:
    """told: whether the layers come in the order in which the network was made."""
    held = [layer for layer in layers if layer.kind not in (PASSING, ADAPTER)]
    words, loose, beside = IN_FILE, list[Layer](), dict[Path, Path]()
    if not told:
        words = BY_NAME
        loose = [layer for layer in held if layer.why and layer.why != SKIP]
        held, more, beside = _by_name([layer for layer in held if not layer.why])
        loose += more
    astray = {*_astray(held)}
    row = turned([layer for layer in held if layer not in astray])
    return Row(tuple(row), words, told, (*loose, *astray), beside)


def standing(layer: Layer) -> Path:
    """The path of a layer, of a normalization to the part that says what it is: bns of bns.0."""
    parts = range(len(layer.path)) if layer.is_norm else ()
    at = next((at for at in parts if NORMS & {*tokens(layer.path[at])}), len(layer.path))
    return layer.path[: at + 1]


def _nearness(x: Path, a: Path) -> tuple[int, bool]:
    """Of names: how many parts they have in common, and whether their numbers are equal."""
    return shared(pieces(x), pieces(a)), [*map(number, x[-1:])] == [*map(number, a[-1:])]


def _takes(x: Layer, a: Layer) -> bool:
    """Whether x may draw from what a feeds, by its sizes."""
    if x.is_weight or (x.kind == DENSE and x.axes is not None):
        return do_meet(a, x, grid=a.is_norm or None)
    return a.units in x.sizes


def _by_name(
    layers: Sequence[Layer],
) -> tuple[list[Layer], list[Layer], dict[Path, Path]]:
    """In the order of names; a normalization beside the layer of its number, on the side that sizes
    show. Those of which the place is not known; and which go with which.
    """
    weights: dict[tuple[Path, str], list[Layer]] = defaultdict(list)
    for layer in layers:
        if layer.is_weight:
            weights[_numbered(layer)].append(layer)
    named = [layer for layer in layers if layer.is_norm and not _is_counted(layer)]
    beside = {norm: found for norm in named if (found := _partner(norm, weights[_numbered(norm)]))}
    sides = _sides(beside)
    beside = {norm: other for norm, other in beside.items() if _stem(norm) in sides}

    def key(layer: Layer) -> tuple[object, ...]:
        side = sides[_stem(layer)] if layer in beside else 0
        return (by_place(beside.get(layer, layer).path), side)

    loose = [norm for norm in named if norm not in beside]
    left = {*loose}
    row = sorted((layer for layer in layers if layer not in left), key=key)
    return row, loose, {norm.path: other.path for norm, other in beside.items()}


def _sides(beside: Mapping[Layer, Layer]) -> dict[str, int]:
    """Of the normalizations of each name, whether they stand behind their layers, 1, or ahead, −1:
    where sizes show one of the two somewhere, and nowhere the other.
    """
    shown: dict[str, set[int]] = defaultdict(set)
    for norm, other in beside.items():
        if other.units != other.inputs:
            shown[_stem(norm)].add(1 if norm.units == other.units else -1)
    return {name: its.pop() for name, its in shown.items() if len(its) == 1}


def _partner(norm: Layer, weights: Sequence[Layer]) -> Layer | None:
    """The one of its size, of some layers beside it with its number."""
    found = [layer for layer in weights if norm.units in (layer.units, layer.inputs)]
    return found[0] if len(found) == 1 else None


def _numbered(layer: Layer) -> tuple[Path, str]:
    """The module that a layer is in, and its number there."""
    return layer.path[:-1], "".join(map(number, layer.path[-1:]))


def _stem(layer: Layer) -> str:
    return "".join(map(stem, layer.path[-1:]))


def _is_counted(layer: Layer) -> bool:
    """Whether it is one of a list, which tells its place."""
    return "".join(layer.path[-1:]).isdecimal()


def _astray(row: Sequence[Layer]) -> list[Layer]:
    """Normalizations that do not stand where they are made: none of the layers around is of their
    size, another beside them has their number, or several stand in a row.
    """
    found = []
    numbered = {_numbered(layer) for layer in row if layer.is_weight}
    for at, norm in enumerate(row):
        if not norm.is_norm:
            continue
        around = [*row[max(at - 1, 0) : at], *row[at + 1 : at + 2]]
        is_alone = norm.units and all(
            each.is_weight and norm.units not in each.sizes for each in around
        )
        near = [each for each in around if each.path[:-1] == norm.path[:-1]]
        several = any(each.is_norm for each in near)
        elsewhere = _numbered(norm) in numbered and all(
            _numbered(each) != _numbered(norm) for each in near
        )
        is_listed = standing(norm) != norm.path
        if is_alone or is_listed or (not _is_counted(norm) and (several or elsewhere)):
            found.append(norm)
    return found
