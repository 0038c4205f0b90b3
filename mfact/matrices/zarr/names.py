"""Names of rows and columns that AnnData keeps in a Zarr store beside a matrix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mfact.core import Names
from mfact.matrices.apart import Piece, apart
from mfact.matrices.zarr.stores import Store, is_array, require_zarr

_NAME_BYTES = 100  # of one in memory, about


@dataclass(frozen=True)
class Naming:
    """Reads the names of rows and columns. rows, columns: paths of 1-D arrays,
    or None. count: of all."""

    store: Store
    rows: str | None
    columns: str | None
    count: int
    label: str

    def __call__(self) -> Names:
        require_zarr(self.label)
        (piece,) = apart(self._read, self.label, self.count * _NAME_BYTES)
        found: Names = piece.note
        return found

    def _read(self) -> Iterator[Piece]:
        with self.store.opened(self.label) as root:
            yield Piece(Names(_names(root, self.rows), _names(root, self.columns)), None)


def naming(store: Store, root: Any, path: str, label: str) -> Naming | None:
    """What reads the names of a matrix at a path; None where its writer keeps none."""
    raw = path == "/raw/X"
    if root.attrs.get("encoding-type") != "anndata" or not (
        raw or path == "/X" or path.rpartition("/")[0] == "/layers"
    ):
        return None
    rows, columns = _index(root, "obs"), _index(root, "raw/var" if raw else "var")
    count = sum(root[each].size for each in (rows, columns) if each is not None)
    return Naming(store, rows, columns, count, label) if rows or columns else None


def _index(root: Any, path: str) -> str | None:
    """The path of the index of a data frame."""
    if path not in root or is_array(frame := root[path]):
        return None
    name = frame.attrs.get("_index", "_index")
    known = isinstance(name, str) and name in frame and is_array(frame[name])
    return f"{path}/{name}" if known else None


def _names(root: Any, path: str | None) -> tuple[str, ...] | None:
    """Texts or numbers; None for what is neither."""
    if path is None or len(root[path].shape) != 1 or root[path].dtype.kind not in "OTUSiuf":
        return None
    return tuple(map(str, root[path][:].tolist()))
