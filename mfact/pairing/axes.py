"""How the numbers of a weight lie: which of its axes count units, inputs, groups and places."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from mfact.chains.joints import Slot


class Axes(NamedTuple):
    """letters: of each axis of `sizes`: o the units that it feeds, i the inputs that it draws from,
    g groups of both, k the places of a kernel. Units are counted group by group.

    >>> Axes("conv.weight", "oik", (8, 3, 25)).fed()
    Slot(tensor='conv.weight', shape=(8, 3, 25), axes=(0,))
    """

    tensor: str
    letters: str
    sizes: tuple[int, ...]

    @property
    def units(self) -> int:
        return self._size("go")

    @property
    def inputs(self) -> int:
        return self._size("gi")

    @property
    def places(self) -> int:
        return self._size("k")

    @property
    def is_grid(self) -> bool:
        """Whether its units are channels, each on a grid."""
        return "k" in self.letters

    @property
    def is_channel_last(self) -> bool:
        """Whether grids are laid as Keras and Flax do it, channels last."""
        return self.letters.startswith("k")

    def fed(self) -> Slot:
        """Its numbers, each in the unit that it feeds."""
        return self._slot("go")

    def drawn(self, units: int, *, grid: bool = False, last: bool = False) -> tuple[Slot, str]:
        """Its numbers, each in the unit of the layer before it that it draws from, and how they
        were read.

        grid: whether the units before are channels that a dense layer may see as k inputs each;
        last: laid with the channels last. Raises ValueError where the sizes do not meet.

        >>> Axes("fc.weight", "oi", (10, 400)).drawn(16, grid=True)
        (Slot(tensor='fc.weight', shape=(10, 16, 25), axes=(1,)), '25 columns a channel')
        >>> Axes("dw.weight", "oik", (32, 1, 9)).drawn(32)
        (Slot(tensor='dw.weight', shape=(32, 1, 1, 9), axes=(0, 2)), 'in 32 groups')
        """
        if self.inputs == units:
            groups = self._size("g")
            return self._slot("gi"), f"in {groups} groups" if groups > 1 else ""
        wide, rest = divmod(self.inputs, units) if units else (0, 1)
        if not self.is_grid and grid and wide > 1 and not rest:
            parts = (wide, units) if last else (units, wide)
            split = self._split("i", "ki" if last else "ik", parts)
            return split._slot("i"), f"{wide} columns a channel"
        groups, rest = divmod(units, self.inputs) if self.inputs else (0, 1)
        outputs = self._size("o")
        if self.letters in ("oik", "kio") and groups > 1 and not rest and outputs % groups == 0:
            split = self._split("o", "go", (groups, outputs // groups))
            return split._slot("gi"), f"in {groups} groups"
        raise ValueError(f"{units} units against {self.inputs} inputs")

    def _size(self, letters: str) -> int:
        return prod(n for letter, n in zip(self.letters, self.sizes, strict=True)
                    if letter in letters)  # fmt: skip

    def _split(self, letter: str, into: str, sizes: tuple[int, int]) -> Axes:
        at = self.letters.index(letter)
        return Axes(
            self.tensor,
            self.letters.replace(letter, into),
            (*self.sizes[:at], *sizes, *self.sizes[at + 1 :]),
        )

    def _slot(self, letters: str) -> Slot:
        axes = tuple(self.letters.index(letter) for letter in letters if letter in self.letters)
        return Slot(self.tensor, self.sizes, axes)


def scale(tensor: str, size: int) -> Axes:
    """γ of a normalization, or a bias: one number a unit."""
    return Axes(tensor, "o", (size,))


def dense(tensor: str, shape: tuple[int, ...], *, units_first: bool) -> Axes:
    return Axes(tensor, "oi" if units_first else "io", shape)


def kernel(tensor: str, shape: tuple[int, ...], *, channels_last: bool) -> Axes:
    """A convolution: torch's (out, in, …), or (…, in, out)."""
    if channels_last:
        return Axes(tensor, "kio", (prod(shape[:-2]), *shape[-2:]))
    return Axes(tensor, "oik", (*shape[:2], prod(shape[2:])))


def transposed(tensor: str, shape: tuple[int, ...], units: int) -> Axes:
    """A transposed convolution in torch's (in, out / groups, …); units: out, a multiple."""
    groups = units // shape[1]
    sizes = (*shape[:2], prod(shape[2:]))
    if groups == 1:
        return Axes(tensor, "iok", sizes)
    return Axes(tensor, "giok", (groups, sizes[0] // groups, *sizes[1:]))


def depthwise(tensor: str, shape: tuple[int, ...]) -> Axes:
    """Keras' (…, in, multiplier): input c feeds units c·multiplier and on."""
    return Axes(tensor, "kgo", (prod(shape[:-2]), *shape[-2:]))
