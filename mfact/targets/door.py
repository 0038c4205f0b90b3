"""The one door of a matrix: who can hold it, how many bytes that takes, the Target it becomes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from mfact.core import Names, Target
from mfact.errors import DataError
from mfact.host.memory import MemoryPlan, available_bytes
from mfact.host.threads import ALONE, Workers
from mfact.matrices.decoding import BFLOAT16
from mfact.matrices.missing import store
from mfact.matrices.source import ENTRY_BYTES, LINE_BYTES, MatrixSource
from mfact.matrices.values import Told, silent
from mfact.targets.centred import Centred
from mfact.targets.counted import Counted
from mfact.targets.dense import DenseTarget
from mfact.targets.remembered import Remembered
from mfact.targets.sparse import SparseTarget
from mfact.targets.streamed import Streamed, streamed

HELD, IN_FILE = "held", "in its file"
"""What says of a matrix, where it is described, that it stays there."""

NAMED = ("path", "dataset", "follow_links", "transpose")
"""What a matrix in a file is found again by."""


class Holder(NamedTuple):
    """One way to hold M. recognizes: whether it takes what was given. needed: bytes that are still
    to be allocated. make: the Target, in the arithmetic of a dtype, its passes shared by workers;
    only here M is read. leave: M where it is, read anew in each pass, first with more buffers and
    then with fewer; none where it cannot be."""

    recognizes: Callable[[Any], bool]
    needed: Callable[[Any, str], int]
    make: Callable[[Any, str, Told, Workers], Target]
    leave: Callable[[Any], Sequence[Streamed]] = lambda matrix: ()


@dataclass(frozen=True)
class Held:
    """A matrix that has been looked at and not yet read.

    shape: (d1, d2). needed: bytes that target() and its passes will allocate; there: those that it
    takes already. described: what is known of where it came from. named: path, dataset,
    follow_links and transpose, None each where it is in no file. names: reads those of its rows and
    columns, once; raises what reading a file raises. from_file: bytes that each pass reads of a
    matrix that stays in its file, 0 where it is in memory; summed: lines of the side that each
    worker then sums up for itself. taken: passes over M that were taken before target(), which
    counts on from there.
    """

    shape: tuple[int, int]
    needed: int
    described: Mapping[str, Any]
    named: Mapping[str, Any]
    _make: Callable[[Told, Workers], Target]
    _leave: Callable[[], Held | None] = lambda: None
    names: Callable[[], Names] = Names
    there: int = 0
    from_file: int = 0
    summed: int = 0
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
    name = type(matrix).__name__ if _is_target(matrix) else "array"
    file = matrix if _is_file(matrix) else None
    whole = Held(
        (int(shape[0]), int(shape[1])),
        holder.needed(matrix, dtype),
        {"name": name} if file is None else file.describe(),
        {name: getattr(file, name, None) for name in NAMED},
        lambda told, workers: holder.make(matrix, dtype, told, workers),
        lambda: _streaming(whole, holder.leave(matrix), dtype),
        Names if file is None else cache(file.names),
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
        _make=lambda told, workers: found.target(dtype, eps, told, workers),
        _leave=lambda: _streaming(whole, others, dtype),
    )


def stored_eps(kind: Any) -> float:
    """ε_s of the kind in which entries are stored: integers and truth values are exact.

    >>> stored_eps("<f2"), stored_eps("bfloat16"), stored_eps(np.uint8)
    (0.0009765625, 0.0078125, 0.0)
    """
    if isinstance(kind, str) and kind == BFLOAT16:
        return 2.0**-7
    dtype = np.dtype(kind)
    return float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0


def _is_target(matrix: Any) -> bool:
    return hasattr(matrix, "products")


def _is_file(matrix: Any) -> bool:
    return isinstance(matrix, MatrixSource)


def _is_sparse(matrix: Any) -> bool:
    return hasattr(matrix, "tocsr")


def _sparse_needed(matrix: Any, dtype: str) -> int:
    return ENTRY_BYTES * int(matrix.nnz) + LINE_BYTES * int(matrix.shape[0])


def _dense_needed(matrix: Any, dtype: str) -> int:
    there = isinstance(matrix, np.ndarray) and matrix.dtype == dtype
    return 0 if there else np.dtype(dtype).itemsize * math.prod(np.shape(matrix))


def _read(source: MatrixSource, dtype: str, told: Told, workers: Workers) -> Target:
    return _holding(source.read(dtype, told), dtype, workers, source.stored_dtype)


def _in_memory(matrix: Any, dtype: str, told: Told, workers: Workers) -> Target:
    return _holding(matrix, dtype, workers)


def _holding(matrix: Any, dtype: str, workers: Workers, stored: str | None = None) -> Target:
    entries = matrix if _is_sparse(matrix) else np.asarray(matrix)
    if entries.dtype.kind not in "fiub":
        raise DataError(f"the matrix holds {entries.dtype}", "pass real numbers")
    make = SparseTarget if _is_sparse(matrix) else DenseTarget
    return make(_cast(entries, dtype), stored_eps(stored or entries.dtype), workers)


def _cast(entries: Any, dtype: str) -> Any:
    """In the arithmetic; a dense matrix is looked at meanwhile, where it may overflow that."""
    narrower = entries.dtype.kind == "f" and entries.dtype.itemsize > np.dtype(dtype).itemsize
    if narrower and isinstance(entries, np.ndarray) and entries.size:
        cast = np.empty_like(entries, dtype=dtype, subok=False)
        store(entries, cast, lambda index: (index[0], index[1]), "the matrix")
        return cast
    with np.errstate(over="ignore"):
        return entries.astype(dtype, copy=False)


HOLDERS = (
    Holder(_is_target, lambda target, dtype: 0, lambda target, dtype, told, workers: target),
    Holder(_is_file, MatrixSource.read_bytes, _read, streamed),
    Holder(_is_sparse, _sparse_needed, _in_memory),
    Holder(lambda anything: True, _dense_needed, _in_memory),
)
"""Asked in this order. A new way to hold M is a file with its target and a row here."""
