"""What the marks of a group say of the sparse matrix in it: who wrote it, by rows or columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from mfact.errors import DataError, MfactError
from mfact.matrices import by_hand
from mfact.matrices.by_hand import Kept
from mfact.matrices.hdf5 import objects, vectors

_MOST_LENGTHS = 32


class Marks(NamedTuple):
    """family: as Look.format. form: "CSR", "CSC" or "COO", by why; "" where pointers must tell.
    mark: of R, which keeps columns; "" for none."""

    family: str
    form: str
    kept: Kept
    why: str = ""
    mark: str = ""


def is_sparse(group: Any) -> bool:
    """Whether a group identifier is laid out as one of the sparse kinds known here."""
    names = _names(group)
    if _has(group, "MATLAB_sparse") and {"data", "ir", "jc"} <= names:
        return True
    kept = by_hand.kept(names)
    if kept is None:
        return False
    shaped = any(name in names or _has(group, name) for name in by_hand.SHAPES)
    return by_hand.is_meant(kept, [_lengths(group, name) for name in kept.names], shaped)


def marks_of(group: Any, label: str) -> Marks:
    """Of a group that is_sparse(). Raises DataError for a form that is not known."""
    if _has(group, "MATLAB_sparse"):
        kept = Kept("data", ("ir", "jc"), True)
        return Marks("matlab", "CSC", kept, "its attribute MATLAB_sparse")
    names = _names(group)
    found = by_hand.kept(names)
    if found is None:
        raise DataError(f"{label} is a broken sparse matrix", "write it again")
    if (form := _anndata_format(group)) is not None:
        if form not in ("csr", "csc"):
            raise DataError(f"{label} is a sparse matrix of the unknown form {form}", "use CSR")
        return Marks("h5ad", form.upper(), found, "its encoding")
    said = str(objects.attribute(group, "format")).lower()
    if found.compressed and said in ("csr", "csc"):
        return Marks("hdf5", said.upper(), found, "its attribute format")
    if not found.compressed:
        return Marks("hdf5", "COO", found, "its coordinates")
    if found.in_r:
        return Marks("hdf5", "CSC", found, "its slots of R")
    if "barcodes" in names and not names.isdisjoint(("features", "genes")):
        # Of 10x Genomics: features × barcodes, by "HDF5 Feature-Barcode Matrix Format" of Cell
        # Ranger 3 and on, and "HDF5 Gene-Barcode Matrix Format" of Cell Ranger 2.
        return Marks("10x", "CSC", found, "its barcodes")
    mark = next((f"attribute {name}" for name in ("dims", "Dim") if _has(group, name)), "")
    return Marks("hdf5", "", found, mark=mark)


def shape_of(
    root: Any, group: Any, family: str, member: Callable[[str], Any], label: str
) -> tuple[int, int]:
    """(d1, d2) as a group declares it, or its file where that is of BIOM. Raises DataError."""
    if family == "matlab":
        declared = (objects.attribute(group, "MATLAB_sparse"), member("jc").shape[0] - 1)
        return by_hand.pair(declared, label)
    names = () if family == "h5ad" else _names(group)
    for name in by_hand.SHAPES:
        if name in names:
            stored = member(name)
            if len(stored.shape) != 1 or stored.shape[0] > _MOST_LENGTHS:
                raise DataError(f"{label} does not say its shape", "write it again")
            return by_hand.pair(next(vectors.blocks(stored, label), (0, ()))[1], label)
    for name in (*by_hand.SHAPES, "h5sparse_shape"):
        if _has(group, name):
            return by_hand.pair(objects.attribute(group, name), label)
    if _has(root, "format-url") and _has(root, "shape"):
        return by_hand.pair(objects.attribute(root, "shape"), label)
    raise by_hand.no_shape(label)


def _names(group: Any) -> set[str]:
    return {name.decode("utf-8", "surrogateescape") for name in group}


def _has(group: Any, name: str) -> bool:
    from h5py import h5a

    return bool(h5a.exists(group, name.encode()))


def _lengths(group: Any, name: str) -> tuple[int, ...]:
    """Of a dataset in a group; () for what is none, or keeps its values elsewhere."""
    try:
        found: tuple[int, ...] = vectors.member(group, "", name, False, "it").shape
    except MfactError:
        return ()
    return found


def _anndata_format(group: Any) -> str | None:
    encoding = objects.attribute(group, "encoding-type")
    if encoding is not None and str(encoding).endswith("_matrix"):
        return str(encoding).removesuffix("_matrix")
    old = objects.attribute(group, "h5sparse_format")
    return None if old is None else str(old)
