"""What kind of file a matrix is in: told by its first bytes, never by its name."""

from __future__ import annotations

import os
import stat
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mfact.errors import DataError, SettingsError, StorageError
from mfact.matrices import npy
from mfact.matrices.seen import Seen
from mfact.matrices.values import Look, check_kind, check_shape, several
from mfact.words import by, printable

if TYPE_CHECKING:
    from mfact.matrices.npz import Member

HDF5 = b"\x89HDF\r\n\x1a\n"
NPZ = (b"PK\x03\x04", b"PK\x05\x06")
_MATRIX_MARKET = b"%%MatrixMarket"
_START_BYTES = 128
_NPY_WAY_OUT = "save the matrix as NPY with numpy.save, or as HDF5"
PACKED = (
    (b"\x1f\x8b", "compressed with gzip", "unpack it with gunzip first"),
    (b"BZh", "compressed with bzip2", "unpack it with bunzip2 first"),
    (b"\xfd7zXZ", "compressed with xz", "unpack it with unxz first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it with unzstd first"),
)
"""First bytes of packed files, what they are, and what to do with each."""
PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
"""First bytes of what Python has pickled."""
# First bytes of files that people mistake for a matrix, and what to do with each.
_STRANGERS = (
    (b"MATLAB 5.0 MAT-file", "a MATLAB file of before v7.3", "save it in MATLAB with -v7.3"),
    (b"PAR1", "a Parquet file", _NPY_WAY_OUT),
    *PACKED,
)


def look_at(
    path: Path, dataset: str | None, follow_links: bool, points: bool = False
) -> tuple[int, Look]:
    """(bytes of the file, what is in it). Raises what open_matrix says."""
    label = printable(str(path))
    seen, start = start_of(path, label)
    if start.startswith(npy.MAGIC):
        _refuse_dataset(dataset, "an NPY file", label)
        return seen.size, _look_npy(seen, label, points)
    if start.startswith(NPZ):
        return seen.size, _look_npz(seen, dataset, label, points)
    if start.startswith(_MATRIX_MARKET):
        _refuse_dataset(dataset, "a MatrixMarket file", label)
        return seen.size, _look_matrix_market(seen, label)
    if is_hdf5(seen, start, label):
        from mfact.matrices.hdf5_choice import find_matrix

        return seen.size, find_matrix(seen, dataset, follow_links, label, points)
    raise _stranger(start, label)


def start_of(path: Path, label: str) -> tuple[Seen, bytes]:
    """A file and its first bytes. Raises StorageError for whatever is no file that can be read."""
    try:
        # Opening a pipe or a device could wait for ever, so it is looked at first.
        kind = path.stat()
        if stat.S_ISDIR(kind.st_mode):
            raise StorageError(f"{label} is a directory", "name a file in it")
        if not stat.S_ISREG(kind.st_mode):
            raise StorageError(f"{label} is no regular file", "save it in a file first")
        with path.open("rb") as stream:
            return Seen.of(path, kind), stream.read(_START_BYTES)
    except FileNotFoundError:
        raise StorageError(f"{label} does not exist", "check the path") from None
    except ValueError:  # a null character
        raise StorageError(f"{label!r} is not the name of a file", "name a file") from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise StorageError(
            f"{label} cannot be read: {reason}", "check the path and its permissions"
        ) from error


def _refuse_dataset(dataset: str | None, what: str, label: str) -> None:
    if dataset is not None:
        raise SettingsError(
            f"{label} is {what} and holds one array, so there is no {printable(dataset)} in it",
            "leave the dataset out",
        )


def _look_npy(seen: Seen, label: str, points: bool) -> Look:
    with seen.opened(label) as stream:
        header = npy.read_header(stream, label)
    check_kind(header.dtype, label)
    shape = check_shape(header.shape, label, points)
    npy.check_length(header, seen.size, label)
    reader = npy.NpyReader(seen, header, label)
    cut = partial(npy.slabs, seen, header, label) if len(header.shape) == 2 else None
    return Look("npy", None, shape, header.dtype.str, header.order, reader, cut=cut)


def _look_npz(seen: Seen, dataset: str | None, label: str, points: bool) -> Look:
    from mfact.matrices import npz

    found = npz.members(seen, label)
    if dataset is None and npz.is_sparse(found):
        sparse = npz.sparse_reader(seen, found, label)
        dtype = next(member.header.dtype for member in found if member.name == "data")
        form = sparse.form.upper()
        return Look("sparse-npz", None, sparse.shape, dtype.str, form, sparse, sparse=True)
    member = _choose_member(found, dataset, label, points)
    header, label = member.header, f"{label}:{printable(member.name)}"
    check_kind(header.dtype, label)
    shape = check_shape(header.shape, label, points)
    reader = npz.NpzReader(seen, header, label, member.name)
    return Look("npz", member.name, shape, header.dtype.str, header.order, reader)


def _choose_member(found: list[Member], dataset: str | None, label: str, points: bool) -> Member:
    listing = ", ".join(
        f"{printable(m.name)} ({by(m.header.shape) or 'scalar'} {m.header.dtype})"
        for m in found[:20]
    )
    held = f"it holds {listing}" if listing else "it holds no array"
    if dataset is not None:
        chosen = [member for member in found if member.name == dataset.lstrip("/")]
        if not chosen:
            raise DataError(f"{label} has no member {printable(dataset)}", f"name another; {held}")
        return chosen[0]
    matrices = [
        m for m in found
        if (m.header.shape if points else len(m.header.shape) == 2)
        and m.header.dtype.kind in "fiub"
    ]  # fmt: skip
    if len(matrices) == 1:
        return matrices[0]
    if len(found) == 1:
        return found[0]  # so that it is refused by its kind or shape
    if matrices:
        what, way_out = several(len(matrices), matrices[0].name, label, points)
        raise DataError(what, f"{way_out}; {held}")
    what = "numeric array" if points else "2-D numeric array"
    raise DataError(f"{label} holds no {what}", f"name a file with one; {held}")


def _look_matrix_market(seen: Seen, label: str) -> Look:
    from mfact.matrices import matrix_market

    banner = matrix_market.read_banner(seen, label)
    reader = matrix_market.MarketReader(seen, banner, label)
    order, dtype = "COO" if banner.sparse else "F", banner.dtype.str
    return Look("matrix-market", None, banner.shape, dtype, order, reader, banner.sparse)


def is_hdf5(seen: Seen, start: bytes, label: str) -> bool:
    """Whether the HDF5 signature stands first, or at 512, 1024, 2048 …, behind a user block."""
    if start.startswith(HDF5):
        return True
    offset = 512
    with seen.opened(label) as stream:
        while offset + len(HDF5) <= seen.size:
            stream.seek(offset)
            if stream.read(len(HDF5)) == HDF5:
                return True
            offset *= 2
    return False


def _stranger(start: bytes, label: str) -> DataError:
    if not start:
        return DataError(f"{label} is an empty file", "write the matrix again")
    if start.startswith(PICKLES):
        return DataError(
            f"{label} looks like a pickle, which is never loaded because it can run code",
            _NPY_WAY_OUT,
        )
    for magic, what, way_out in _STRANGERS:
        if start.startswith(magic):
            return DataError(f"{label} is {what}", way_out)
    if text := text_start(start):
        return DataError(
            f"{label} is text that begins with {text}, not a matrix file",
            "read it with numpy.loadtxt and save it with numpy.save",
        )
    return DataError(f"{label} is no kind of matrix file known here", _NPY_WAY_OUT)


def text_start(start: bytes) -> str:
    """The first line of a text, in quotes, cut where it is long; "" for what is no text.

    >>> text_start(b"1.0, 2.0\\n3.0"), text_start(bytes(9))
    ("'1.0, 2.0'", '')
    """
    if not start or not all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start):
        return ""
    return repr(printable(start[:60].splitlines()[0]))
