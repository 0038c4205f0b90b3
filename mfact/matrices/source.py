"""Matrices in: one door for every kind of file, behind which nothing big is read at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mfact.core import Array, Names
from mfact.errors import DataError, SettingsError
from mfact.matrices.formats import look_at
from mfact.matrices.spec import split_spec
from mfact.matrices.transposed import transposed
from mfact.matrices.values import Asked, Look, SparseReader, Told, silent
from mfact.words import printable

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from mfact.matrices.slabs import Slabs

_DTYPES = ("float64", "float32")

ENTRY_BYTES = 76
"""Of a sparse matrix: value, row and column of an entry as read, as converted, as sorted into rows,
and in the blocks that it is multiplied in. Measured: at most 73, where SciPy converts the
values of coordinates in memory, and sorts; 47 from a file. What stays is the blocks, at most 14."""

SORTED_BYTES = 128
"""The same where rows and columns are numbered anew, for which they are sorted."""

LINE_BYTES = 24
"""A pointer of a row or column, as read and as converted."""


@dataclass(frozen=True, kw_only=True)
class MatrixSource(Look):
    """A matrix in a file that has been looked at and not yet read.

    name: file name and dataset, safe to print. path: as given. file_bytes: of the file, or of the
    files that an array in a folder is kept in. follow_links: whether it may name other files.
    transpose: whether it is the transpose of what the file holds.
    """

    name: str
    path: str
    file_bytes: int
    follow_links: bool
    transpose: bool = False
    _occupied: bool = field(default=False, repr=False)

    def occupied(self) -> MatrixSource:
        """The same, a sparse one read without empty rows and columns: its entries alone cost."""
        return replace(self, _occupied=self.sparse)

    def read(self, dtype: str = "float64", told: Told = silent) -> Array | csr_array:
        """The whole matrix, d1×d2 and finite, in "float64" or "float32".

        A dense one is read into one array of that kind, block by block, so that the peak of
        memory is the matrix and one block; C or Fortran order is kept. A sparse one is a
        csr_array with sorted indices and no duplicates. told: as it gets on.

        Raises DataError for a value that is not finite (with its row and column) or a bad
        sparse index, StorageError when the file cannot be read, MemoryPlanError when the
        matrix would not fit in the memory there is.
        """
        if dtype not in _DTYPES:
            raise SettingsError(f"{dtype} is no kind to compute in", "use float64 or float32")
        if self._occupied:
            return cast(SparseReader, self.reader).read(np.dtype(dtype), told, occupied=True)
        return self.reader.read(np.dtype(dtype), told)

    def slabs(self, block_bytes: int) -> Slabs | None:
        """The matrix in slabs of whole rows or of whole columns, so that it is never held.

        block_bytes: of a slab, as stored; more where the file is packed in larger pieces. None for
        a sparse matrix and for a format that can only be read from its beginning to its end.
        Raises StorageError for a file that is damaged, or not the one that was looked at.
        """
        return None if self.cut is None else self.cut(block_bytes)

    def names(self) -> Names:
        """Of its rows and columns, where the file has such; a reading of what holds them.

        Raises what reading them raises, and DataError where they are not as many as there are rows
        or columns.
        """
        found = Names() if self.naming is None else self.naming()
        pairs = zip(("rows", "columns"), (found.rows, found.columns), self.shape, strict=True)
        for what, names, length in pairs:
            if names is not None and len(names) != length:
                raise DataError(f"{self.name} names {len(names)} of its {length} {what}")
        return found

    @property
    def entries(self) -> int | None:
        """How many a sparse file stores; None for a dense one."""
        return cast(SparseReader, self.reader).entries if self.sparse else None

    def read_bytes(self, dtype: str = "float64") -> int:
        """Bytes that read() holds at its peak, blocks of the file aside."""
        d1, d2 = self.shape
        if self.entries is None:
            return np.dtype(dtype).itemsize * d1 * d2
        stored = {"CSR": d1, "CSC": d2}.get(self.order, 0)
        if self._occupied:
            return SORTED_BYTES * self.entries + LINE_BYTES * stored
        return ENTRY_BYTES * self.entries + LINE_BYTES * (stored + d1)

    def describe(self) -> dict[str, Any]:
        """What is known without reading, as JSON values; path and dataset are the true names.
        file_notes: where there are any.
        """
        names = ("name", "path", "format", "dataset", "shape", "stored_dtype", "order", "sparse",
                 "file_bytes", "transpose")  # fmt: skip
        told = {name: getattr(self, name) for name in names} | {"shape": list(self.shape)}
        return {**told, "file_notes": list(self.notes)} if self.notes else told


def open_matrix(
    spec: str,
    *,
    dataset: str | None = None,
    follow_links: bool = False,
    transpose: bool = False,
    points: bool = False,
) -> MatrixSource:
    """Look at the matrix that spec names: a file, `file.h5:/path` or `file.h5::/path`.

    A file whose literal name is spec wins. dataset: path in an HDF5 file or a Zarr store, or
    member of an NPZ file; without it the only matrix there is taken. follow_links: let an HDF5 file
    name other files (external links, external storage, virtual datasets). transpose: M is the
    transpose of what is there, as where R or Julia wrote it. points: an array of any number of
    dimensions is taken, each entry of the first one a point, folded to a row (C order).

    Raises DataError or StorageError, with a way out, for whatever cannot be a matrix;
    SettingsError for a dataset that does not go with the file; MemoryPlanError and
    MissingPackageError as their names say.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/M.npy", np.eye(3, 2, dtype=">i2"))
    ...     M = open_matrix(f"{folder}/M.npy")
    ...     M.name, M.shape, M.stored_dtype, M.order, M.read().sum()
    ('M.npy', (3, 2), '>i2', 'C', np.float64(2.0))
    """
    path, named = split_spec(spec)
    if named is not None and dataset is not None and named.strip("/") != dataset.strip("/"):
        raise SettingsError(
            f"{printable(spec)} names the dataset {printable(named)}, "
            f"and --dataset {printable(dataset)}",
            "name one",
        )
    chosen = dataset if named is None else named
    file_bytes, look = look_at(path, Asked(chosen, follow_links, points))
    name = printable(path.name or str(path)) + (
        f":{printable(look.dataset)}" if look.dataset else ""
    )
    if transpose:
        note = f"M is the transpose of what {name} holds"
        look = replace(transposed(look), notes=(*look.notes, note))
    return MatrixSource(
        **vars(look),
        name=name,
        path=spec if named is None else str(path),
        file_bytes=file_bytes,
        follow_links=follow_links,
        transpose=transpose,
    )
