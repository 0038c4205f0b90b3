"""Matrices in: one door for every kind of file, behind which nothing big is read at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mfact.core import Array
from mfact.errors import SettingsError, StorageError
from mfact.matrices.formats import look_at
from mfact.matrices.values import Look, SparseReader, Told, silent
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

    name: file name and dataset, safe to print. path: as given. file_bytes: of the file.
    follow_links: whether it may name other files.
    """

    name: str
    path: str
    file_bytes: int
    follow_links: bool
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
        """What is known without reading, as JSON values; path and dataset are the true names."""
        names = ("name", "path", "format", "dataset", "shape", "stored_dtype", "order", "sparse",
                 "file_bytes")  # fmt: skip
        return {name: getattr(self, name) for name in names} | {"shape": list(self.shape)}


def open_matrix(
    spec: str, *, dataset: str | None = None, follow_links: bool = False, points: bool = False
) -> MatrixSource:
    """Look at the matrix that spec names: a file, `file.h5:/path` or `file.h5::/path`.

    A file whose literal name is spec wins. dataset: path in an HDF5 file or member of an NPZ
    file; without it the only matrix of the file is taken. follow_links: let an HDF5 file name
    other files (external links, external storage, virtual datasets). points: an array of any
    number of dimensions is taken, each entry of the first one a point, folded to a row (C order).

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
    file_bytes, look = look_at(path, chosen, follow_links, points)
    return MatrixSource(
        **vars(look),
        name=printable(path.name) + (f":{printable(look.dataset)}" if look.dataset else ""),
        path=spec if named is None else str(path),
        file_bytes=file_bytes,
        follow_links=follow_links,
    )


def spec_of(path: str, dataset: str | None) -> str:
    """What split_spec() cuts: a file, and a dataset in it where one is named.

    >>> spec_of("a.h5", "/X"), spec_of("a.npy", None)
    ('a.h5::/X', 'a.npy')
    """
    return f"{path}::{dataset}" if dataset else path


def split_spec(spec: str) -> tuple[Path, str | None]:
    """Cut spec into a path and the dataset after `:/` or `::`, None without one.

    >>> split_spec("no such file.h5::/a/b")
    (PosixPath('no such file.h5'), '/a/b')
    """
    if "\0" in spec or not spec:
        raise StorageError(f"{printable(spec)!r} is not the name of a file", "name a file")
    if _exists(Path(spec)):
        return Path(spec), None
    cuts = [i for i in range(len(spec)) if spec.startswith((":/", "::"), i) and i > 0]
    for cut in reversed(cuts):
        if _exists(Path(spec[:cut])):
            return Path(spec[:cut]), spec[cut:].lstrip(":")
    if cuts:
        return Path(spec[: cuts[0]]), spec[cuts[0] :].lstrip(":")
    return Path(spec), None


def _exists(path: Path) -> bool:
    try:
        return path.exists() or path.is_symlink()
    except OSError:  # a name too long for any file
        return False
