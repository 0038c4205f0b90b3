"""A device as a place to hold M: what fits on it, what is brought there, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.errors import DataError, MfactError, SettingsError
from mfact.host.memory import MemoryPlan
from mfact.host.threads import Workers
from mfact.matrices.slabs import Slabs, lines_of
from mfact.matrices.source import MatrixSource
from mfact.matrices.values import Told
from mfact.targets.device.arrays import on_host, refuse, smaller
from mfact.targets.device.cuda import Cuda, enough_of
from mfact.targets.device.target import WORK_BYTES, DeviceTarget
from mfact.targets.door import DEVICE, Elsewhere, Place
from mfact.targets.holders import is_file, is_target, stored_eps
from mfact.targets.pieces import PIECE_BYTES, Pieces
from mfact.targets.streamed import SLAB_BYTES

ON_HOST = "use --device cpu"

COLUMNS = 64
"""Of the blocks of a pass that there must be room for, both sides, in, out and once more."""

COPIES_OF_WORK = 4
"""Of the rows that are looked at together, and what comes of them."""


def device(name: str, note: Callable[[str], None]) -> Place | None:
    """The device "cuda", or "auto": that where there is one. None: M is to be held here.

    note: told what "auto" took. Raises SettingsError or MissingPackageError where "cuda" is not.
    """
    try:
        return OnDevice(Cuda(), name == "auto", note)
    except MfactError as error:
        if name != "auto":
            raise
        note(f"--device auto took cpu: {error.sentence}")
        return None


class OnDevice:
    """A device that a dense matrix is brought to, piece by piece (mfact.targets.door.Place).

    device: holds it. choosing: whether what cannot be held there is left here; note is told what
    was chosen. An array that is on a device already stays on that.
    """

    def __init__(self, device: Cuda, choosing: bool, note: Callable[[str], None]) -> None:
        self.device, self.choosing, self.note = device, choosing, note

    def of(self, matrix: Any, dtype: str) -> Elsewhere | None:
        if not on_host(matrix):
            return None
        try:
            self._check(matrix, dtype)
        except MfactError as error:
            if not self.choosing:
                raise
            self.note(f"--device auto took cpu: {error.sentence}")
            return None
        if self.choosing:
            self.note(f"--device auto took {self.device.name}")
        needed, make = (_of_file if is_file(matrix) else _of_array)(self.device, matrix, dtype)
        size = _size(np.shape(matrix), dtype)
        return Elsewhere(DEVICE, needed, size, {"device": self.device.name}, make)

    def _check(self, matrix: Any, dtype: str) -> None:
        """Raise SettingsError or MemoryPlanError for what cannot be held there."""
        if is_target(matrix):
            what = f"M is held by a {type(matrix).__name__}, which stays where it is"
            raise SettingsError(what, ON_HOST)
        if matrix.sparse if is_file(matrix) else hasattr(matrix, "tocsr"):
            raise SettingsError("M is sparse, and a device holds dense matrices",
                                ON_HOST)  # fmt: skip
        shape, free = np.shape(matrix), self.device.free
        fits = dtype == "float64" and _plan(shape, "float32", free).fits
        way_out = smaller(dtype, ON_HOST) if fits else ON_HOST
        _plan(shape, dtype, free).check(way_out, subject=f"M on {self.device.name}")


def _size(shape: tuple[int, ...], dtype: str) -> int:
    return np.dtype(dtype).itemsize * shape[0] * shape[1]


def _plan(shape: tuple[int, ...], dtype: str, free: int) -> MemoryPlan:
    """What is held on the device, against what is free there."""
    d1, d2 = shape
    row = 8 * d2
    work = min(8 * d1 * d2, max(WORK_BYTES, row))
    passes = COPIES_OF_WORK * work + 3 * COLUMNS * (d1 + d2) * np.dtype(dtype).itemsize
    return MemoryPlan({"matrix": _size(shape, dtype), "passes": passes}, free)


Made = tuple[int, Callable[[Told, Workers], DeviceTarget]]
"""Bytes that it takes here, and the target."""


def _of_file(device: Cuda, source: MatrixSource, dtype: str) -> Made:
    """Slab by slab where the file can be cut, else by way of the memory here."""
    eps, slabs = stored_eps(source.stored_dtype), source.slabs(SLAB_BYTES)
    if slabs is None:

        def read(told: Told, workers: Workers) -> DeviceTarget:
            entries = source.read(dtype, told)
            return _brought(device, entries, dtype, eps)

        return source.read_bytes(dtype), read

    def make(told: Told, workers: Workers) -> DeviceTarget:
        pieces = Pieces(slabs, np.dtype(dtype))
        with enough_of(device.name, smaller(dtype, ON_HOST)):
            lines = _filled(device, slabs, pieces, told)
            matrix = lines.mT if slabs.columns else lines
            return DeviceTarget(matrix, eps, refuse=pieces.refuse, otherwise=ON_HOST)

    return slabs.room + 2 * PIECE_BYTES, make


def _filled(device: Cuda, slabs: Slabs, pieces: Pieces, told: Told) -> Any:
    """The lines of all slabs, on the device."""
    count = lines_of(slabs)
    found = device.empty((count, pieces.width), pieces.dtype.name)
    buffer, room = np.empty(slabs.room, np.uint8), pieces.room()
    with slabs.opened(1) as fetcher:
        for slab, (first, end) in enumerate(pairwise(slabs.cuts)):
            for top, _, piece in pieces.of(fetcher.fetch(slab, buffer), room):
                at = first + top
                found[at : at + len(piece), :] = device.put(np.require(piece, None, ["C", "W"]))
            told(end / count)
    return found


def _of_array(device: Cuda, matrix: Any, dtype: str) -> Made:
    """Rows of an array in memory, converted some at a time."""
    entries = np.asarray(matrix)
    if entries.dtype.kind not in "fiub":
        raise DataError(f"the matrix holds {entries.dtype}", "pass real numbers")
    eps = stored_eps(entries.dtype)
    return 2 * PIECE_BYTES, lambda told, workers: _brought(device, entries, dtype, eps)


def _brought(device: Cuda, entries: Array, dtype: str, eps: float) -> DeviceTarget:
    d1, d2 = entries.shape
    kind = np.dtype(dtype)
    step = max(1, PIECE_BYTES // (d2 * kind.itemsize))
    cuts = [slice(at, min(at + step, d1)) for at in range(0, d1, step)]

    def blame() -> None:
        refuse((d1, d2), kind, ((at.start, entries[at]) for at in cuts))

    with enough_of(device.name, smaller(dtype, ON_HOST)), np.errstate(over="ignore"):
        found = device.empty((d1, d2), dtype)
        for at in cuts:
            found[at, :] = device.put(np.require(entries[at], kind, ["C", "W"]))
        return DeviceTarget(found, eps, refuse=blame, otherwise=ON_HOST)
