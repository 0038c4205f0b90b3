"""Which of the things in an HDF5 file is the matrix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from mfact.errors import DataError
from mfact.matrices import hdf5, hdf5_slabs
from mfact.matrices.apart import Piece, apart
from mfact.matrices.hdf5_dense import DenseReader, inspect_dense
from mfact.matrices.hdf5_sparse import SparseReader, inspect_sparse, is_sparse
from mfact.matrices.seen import Seen
from mfact.matrices.values import Look, several
from mfact.words import by, printable

_LISTED = 20


def find_matrix(
    seen: Seen, dataset: str | None, follow_links: bool, label: str, points: bool = False
) -> Look:
    """The matrix of a file: the dataset that is named, else the only one there can be.

    Without a name: X of an AnnData file, else exactly one 2-D numeric dataset or sparse group; of
    points, a dataset of any number of dimensions.
    Raises DataError when there is none, or several, with the list of what is there.
    """
    import h5py  # noqa: F401  # here, so that each child finds it already imported

    (piece,) = apart(partial(_look, seen, dataset, follow_links, label, points), label)
    found: Look = piece.note
    return found


def _look(
    seen: Seen, dataset: str | None, follow_links: bool, label: str, points: bool
) -> Iterator[Piece]:
    with hdf5.open_file(seen, label) as file:
        root = hdf5.root(file)
        anndata = _is_anndata(root)
        if dataset is None and anndata:
            dataset = "/X"
        if dataset is None:
            dataset = _only_candidate(root, label, points)
        dataset = "/" + dataset.strip("/")
        label = f"{label}:{printable(dataset)}"
        try:
            found = hdf5.resolve(root, dataset, follow_links, label)
        except hdf5.MissingObject as missing:
            way_out = _listing(_candidates(root), "name another dataset")
            raise DataError(missing.sentence, way_out) from None
        what = _describe(seen, dataset, root, found, anndata, follow_links, label, points)
        linked = hdf5.other_files(found, seen.path) if follow_links else ()
        yield Piece(replace(what, linked=linked), None)


def _describe(
    seen: Seen, dataset: str, root: Any, found: Any, anndata: bool, follow_links: bool, label: str,
    points: bool,
) -> Look:  # fmt: skip
    from h5py import h5d, h5g

    if isinstance(found, h5d.DatasetID):
        layout = inspect_dense(found, follow_links, label, points)
        kind = "matlab" if layout.transposed else "h5ad" if anndata else "hdf5"
        dense = DenseReader(seen, dataset, layout, follow_links, label)
        stored = layout.dtype.str
        cut = partial(hdf5_slabs.slabs, dense) if len(layout.shape) == 2 else None
        return Look(kind, dataset, layout.matrix_shape, stored, layout.order, dense, cut=cut)
    if isinstance(found, h5g.GroupID) and is_sparse(found):
        group = inspect_sparse(root, dataset, found, follow_links, label)
        sparse = SparseReader(seen, dataset, group, follow_links, label)
        stored = group.dtype.str
        return Look(group.family, dataset, group.shape, stored, group.major, sparse, sparse=True)
    raise DataError(
        f"{label} is a group, not a matrix", _listing(_candidates(root), "name one of its matrices")
    )


def _is_anndata(root: Any) -> bool:
    names = set(root)
    return b"X" in names and (
        hdf5.attribute(root, "encoding-type") == "anndata" or {b"obs", b"var"} <= names
    )


def _only_candidate(root: Any, label: str, points: bool) -> str:
    candidates = _candidates(root, points)
    matrices = [path for path, _, is_matrix in candidates if is_matrix]
    if len(matrices) == 1:
        return matrices[0]
    if matrices:
        what, way_out = several(len(matrices), matrices[0], label, points)
        raise DataError(what, _listing([c for c in candidates if c[2]], way_out))
    what = "numeric dataset" if points else "2-D numeric dataset"
    raise DataError(f"{label} holds no {what}", _listing(candidates, "name a file with one"))


def _candidates(root: Any, points: bool = False) -> list[tuple[str, str, bool]]:
    """(path, shape and kind in words, whether it can be taken) of all that a file holds."""
    from h5py import h5d

    if is_sparse(root):
        return [("/", "sparse", True)]
    candidates = []
    for entry in hdf5.walk(root, is_leaf=is_sparse):
        if not entry.is_dataset:
            if is_sparse(entry.id):
                candidates.append((entry.path, "sparse", True))
            continue
        if entry.id.get_create_plist().get_layout() == h5d.VIRTUAL:
            candidates.append((entry.path, "virtual", False))
            continue
        shape = entry.id.shape or ()
        try:
            dtype = entry.id.dtype
        except TypeError:
            continue  # a kind that NumPy has no name for, such as a time type
        words = f"{by(shape) or 'scalar'} {dtype}"
        usable = (bool(shape) if points else len(shape) == 2) and 0 not in shape
        usable = usable and dtype.kind in "fiub"
        candidates.append((entry.path, words, usable and dtype.itemsize <= 8))
    return candidates


def _listing(candidates: list[tuple[str, str, bool]], way_out: str) -> str:
    if not candidates:
        return f"{way_out}; it holds no dataset"
    shown = ", ".join(f"{printable(path)} ({words})" for path, words, _ in candidates[:_LISTED])
    more = len(candidates) - _LISTED
    return f"{way_out}; it holds {shown}" + (f" and {more} more" if more > 0 else "")
