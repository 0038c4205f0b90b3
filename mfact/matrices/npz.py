"""NPZ files: the members of a zip, read one block at a time, and SciPy's sparse ones."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from mfact.core import Array
from mfact.errors import DataError, MfactError, StorageError
from mfact.matrices import npy
from mfact.matrices.seen import Seen
from mfact.matrices.sparse import Compressed, assemble, coordinates, integers
from mfact.matrices.values import Told, check_kind, check_shape, refuse_memory, silent
from mfact.words import printable

# The others that zipfile knows (bzip2, LZMA) are never written by NumPy, and LZMA's stated
# dictionary size alone can ask for gigabytes.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_TEXT_BYTES = 64
# What zipfile raises; a RuntimeError is of an encrypted member.
_ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError,
    OverflowError, IndexError,
)  # fmt: skip
_SPARSE = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "coo": ("data", "row", "col"),
}


@dataclass(frozen=True)
class Member:
    """One array of an NPZ file: its name without .npy, and its header."""

    name: str
    header: npy.Header


@dataclass(frozen=True)
class NpzReader(npy.NpyReader):
    """A 2-D member of a kind that is taken, by its name."""

    name: str

    def _opened(self) -> AbstractContextManager[npy.Stream]:
        return open_member(self.file, self.name, self.label)


@dataclass(frozen=True)
class SparseNpzReader:
    """A file of scipy.sparse.save_npz in one of the forms csr, csc and coo."""

    file: Seen
    form: str
    shape: tuple[int, int]
    entries: int
    label: str

    def read(self, dtype: np.dtype[Any], told: Told = silent, *, occupied: bool = False) -> Any:
        vectors = []
        for name in _SPARSE[self.form]:
            vectors.append(read_vector(self.file, name, self.label))
            told(len(vectors) / len(_SPARSE[self.form]))
        data, first, second = vectors
        with np.errstate(over="ignore"):
            data = data.astype(dtype, copy=False)
        if self.form == "coo":
            return coordinates(data, first, second, self.shape, self.label, occupied=occupied)
        parts = Compressed(self.form.upper(), self.shape, data, first, second)
        return assemble(parts, self.label, occupied=occupied)


def members(file: Seen, label: str) -> list[Member]:
    """The arrays of an NPZ file with their headers; no values are read."""
    found = []
    with open_zip(file, label) as archive:
        for info in archive.infolist():
            if not info.filename.endswith(".npy"):
                continue
            name = info.filename.removesuffix(".npy")
            where = f"{label}:{printable(name)}"
            with open_info(archive, info, where) as stream:
                header = npy.read_header(stream, where)
            if header.dtype.kind != "O":  # a pickle has no declared length
                npy.check_length(header, info.file_size, where)
            found.append(Member(name, header))
    return found


def is_sparse(found: list[Member]) -> bool:
    """Whether the members are those that scipy.sparse.save_npz writes."""
    return {"format", "shape", "data"} <= {member.name for member in found}


def sparse_reader(file: Seen, found: list[Member], label: str) -> SparseNpzReader:
    """Look at a sparse NPZ file; DataError for forms and kinds that are not taken."""
    headers = {member.name: member.header for member in found}
    form = _text(file, headers["format"], label)
    if form not in _SPARSE:
        raise DataError(
            f"{label} is a sparse matrix of the form {printable(form)}",
            "convert it with .tocsr() before saving",
        )
    missing = [name for name in _SPARSE[form] if name not in headers]
    if missing:
        raise DataError(f"{label} has no {missing[0]}", "write it with scipy.sparse.save_npz")
    check_kind(headers["data"].dtype, label)
    if headers["shape"].shape != (2,):
        raise DataError(f"{label} has no 2-D shape", "write it with scipy.sparse.save_npz")
    declared = integers(read_vector(file, "shape", label), label, "lengths")
    if int(declared.min()) < 0:
        raise DataError(f"{label} has a negative length", "write it again")
    shape = check_shape(tuple(int(length) for length in declared), label)
    entries = headers["data"].shape[0] if headers["data"].shape else 0
    return SparseNpzReader(file, form, shape, entries, label)


def read_vector(file: Seen, name: str, label: str) -> Array:
    """A 1-D member, whole, in its own kind (native byte order)."""
    with open_member(file, name, label) as stream:
        header = npy.read_header(stream, label)
        check_kind(header.dtype, f"{label}:{printable(name)}")
        if len(header.shape) != 1:
            raise DataError(f"{label} has a member {name} that is not 1-D", "write it again")
        return npy.read_array(stream, header, label)


@contextmanager
def open_member(file: Seen, name: str, label: str) -> Iterator[npy.Stream]:
    """The stream of a member of an NPZ file."""
    with open_zip(file, label) as archive:
        try:
            info = archive.getinfo(f"{name}.npy")
        except KeyError:
            raise DataError(f"{label} has no member {printable(name)}", "write it again") from None
        with open_info(archive, info, label) as stream:
            yield stream


@contextmanager
def open_zip(
    file: Seen, label: str, what: str = "NPZ", writer: str = "numpy.savez"
) -> Iterator[zipfile.ZipFile]:
    """The archive; whatever zipfile raises inside becomes one StorageError.

    what, writer: what the file would be, and what writes such a one, as that error says.
    """
    try:
        with file.opened(label) as stream, zipfile.ZipFile(stream) as archive:
            yield archive
    except MfactError:
        raise
    except MemoryError:
        refuse_memory(label)
    except _ZIP_ERRORS as error:
        raise StorageError(
            f"{label} cannot be read as {what}: {printable(str(error)[:160])}",
            f"copy the file again, or write it with {writer}",
        ) from error


@contextmanager
def open_info(archive: zipfile.ZipFile, info: zipfile.ZipInfo, label: str) -> Iterator[npy.Stream]:
    """The stream of a member that is stored or deflated; DataError for another one."""
    if info.compress_type not in _METHODS:
        raise DataError(
            f"{label} is compressed with zip method {info.compress_type}",
            "write it with numpy.savez_compressed",
        )
    with archive.open(info) as stream:
        yield cast(npy.Stream, stream)  # a ZipExtFile, which zipfile declares as IO


def _text(file: Seen, header: npy.Header, label: str) -> str:
    """The value of a 0-D member of a string kind."""
    if header.dtype.kind not in "SU" or header.data_bytes > _TEXT_BYTES or header.shape:
        raise DataError(f"{label} does not say its form", "write it with scipy.sparse.save_npz")
    with open_member(file, "format", label) as stream:
        npy.read_header(stream, label)
        raw = stream.read(header.data_bytes)
    if len(raw) < header.data_bytes:
        raise StorageError(f"{label} ends before its last value", "copy the file again")
    if header.dtype.kind == "S":
        return raw.rstrip(b"\0").decode("latin-1")
    order = "utf-32-le" if header.dtype.str.startswith("<") else "utf-32-be"
    return raw.decode(order, "replace").rstrip("\0")
