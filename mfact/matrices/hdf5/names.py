"""Names of rows and columns that some writers keep in an HDF5 file beside a matrix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from mfact.core import Names
from mfact.errors import DataError
from mfact.matrices.apart import Piece, apart
from mfact.matrices.hdf5 import objects
from mfact.matrices.hdf5.members import text
from mfact.matrices.hdf5.variables import Variable
from mfact.matrices.hdf5.writers import Writer
from mfact.matrices.seen import Seen
from mfact.matrices.values import check_fits

_NAME_BYTES = 100  # of one in memory, about

_LOOM_ROWS = ("Accession", "Gene", "gene_names", "var_names")
_LOOM_COLUMNS = ("CellID", "cell_names", "obs_names")


@dataclass(frozen=True)
class Naming:
    """Reads the names of a d1×d2 matrix. rows, columns: paths of 1-D datasets, or None.

    Names that are as many as they ought to be, and are text or numbers, are those of the matrix.
    """

    file: Seen
    rows: str | None
    columns: str | None
    shape: tuple[int, int]
    label: str

    def __call__(self) -> Names:
        import h5py  # noqa: F401  # here, so that the child finds it already imported

        largest = max(self.shape) * _NAME_BYTES
        (piece,) = apart(partial(self._read), self.label, largest)
        found: Names = piece.note
        return found

    def _read(self) -> Iterator[Piece]:
        with objects.open_file(self.file, self.label) as file:
            root = objects.root(file)
            rows = _names(root, self.rows, self.shape[0], self.label)
            columns = _names(root, self.columns, self.shape[1], self.label)
            yield Piece(Names(rows, columns), None)


def naming(
    file: Seen, root: Any, writer: Writer, thing: Variable, shape: tuple[int, int], label: str
) -> Naming | None:
    """What reads the names of a matrix; None where its writer keeps none."""
    rows, columns = _named(root, writer, thing)
    if rows is None and columns is None:
        return None
    return Naming(file, rows, columns, shape, label)


def _named(root: Any, writer: Writer, thing: Variable) -> tuple[str | None, str | None]:
    """The paths of the names of rows and of columns, where the writer keeps such."""
    path = PurePosixPath(thing.candidate.name)
    folder, above = str(path.parent), str(path.parent.parent)
    rows, columns = thing.rows, thing.columns
    if writer.family == "AnnData" and (str(path) == "/X" or folder == "/layers"):
        rows, columns = _index(root, "/obs"), _index(root, "/var")
    elif writer.family == "AnnData" and str(path) == "/raw/X":
        rows, columns = _index(root, "/obs"), _index(root, "/raw/var")
    elif writer.family == "loom" and (str(path) == "/matrix" or folder == "/layers"):
        rows = _first(root, "/row_attrs", _LOOM_ROWS)
        columns = _first(root, "/col_attrs", _LOOM_COLUMNS)
    elif writer.family == "GCTX" and above == "/0/DATA":
        rows, columns = "/0/META/ROW/id", "/0/META/COL/id"
    elif writer.family == "BIOM" and str(path.name) == "matrix":
        rows, columns = "/observation/ids", "/sample/ids"
    elif writer.family == "Seurat" and above == "/assays":
        rows, columns = f"{folder}/features", "/cell.names"
    elif rows is None and columns is None:  # of 10x Genomics, in the group of the matrix
        rows = _first(root, str(path), ("features/id", "genes"))
        columns = _first(root, str(path), ("barcodes",))
    return rows, columns


def _index(root: Any, path: str) -> str | None:
    """Of a data frame of AnnData."""
    group = _found(root, path)
    name = None if group is None else text(group, "_index")
    return _first(root, path, (name or "_index",))


def _first(root: Any, folder: str, names: tuple[str, ...]) -> str | None:
    paths = (f"{folder}/{name}" for name in names)
    return next((path for path in paths if _found(root, path) is not None), None)


def _found(root: Any, path: str) -> Any:
    try:
        return objects.resolve(root, path, False, path)
    except DataError:
        return None


def _names(root: Any, path: str | None, length: int, label: str) -> tuple[str, ...] | None:
    import h5py
    from h5py import h5d

    found = None if path is None else _found(root, path)
    if not isinstance(found, h5d.DatasetID) or objects.kept_elsewhere(found):
        return None
    kind = text(found, "kind")  # as pandas says it
    if found.shape != (length,) or kind not in (None, "string", "integer", "float"):
        return None
    dtype = found.dtype
    words = dtype.kind == "S" or h5py.check_string_dtype(dtype) is not None
    if not words and dtype.kind not in "iuf":
        return None
    objects.check_filters(found, f"{label}: {path}, of its names,")
    check_fits(length * (dtype.itemsize + _NAME_BYTES), label)
    values = h5py.Dataset(found)[...]
    if words:
        return tuple(value.decode("utf-8", "replace") for value in values.tolist())
    return tuple(str(value) for value in values.tolist())
