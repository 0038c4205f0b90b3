"""A state dict as a value: named tensors that are looked at before they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from pathlib import Path

from mfact.core import Array

UNITS = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
"""Kinds that are weights, as they are stored -> how far rounding may move one, relative to it."""


@dataclass(frozen=True, eq=False)
class Tensor:
    """One array of a file.

    kind: as it is stored: float32, bfloat16, int64, … values: reads it whole, in its own kind;
    bfloat16, which NumPy has not, as float32 of the same value. Raises StorageError. storage: equal
    for two tensors that are the same numbers, "" where the file does not tell.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    values: Callable[[], Array] = field(repr=False)
    storage: str = ""

    @property
    def bytes(self) -> int:
        """What its values take in memory."""
        return prod(self.shape) * (8 if self.kind[-2:] == "64" else 4)

    @property
    def is_weight(self) -> bool:
        """Whether it is of a kind that gradient descent moves."""
        return self.kind in UNITS


@dataclass(frozen=True, eq=False)
class StateDict:
    """What one checkpoint holds.

    label: the path as it may be printed. form: "safetensors", "torch", "npz" or "run file".
    tensors: in the order of the file. in_order: whether that is the order in which the layers were
    made, and not one of names. left: what it holds beside tensors, such as "optimizer".
    rewritten: the bytes of the same container with other values of some tensors, all else bit for
    bit; values of the tensor's shape, rounded to its kind.
    """

    path: Path
    label: str
    form: str
    tensors: tuple[Tensor, ...]
    in_order: bool
    rewritten: Callable[[Mapping[str, Array]], bytes] = field(repr=False)
    left: tuple[str, ...] = ()

    @cached_property
    def named(self) -> dict[str, Tensor]:
        return {tensor.name: tensor for tensor in self.tensors}
