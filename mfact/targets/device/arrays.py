"""The library that an array is of and the device that it is on: what is put there and fetched."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.errors import MissingPackageError
from mfact.matrices.missing import Entries
from mfact.targets.device.cuda import all_digits, enough_of

HOSTS = (1, 3, 11)
"""DLPack's numbers of the memory of a host: plain, and pinned by CUDA or by ROCm."""


def on_host(array: Any) -> bool:
    """Whether it is in the memory of the host, or does not say where it is."""
    asked = getattr(array, "__dlpack_device__", None)
    return asked is None or int(asked()[0]) in HOSTS


def smaller(dtype: str, otherwise: str) -> str:
    """What to do where float64 is too much, or too large, for a device.

    >>> smaller("float64", "use --device cpu"), smaller("float32", "use --device cpu")
    ('use --dtype float32, or --device cpu', 'use --device cpu')
    """
    if dtype != "float64":
        return otherwise
    return f"use --dtype float32, or {otherwise.removeprefix('use ')}"


def refuse(
    shape: tuple[int, int], dtype: np.dtype[Any], blocks: Iterable[tuple[int, Array]]
) -> None:
    """Raise NotFinite for the entries of a matrix that are no finite numbers of that kind.

    blocks: (place of the first row, the rows) one after another.
    """
    entries = Entries(shape, "the matrix")
    for top, block in blocks:

        def place(index: tuple[Any, ...], top: int = top) -> tuple[Any, Any]:
            return index[0] + top, index[1]

        entries.store(block, np.empty(block.shape, dtype), place)
    entries.require()


class Arrays:
    """What is asked of the library and the device of an array that it is given.

    xp: the library, as the array API names its functions. device: as the library says it. floats:
    the kinds of real numbers that the device computes with. synchronizations: how often the host
    has waited for something from there.

    Raises MissingPackageError without array-api-compat.
    """

    def __init__(self, array: Any) -> None:
        try:
            import array_api_compat as compat
        except ImportError as error:
            raise MissingPackageError(
                "array-api-compat is not installed, by which arrays on a device are used",
                "pip install 'mfact[gpu]', or pass a NumPy array",
            ) from error
        self.xp: Any = compat.array_namespace(array)
        self.device: Any = array.device
        info = self.xp.__array_namespace_info__()
        self.floats = frozenset(info.dtypes(device=self.device, kind="real floating"))
        self.synchronizations = 0
        self._to_device = compat.to_device
        self._in_torch: bool = compat.is_torch_array(array)

    def alone(self, array: Any) -> Any:
        """The same array, apart from what torch keeps of how it came to be."""
        return array.detach() if self._in_torch else array

    def cast(self, array: Any, dtype: np.dtype[Any]) -> Any:
        """In that kind of numbers: itself where it is."""
        return self.xp.astype(array, getattr(self.xp, dtype.name), copy=False)

    def put(self, array: Array, dtype: np.dtype[Any]) -> Any:
        """A host array, on the device in that kind of numbers."""
        # Not all libraries take arrays that may not be written into.
        return self.xp.asarray(np.require(array, dtype, ["C", "W"]), device=self.device)

    def fetch(self, *arrays: Any) -> list[Array]:
        """Arrays of one kind, on the host, all in one transfer: the only way back."""
        self.synchronizations += 1
        flat = self.xp.concat([self.xp.reshape(each, (-1,)) for each in arrays])
        home = flat if on_host(flat) else self._to_device(flat, "cpu")
        whole = np.require(np.from_dlpack(home), requirements="W")
        ends = np.cumsum([math.prod(each.shape) for each in arrays])
        parts = np.split(whole, ends[:-1])
        return [part.reshape(each.shape) for part, each in zip(parts, arrays, strict=True)]

    @contextmanager
    def there(self, way_out: str) -> Iterator[None]:
        """What is done on the device: with all digits, and MemoryPlanError where its memory does
        not do.
        """
        with (
            np.errstate(over="ignore", under="ignore", invalid="ignore"),  # the norm says so
            all_digits(self._in_torch),
            enough_of(f"the device {self.device}", way_out),
        ):
            yield
