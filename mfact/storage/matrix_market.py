"""MatrixMarket files: the banner checked by hand, the entries parsed by SciPy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.errors import DataError, MfactError, StorageError
from mfact.storage.npz import coordinates
from mfact.storage.sparse import dense_rows
from mfact.storage.values import (
    BLOCK_BYTES,
    check_fits,
    check_shape,
    new_matrix,
    printable,
    refuse_memory,
    store,
)

_LINE_BYTES = 4096
_DTYPES = {"real": "f8", "double": "f8", "integer": "i8", "unsigned-integer": "u8", "pattern": "u1"}
_SYMMETRIES = ("general", "symmetric", "skew-symmetric")
_WAY_OUT = "write it again with scipy.io.mmwrite"


@dataclass(frozen=True)
class Banner:
    """The first lines: shape, entries in the file, kind; sparse: "coordinate", not "array"."""

    shape: tuple[int, int]
    entries: int
    dtype: np.dtype[Any]
    symmetric: bool
    sparse: bool


@dataclass(frozen=True)
class MarketReader:
    """A MatrixMarket file whose banner has been looked at."""

    path: Path
    banner: Banner
    label: str

    def read(self, dtype: np.dtype[Any]) -> Any:
        """The csr_array of a coordinate file, the Fortran-ordered array of an array file."""
        parsed = self._parse()
        if self.banner.sparse:
            rows, columns = parsed.coords
            with np.errstate(over="ignore"):
                data = parsed.data.astype(dtype, copy=False)
            return coordinates(data, rows, columns, self.banner.shape, self.label)
        out = new_matrix(self.banner.shape, dtype, "F", self.label)
        store(parsed, out, lambda i: (i[0], i[1]), self.label)
        return out

    def values(self) -> Iterator[Array]:
        matrix = self.read(np.dtype(np.float64))
        if self.banner.sparse:
            yield from dense_rows(matrix)
        else:
            yield np.ascontiguousarray(matrix)

    def _parse(self) -> Any:
        from scipy.io import mmread

        # SciPy's triples: two indices and a value; its array: one value; mirrored ones twice.
        each = 24 if self.banner.sparse else 8
        mirrored = 2 if self.banner.symmetric else 1
        total = self.banner.shape[0] * self.banner.shape[1]
        count = self.banner.entries * mirrored if self.banner.sparse else total
        check_fits(count * each + BLOCK_BYTES, self.label)
        try:
            parsed = mmread(str(self.path), spmatrix=False)
        except MemoryError:
            refuse_memory(self.label)
        except MfactError:
            raise
        except (ValueError, OverflowError, RuntimeError, OSError, TypeError) as error:
            raise StorageError(
                f"{self.label} cannot be read as MatrixMarket: {printable(str(error)[:160])}",
                _WAY_OUT,
            ) from error
        if parsed.shape != self.banner.shape or parsed.dtype.kind not in "fiu":
            raise StorageError(f"{self.label} was changed while it was read", "run again")
        return parsed


def read_banner(path: Path, size: int, label: str) -> Banner:
    """Read banner and size line. DataError for what is not taken or cannot be in the file.

    Source: the Matrix Market exchange formats, NIST report 5935.
    """
    with path.open("rb") as stream:
        words = stream.readline(_LINE_BYTES).decode("latin-1").lower().split()
        line = stream.readline(_LINE_BYTES)
        while line.startswith(b"%") or (line and not line.strip()):
            line = stream.readline(_LINE_BYTES)
    if len(words) != 5 or words[1] != "matrix" or words[2] not in ("coordinate", "array"):
        raise DataError(f"{label} has a broken MatrixMarket banner", _WAY_OUT)
    sparse, kind, symmetry = words[2] == "coordinate", words[3], words[4]
    if kind == "complex":
        raise DataError(
            f"{label} holds complex numbers", "factor the real and the imaginary part separately"
        )
    if kind not in _DTYPES or symmetry not in _SYMMETRIES:
        raise DataError(
            f"{label} is {printable(kind)} and {printable(symmetry)}, which is not taken", _WAY_OUT
        )
    numbers = line.split()
    if len(numbers) != (3 if sparse else 2) or not all(n.isdigit() for n in numbers):
        raise DataError(f"{label} has a broken size line", _WAY_OUT)
    if max(map(len, numbers)) > 18:
        raise DataError(f"{label} states a size that no file can hold", _WAY_OUT)
    lengths = [int(number) for number in numbers]
    shape = check_shape((lengths[0], lengths[1]), label)
    symmetric = symmetry != "general"
    entries = lengths[2] if sparse else shape[0] * shape[1] // (2 if symmetric else 1)
    # An entry takes two digits, a space and a line end, a value of an array two bytes.
    if entries * (4 if sparse else 1) > size:
        raise StorageError(
            f"{label} is truncated: it states {entries} entries and has {size} bytes", _WAY_OUT
        )
    return Banner(shape, entries, np.dtype(_DTYPES[kind]), symmetric, sparse)
