"""How a weight of two axes or more is laid: told by its name, the length of its bias, or neither.

torch has (out, in, …), transposed (in, out / groups, …); Keras and Flax (…, in, out), Keras
transposed (…, out, in) and depthwise (…, in, multiplier).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from mfact.pairing.axes import Axes, dense, depthwise, kernel, transposed
from mfact.pairing.named import Path
from mfact.words import by

Shape = tuple[int, ...]

DENSE, CONVOLUTION, TRANSPOSED = "dense", "convolution", "transposed convolution"
APART = "apart"
"""Kinds of layers; the last is one across which no law is known."""

MAYBE = "a convolution or a transposed one: neither its name nor its bias says which"
MAYBE_TURNED = "convolutions in groups or transposed ones: neither names nor biases say which"
EITHER = "units×inputs or inputs×units: neither its name nor its bias says which"

_TRANSPOSED = re.compile(r"deconv|transpose|convt|upconv|up_conv|tconv|conv_t$")
_UP = re.compile(r"ups?|up[0-9]+|up_?sampl.*|up_?scal.*")


class Reading(NamedTuple):
    """kind: of the layer. why: that it is not known, and axes then a guess to be named by hand."""

    kind: str
    axes: Axes | None
    why: str = ""


class Unsaid(NamedTuple):
    """A weight whose name does not say how it is laid; bias: its length, None without one."""

    shape: Shape
    bias: int | None


def read(tensor: str, shape: Shape, path: Path, layout: str, bias: int | None) -> Reading:
    """A weight of its shape, of two axes or more. layout: "torch", "keras" or "", not known.

    >>> read("up.weight", (8, 4, 2, 2), ("up",), "torch", 4).kind
    'transposed convolution'
    """
    if len(shape) > 5 or 0 in shape:
        return Reading(APART, None, f"of shape {by(shape)}, which is not known")
    said = {part.lower() for part in path}
    is_up = any(_TRANSPOSED.search(part) for part in said)
    last = layout == "keras"
    if not layout:
        first, second = readings(tensor, shape)
        fits = [each for each in (first, second) if bias in (None, each.units)]
        if len(fits) == 2:
            return Reading(APART, first, EITHER)
        if fits:
            return Reading(DENSE if len(shape) == 2 else CONVOLUTION, fits[0])
    elif len(shape) == 2:
        for is_last in (last, not last):
            axes = dense(tensor, shape, units_first=not is_last)
            if bias in (None, axes.units):
                return Reading(DENSE, axes)
    elif last:
        return _channels_last(tensor, shape, said, is_up, bias)
    else:
        maybe = any(_UP.fullmatch(part) for part in said) and bias in (None, shape[1])
        if not is_up and bias in (None, shape[0]):
            axes = kernel(tensor, shape, channels_last=False)
            return Reading(CONVOLUTION, axes, MAYBE if maybe else "")
        units = shape[1] if bias is None else bias
        if units % shape[1] == 0 and shape[0] % (units // shape[1]) == 0:
            return Reading(TRANSPOSED, transposed(tensor, shape, units))
    return _misfit(shape, bias)


def unsaid(held: Iterable[Unsaid]) -> str:
    """How those of one file are laid that do not say so: as the biases of some say, or as more of
    their sizes meet; "" where neither tells.
    """
    given = [each for each in held if 2 <= len(each.shape) <= 5]
    both = [readings("", each.shape) for each in given]
    told = {
        fits.index(True)
        for each, ways in zip(given, both, strict=True)
        if sum(fits := [each.bias == axes.units for axes in ways]) == 1
    }
    if not told:
        meet = [sum(_meet(x[way], y[way]) for x, y in pairwise(both)) for way in (0, 1)]
        told = {meet.index(max(meet))} if meet[0] != meet[1] else set()
    return ("torch", "keras")[told.pop()] if len(told) == 1 else ""


def _channels_last(
    tensor: str, shape: Shape, said: set[str], is_up: bool, bias: int | None
) -> Reading:
    axes = kernel(tensor, shape, channels_last=True)
    *_, inputs, outputs = shape
    if is_up and inputs != outputs and bias == inputs:
        return Reading(TRANSPOSED, Axes(tensor, "koi", axes.sizes))
    if is_up:
        told = bias == outputs != inputs
        return Reading(TRANSPOSED, axes, "" if told else EITHER)
    by_channel = bias == inputs * outputs != outputs or any("depthwise" in part for part in said)
    if by_channel and inputs > 1:  # Flax gives the groups of a depthwise one a single input
        axes = depthwise(tensor, shape)
    if bias in (None, axes.units):
        return Reading(CONVOLUTION, axes)
    return _misfit(shape, bias)


def _misfit(shape: Shape, bias: int | None) -> Reading:
    return Reading(APART, None, f"a bias of {bias} does not fit {by(shape)}")


def readings(tensor: str, shape: Shape) -> tuple[Axes, Axes]:
    """As torch, and as Keras lays it."""
    if len(shape) == 2:
        return dense(tensor, shape, units_first=True), dense(tensor, shape, units_first=False)
    return (
        kernel(tensor, shape, channels_last=False), kernel(tensor, shape, channels_last=True)
    )  # fmt: skip


def _meet(first: Axes, second: Axes) -> bool:
    try:
        second.drawn(first.units, grid=first.is_grid)
    except ValueError:
        return False
    return True
