"""Factors alone: written as two files, for programs or as tables, and read as a start."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mfact.core import Array, Factors, Result
from mfact.errors import DataError, StorageError
from mfact.host.atomic import replace_file
from mfact.matrices.arrays import npy
from mfact.matrices.arrays.laid import read_matrix
from mfact.matrices.arrays.picked import picked
from mfact.matrices.formats import HDF5, NPZ
from mfact.matrices.missing import instead
from mfact.matrices.seen import Seen
from mfact.matrices.values import check_kind
from mfact.storage.runs import read_run
from mfact.words import printable

_WAY_OUT = "pass a run file, or an .npz with U and V"


_SEPARATORS = {"csv": ",", "tsv": "\t"}
_ROWS = 1 << 14  # of a table that become text together


def factor_paths(prefix: str | os.PathLike[str], form: str) -> tuple[str, str]:
    """The two files that `write_factors` writes.

    >>> factor_paths("out/run", "npy")
    ('out/run_U.npy', 'out/run_V.npy')
    """
    return f"{os.fsdecode(prefix)}_U.{form}", f"{os.fsdecode(prefix)}_V.{form}"


def write_factors(prefix: str | os.PathLike[str], form: str, result: Result) -> tuple[str, str]:
    """Write U (d1×r) and V (d2×r) of a result, each atomically; the paths of the two files.

    form: "npy"; "csv" or "tsv": tables in UTF-8 whose first line is `,component_1,…` and whose
    first column has the names of the rows of M, of V those of its columns, or their places from 0.
    Numbers are as short as they can be and give back the same bits.

    Raises StorageError, one line; a file that was there before is then whole, but U may
    already be the new one when V fails.
    """
    paths = factor_paths(prefix, form)
    names = result.names.rows, result.names.columns
    for path, factor, named in zip(paths, (result.U, result.V), names, strict=True):
        if form == "npy":
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, factor, allow_pickle=False)
            replace_file(path, buffer.getbuffer())
        else:
            replace_file(path, _table(factor, named, _SEPARATORS[form]))
    return paths


def _table(factor: Array, names: tuple[str, ...] | None, separator: str) -> bytearray:
    """A line of names, then a line a row, that of its name first; quoted as RFC 4180 says."""
    needs_quotes = re.compile(f'[{separator}"\r\n]').search

    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"' if needs_quotes(name) else name

    head = separator.join(["", *(f"component_{i + 1}" for i in range(factor.shape[1]))])
    image = bytearray(f"{head}\n".encode())
    for start in range(0, len(factor), _ROWS):
        block = factor[start : start + _ROWS]
        places = range(start, start + len(block))
        first = map(str, places) if names is None else map(quoted, names[start : start + _ROWS])
        # Of a float32 the shortest words are NumPy's: as a float64 it takes more.
        words = block.astype(str) if block.dtype == np.float32 else block
        image += _encoded(
            separator.join([name, *map(str, row)]) + "\n"
            for name, row in zip(first, words.tolist(), strict=True)
        )
    return image


def _encoded(lines: Iterable[str]) -> bytes:
    """UTF-8, and a byte of a name that was none as that byte."""
    text = "".join(lines)
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a surrogate pair that stands for no byte
        return text.encode("utf-8", "backslashreplace")


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
    from mfact.matrices.arrays import npz

    label = f"{name} of {printable(path)}"
    with npz.open_member(Seen.of(Path(path)), name, label) as stream:
        header = npy.read_header(stream, label)
        check_kind(header.dtype, label)
        single = header.dtype == np.float32
        dtype = np.dtype(np.float32 if single else float)
        with instead(lambda found: "give numbers"):
            return read_matrix(stream, picked(header, None, False, label), dtype, label)
