"""The one door of a matrix: who can hold it, how many bytes that takes, the Target it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np

from mfact.core import Names, Target
from mfact.errors import DataError
from mfact.host.memory import MemoryPlan, available_bytes
from mfact.host.threads import ALONE, Workers
from mfact.matrices.values import Told, silent
from mfact.targets.centred import Centred
from mfact.targets.counted import Counted
from mfact.targets.device.arrays import on_host
from mfact.targets.holders import HOLDERS, is_file, is_target, stored_eps
from mfact.targets.remembered import Remembered
from mfact.targets.streamed import Streamed

HELD, IN_FILE = "held", "in its file"
"""What says of a matrix, where it is described, that it stays there, or that a cluster holds it, of
which the bits are the same."""

NAMED = ("path", "dataset", "follow_links", "transpose")
"""What a matrix in a file is found again by."""


MEMORY, DISK, CLUSTER, DEVICE = "memory", "disk", "cluster", "device"
"""Where M is held. By the last a device is named where a matrix is described that is on one."""

WHERE = {MEMORY: "in memory", DISK: "in its file", CLUSTER: "by a cluster", DEVICE: "on a device"}
"""The same in words."""


class Elsewhere(NamedTuple):
    """How M is held in another place. where: which. needed: bytes that it takes here, beside what
    goes there and comes back; bytes: that each pass goes through there. described: what is said of
    it. make: the Target. told: what is known of the place, as JSON values; of these a plan knows
    shards, workers, tasks of a pass, column_bytes (that move for each column that M is multiplied
    by), worker_bytes (that the fullest worker needs for M) and worker_limit (that it has)."""

    where: str
    needed: int
    bytes: int
    described: Mapping[str, Any]
    make: Callable[[Told, Workers], Target]
    told: Mapping[str, Any] = MappingProxyType({})


class Place(Protocol):
    """Where M can be held, if not here: a cluster, a device."""

    def of(self, matrix: Any, dtype: str) -> Elsewhere | None:
        """How it holds a matrix as it was given: an opened file, an array. None: it does not, and
        M is held here. Raises SettingsError where it cannot be held there, with a way out.
        """


@dataclass(frozen=True)
class Held:
    """A matrix that has been looked at and not yet read.

    shape: (d1, d2). needed: bytes that target() and its passes will allocate; there: those that it
    takes already. described: what is known of where it came from. named: path, dataset,
    follow_links and transpose, None each where it is in no file. names: reads those of its rows and
    columns, once; raises what reading a file raises. from_file: bytes that each pass goes through
    of a matrix that stays in its file or is held elsewhere, 0 where it is in this memory; summed:
    lines of the side that each worker then sums up for itself; begun: how many such sums there are
    beside these. where: it is held; place: what is known of it elsewhere. taken: passes over M that
    were taken before target(), which counts on from there.
    """

    shape: tuple[int, int]
    needed: int
    described: Mapping[str, Any]
    named: Mapping[str, Any]
    _make: Callable[[Told, Workers], Target]
    _leave: Callable[[], Held | None] = lambda: None
    _at: Callable[[Place], Elsewhere | None] = lambda place: None
    names: Callable[[], Names] = Names
    there: int = 0
    from_file: int = 0
    summed: int = 0
    begun: int = 0
    where: str = MEMORY
    place: Mapping[str, Any] = field(default_factory=dict)
    taken: int = 0

    def target(
        self,
        passes: int | None = None,
        told: Told = silent,
        passed: Callable[[int], None] = lambda count: None,
        workers: Workers = ALONE,
    ) -> Counted:
        """M behind a Target that counts on from so many passes, those taken when not given. Raises
        what reading it raises.

        told: what share of M has been read, of one that stays in its file in each pass. passed: the
        passes so far, after each. workers: share a pass; no bit depends on their number.
        """
        taken = self.taken if passes is None else passes
        return Counted(self._make(told, workers), taken, passed)

    def centred(self, kind: str) -> Held:
        """What is left of M without its means (see mfact.targets.centred), which take a pass; M
        itself where the kind is "none".
        """
        if kind == "none":
            return self
        return replace(
            self,
            needed=self.needed + 16 * sum(self.shape),
            described={**self.described, "center": kind},
            taken=self.taken + 1,
            _make=lambda told, workers: Centred(self._make(told, workers), kind, workers),
            _leave=lambda: (left := self._leave()) and left.centred(kind),
        )

    def read(self, told: Told = silent, workers: Workers = ALONE) -> Held:
        """The same with M in memory, for several runs: target() takes no more of it, its passes are
        shared by these workers, and what is known of M is known to all. One that stays in its file
        does so, and takes its buffers in each pass.
        """
        made = self._make(told, workers)
        same = replace(self, _make=lambda told, workers: made)
        return same if self.from_file else replace(same, needed=0, there=self.needed)

    def remembering(self, most: int) -> tuple[Held, Remembered]:
        """The same of M that has been read, and who remembers for all of its runs what their bases
        ask for, in so many bytes beyond those that are planned.
        """
        memory = Remembered(self._make(silent, ALONE), most)
        return replace(self, _make=lambda told, workers: memory), memory

    def at(self, place: Place | None) -> Held:
        """The same held in another place than this memory: before it is centred or read. Raises
        SettingsError where it cannot be.
        """
        found = None if place is None else self._at(place)
        if found is None:
            return self
        others = {name: each for name, each in self.described.items() if name != HELD}
        return replace(
            self,
            needed=found.needed,
            described={**others, **found.described},
            from_file=found.bytes,
            # What goes there and comes back, of both sides, is here once more.
            summed=sum(self.shape),
            begun=1,
            where=found.where,
            place=found.told,
            _make=found.make,
            _leave=lambda: None,
            _at=lambda place: None,
        )

    @property
    def elsewhere(self) -> bool:
        """Whether others hold it for this process."""
        return bool(self.from_file) and self.where != DISK

    def streamed(self) -> Held | None:
        """The same left in its file, which each pass reads anew; None where it cannot be."""
        return self if self.from_file else self._leave()

    def fitted(self, plan: Callable[[Held], MemoryPlan]) -> tuple[Held, MemoryPlan]:
        """M as it can be held, and its plan: in memory where that fits, else in its file; where
        nothing fits the way that takes least.
        """
        made = plan(self)
        if made.fits or (other := self._leave()) is None:
            return self, made
        found, others = other.fitted(plan)
        return (found, others) if others.fits or others.total < made.total else (self, made)


def held(matrix: Any, dtype: str, max_memory: int | None = None) -> Held:
    """Who holds M, to compute with it in "float64" or "float32".

    matrix: a Target, which keeps its own dtype, an opened file, a dense or sparse array, or what is
    held already, in its own dtype. max_memory: bytes beyond which M stays in its file, if it can;
    what there is when not given, or less.
    Raises DataError where it is not 2-D.

    >>> found = held(np.eye(3, 2, dtype=np.float32), "float64")
    >>> found.shape, found.needed, found.target().norm ** 2
    ((3, 2), 48, 2.0000000000000004)
    """
    if isinstance(matrix, Held):
        return matrix
    shape = np.shape(matrix)
    if len(shape) != 2:
        raise DataError(f"the matrix has shape {shape}", "pass a non-empty 2-D matrix")
    holder = next(each for each in HOLDERS if each.recognizes(matrix))
    name = type(matrix).__name__ if is_target(matrix) else "array"
    file = matrix if is_file(matrix) else None
    there = {} if on_host(matrix) else {"device": str(matrix.device)}
    whole = Held(
        (int(shape[0]), int(shape[1])),
        holder.needed(matrix, dtype),
        {"name": name, **there} if file is None else file.describe(),
        {name: getattr(file, name, None) for name in NAMED},
        lambda told, workers: holder.make(matrix, dtype, told, workers),
        lambda: _streaming(whole, holder.leave(matrix), dtype),
        lambda place: place.of(matrix, dtype),
        Names if file is None else cache(file.names),
        where=DEVICE if there else MEMORY,
    )
    small = whole.needed <= available_bytes(max_memory)
    return whole if small else whole.streamed() or whole


def _streaming(whole: Held, ways: Sequence[Streamed], dtype: str) -> Held | None:
    """M in its file, in the first of these ways and, where that does not fit, in the others."""
    if not ways:
        return None
    found, *others = ways
    eps = stored_eps(whole.described["stored_dtype"])
    return replace(
        whole,
        needed=found.needed,
        described={**whole.described, HELD: IN_FILE},
        from_file=found.slabs.file_bytes,
        summed=found.summed,
        begun=found.begun,
        where=DISK,
        _make=lambda told, workers: found.target(dtype, eps, told, workers),
        _leave=lambda: _streaming(whole, others, dtype),
    )
