"""What kind of file a matrix is in: told by its first bytes, never by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mfact.matrices.arrays.npy import MAGIC as NPY
from mfact.matrices.gzipped import beginning
from mfact.matrices.market.banner import is_market
from mfact.matrices.matlab.headers import is_matlab
from mfact.matrices.seen import Seen, start_of
from mfact.matrices.strangers import stranger, text_stranger
from mfact.matrices.values import Asked, Look
from mfact.words import printable

if TYPE_CHECKING:
    from mfact.matrices.zarr.stores import Store

_SAFETENSORS = b"\0\0\0\0{"
HDF5 = b"\x89HDF\r\n\x1a\n"
NPZ = (b"PK\x03\x04", b"PK\x05\x06")


class Format(NamedTuple):
    """A kind of file. recognizes: by its first bytes, in the order of FORMATS. look: at the matrix
    that was asked for; raises what open_matrix says."""

    recognizes: Callable[[Seen, bytes, str], bool]
    look: Callable[[Seen, Asked, str], Look]


def look_at(path: Path, asked: Asked) -> tuple[int, Look]:
    """(bytes of the file, what is in it). Raises what open_matrix says."""
    label = printable(str(path))
    if _is_folder(path):
        return _look_into(path, asked, label)
    seen, start = start_of(path, label)
    for format in FORMATS:
        if format.recognizes(seen, start, label):
            return seen.size, format.look(seen, asked, label)
    raise stranger(start, beginning(start, seen, label), label)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # which start_of() finds words for
        return False


def _look_into(folder: Path, asked: Asked, label: str) -> tuple[int, Look]:
    from mfact.matrices.market import tenx_folder
    from mfact.matrices.zarr.keys import is_store
    from mfact.matrices.zarr.stores import Store

    if is_store(folder):
        return _zarr_store(Store(folder), asked, label)
    return tenx_folder.look_into(folder, asked, label)


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


def is_safetensors(start: bytes) -> bool:
    """Whether 8 bytes, the length of a header below 4 GiB, stand before the brace it begins with.

    Asked before all others: a length, or what a tensor holds, can look like the mark of another.
    """
    return start[4:9] == _SAFETENSORS


def _begins(*marks: bytes) -> Callable[[Seen, bytes, str], bool]:
    return lambda seen, start, label: start.startswith(marks)


def _is_market(seen: Seen, start: bytes, label: str) -> bool:
    return is_market(beginning(start, seen, label))


def _npy(seen: Seen, asked: Asked, label: str) -> Look:
    from mfact.matrices.arrays.numpy_files import look_npy

    return look_npy(seen, asked, label)


def _npz(seen: Seen, asked: Asked, label: str) -> Look:
    from mfact.matrices.arrays.numpy_files import look_npz

    return look_npz(seen, asked, label)


def _market(seen: Seen, asked: Asked, label: str) -> Look:
    from mfact.matrices.market.reader import look

    return look(seen, asked, label)


def _hdf5(seen: Seen, asked: Asked, label: str) -> Look:
    from mfact.matrices.hdf5.choice import look

    return look(seen, asked, label)


def _matlab(seen: Seen, asked: Asked, label: str) -> Look:
    from mfact.matrices.matlab.reader import look

    return look(seen, asked, label)


def _safetensors(seen: Seen, asked: Asked, label: str) -> Look:
    from mfact.matrices.arrays.safetensors import look

    return look(seen, asked, label)


def _is_zarr(seen: Seen, start: bytes, label: str) -> bool:
    from mfact.matrices.zarr.stores import is_zip

    return start.startswith(NPZ) and is_zip(seen, label)


def _zarr(seen: Seen, asked: Asked, label: str) -> Look:
    from mfact.matrices.zarr.stores import Store

    return _zarr_store(Store.of_zip(seen, label), asked, label)[1]


def _zarr_store(store: Store, asked: Asked, label: str) -> tuple[int, Look]:
    from mfact.matrices.zarr.choice import look

    return look(store, asked, label)


def _is_text(seen: Seen, start: bytes, label: str) -> bool:
    from mfact.matrices.tables.encodings import is_text

    inside = beginning(start, seen, label)
    return text_stranger(inside, label) is None and is_text(inside)


def _table(seen: Seen, asked: Asked, label: str) -> Look:
    from mfact.matrices.tables.reader import look

    return look(seen, asked, label)


FORMATS = (
    Format(lambda seen, start, label: is_safetensors(start), _safetensors),
    Format(_begins(NPY), _npy),
    Format(_is_zarr, _zarr),
    Format(_begins(*NPZ), _npz),
    Format(_is_market, _market),
    Format(is_hdf5, _hdf5),
    Format(is_matlab, _matlab),
    Format(_is_text, _table),
)
"""Asked in this order. A new kind of file is a reader in a file of its own and a row here."""
