"""The values of MATLAB files of before v7.3, read by scipy.io in a process apart."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.matrices.apart import Piece, apart
from mfact.matrices.matlab.headers import Variable, damaged
from mfact.matrices.missing import Entries
from mfact.matrices.seen import Seen
from mfact.matrices.sparse import Compressed, assemble
from mfact.matrices.values import (
    BLOCK_BYTES,
    Told,
    check_fits,
    new_matrix,
    refuse_memory,
    silent,
)


@dataclass(frozen=True)
class MatlabReader:
    """A numeric variable; index: of each axis, None for a whole
    one: which part of it is the matrix, folded where that is not 2-D."""

    file: Seen
    variable: Variable
    index: tuple[int | None, ...]
    shape: tuple[int, int]
    label: str

    def read(self, dtype: np.dtype[Any], told: Told = silent) -> Array:
        d1, d2 = self.shape
        # The child holds all of it as it is stored, and a block of it, beside the matrix here.
        stored = self.variable.data_bytes
        check_fits(stored + d1 * d2 * dtype.itemsize + 2 * BLOCK_BYTES, self.label)
        out = new_matrix(self.shape, dtype, "F", self.label)
        entries = Entries(self.shape, self.label)
        for start, block in _apart(self._pieces, self.label, stored):
            columns = slice(start, start + len(block))
            entries.store(block.T, out[:, columns], partial(_place, start))
            told(columns.stop / d2)
        entries.require()
        return out

    def _pieces(self) -> Iterator[Piece]:
        value = _loaded(self.file, self.variable, self.label)
        if not isinstance(value, np.ndarray) or value.shape != self.variable.shape:
            raise damaged(self.label)
        part = tuple(slice(None) if at is None else at for at in self.index)
        matrix = value[part].reshape(self.shape)
        step = max(1, BLOCK_BYTES // (len(matrix) * matrix.itemsize))
        for start in range(0, self.shape[1], step):
            yield Piece(start, matrix[:, start : start + step].T)  # which lies in one piece


@dataclass(frozen=True)
class MatlabSparseReader:
    """A sparse variable, which MATLAB keeps by columns."""

    file: Seen
    variable: Variable
    label: str

    @property
    def entries(self) -> int:
        return self.variable.entries

    def read(self, dtype: np.dtype[Any], told: Told = silent, *, occupied: bool = False) -> Any:
        check_fits(2 * self.variable.data_bytes + BLOCK_BYTES, self.label)
        arrays = []
        for _, array in _apart(self._pieces, self.label, self.variable.data_bytes):
            arrays.append(array)
            told(len(arrays) / 3)
        data, indices, indptr = arrays
        d1, d2 = self.variable.shape
        with np.errstate(over="ignore"):
            data = data.astype(dtype, copy=False)
        parts = Compressed("CSC", (d1, d2), data, indices, indptr)
        return assemble(parts, self.label, occupied=occupied)

    def _pieces(self) -> Iterator[Piece]:
        from scipy.sparse import issparse

        value = _loaded(self.file, self.variable, self.label)
        if not issparse(value) or value.format != "csc" or value.shape != self.variable.shape:
            raise damaged(self.label)
        for array in (value.data, value.indices, value.indptr):
            yield Piece(None, array)


def _place(start: int, index: tuple[Any, Any]) -> tuple[Any, Any]:
    return index[0], start + index[1]


def _apart(
    work: Callable[[], Iterator[Piece]], label: str, size: int
) -> Generator[Piece, None, None]:
    import scipy.io  # noqa: F401  # here, so that the child finds it already imported

    return apart(work, label, max(BLOCK_BYTES, size))


def _loaded(file: Seen, variable: Variable, label: str) -> Any:
    """A variable, whole, as SciPy has it."""
    from scipy.io import loadmat

    with file.opened(label) as stream:
        try:
            return loadmat(stream, variable_names=[variable.name])[variable.name]
        except MemoryError:
            refuse_memory(label)
        except Exception as error:  # SciPy raises whatever it stumbles over, such as an OSError
            if isinstance(error, OSError) and error.errno:
                raise  # of the disk
            raise damaged(label) from error
