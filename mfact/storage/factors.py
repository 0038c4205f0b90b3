"""Factors alone: written as two NPY files, and read as the start of a run."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np

from mfact.core import Array, Factors
from mfact.errors import DataError, StorageError
from mfact.host.atomic import replace_file
from mfact.matrices import npy
from mfact.matrices.formats import HDF5, NPZ
from mfact.matrices.seen import Seen
from mfact.matrices.values import check_kind, check_shape
from mfact.storage.runs import read_run
from mfact.words import printable

_WAY_OUT = "pass a run file, or an .npz with U and V"


def factors_npy_paths(prefix: str | os.PathLike[str]) -> tuple[str, str]:
    """The two files that `write_factors_npy` writes.

    >>> factors_npy_paths("out/run")
    ('out/run_U.npy', 'out/run_V.npy')
    """
    return f"{os.fsdecode(prefix)}_U.npy", f"{os.fsdecode(prefix)}_V.npy"


def write_factors_npy(prefix: str | os.PathLike[str], U: Array, V: Array) -> tuple[str, str]:
    """Write U (d1×r) and V (d2×r) as NPY, each atomically; the paths of the two files.

    Raises StorageError, one line; a file that was there before is then whole, but U may
    already be the new one when V fails.
    """
    paths = factors_npy_paths(prefix)
    for path, factor in zip(paths, (U, V), strict=True):
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, factor, allow_pickle=False)
        replace_file(path, buffer.getbuffer())
    return paths


def read_factors(path: str | os.PathLike[str]) -> Factors:
    """U (d1×r) and V (d2×r) from a run file, or from an .npz with members U and V.

    The kind of file is told by its first bytes. float32 stays float32, every other real
    kind becomes float64.

    Raises StorageError for a file that cannot be read, is damaged or is no run (see read_run);
    DataError when U or V of an .npz is missing, not 2-D, empty, not finite, or when their numbers
    of columns differ.
    """
    start = _first_bytes(path)
    if start.startswith(HDF5):
        result = read_run(path)
        return Factors(result.U, result.V)
    if not start.startswith(NPZ):
        raise StorageError(f"{printable(path)} holds no factors", _WAY_OUT)
    factors = Factors(_member("U", path), _member("V", path))
    if factors.U.shape[1] != factors.V.shape[1]:
        raise DataError(
            f"{printable(path)} has U with {factors.U.shape[1]} columns and V with "
            f"{factors.V.shape[1]}",
            "both need one column a rank",
        )
    return factors


def _first_bytes(path: str | os.PathLike[str]) -> bytes:
    try:
        if not Path(path).is_file() and Path(path).exists():
            raise StorageError(f"{printable(path)} is not a regular file", _WAY_OUT)
        with Path(path).open("rb") as file:
            return file.read(len(HDF5))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StorageError(f"cannot read {printable(path)}: {reason}", "check the path") from error


def _member(name: str, path: str | os.PathLike[str]) -> Array:
    from mfact.matrices import npz

    label = f"{name} of {printable(path)}"
    with npz.open_member(Seen.of(Path(path)), name, label) as stream:
        header = npy.read_header(stream, label)
        check_kind(header.dtype, label)
        check_shape(header.shape, label)
        single = header.dtype == np.float32
        return npy.read_matrix(stream, header, np.dtype(np.float32 if single else float), label)
