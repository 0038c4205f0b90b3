"""The arrays of an NPZ file that keep a sparse matrix together: what they say, and their reader."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.errors import DataError, StorageError
from mfact.matrices import by_hand
from mfact.matrices.arrays import npy
from mfact.matrices.arrays.npz import Member, open_member
from mfact.matrices.by_hand import Kept
from mfact.matrices.indices import SAVE
from mfact.matrices.seen import Seen
from mfact.matrices.values import Look, Told, check_kind, silent
from mfact.words import printable

WHOLE = "data"
"""What a matrix is called where its arrays have nothing before their names."""

_TEXT_BYTES = 64
_SAVED = {
    "csr": Kept("data", ("indices", "indptr"), True),
    "csc": Kept("data", ("indices", "indptr"), True),
    "coo": Kept("data", ("row", "col"), False),
}
_MARKS = (*by_hand.SHAPES, "format", "_is_array", "fill_value", "compressed_axes")
_ENDS = "_./-"  # of what stands before the names of one matrix among several


@dataclass(frozen=True)
class SparseNpzReader:
    """A sparse matrix by the names of its arrays: of the values, and of one or two of places."""

    file: Seen
    form: str
    names: tuple[str, ...]
    shape: tuple[int, int]
    entries: int
    label: str

    def read(self, dtype: np.dtype[Any], told: Told = silent, *, occupied: bool = False) -> Any:
        arrays = []
        for name in self.names:
            arrays.append(_read(self.file, name, self.label))
            told(len(arrays) / len(self.names))
        with np.errstate(over="ignore"):
            arrays[0] = arrays[0].astype(dtype, copy=False)
        return by_hand.matrix(self.form, self.shape, arrays, self.label, occupied=occupied)


@dataclass(frozen=True)
class Group:
    """Arrays that belong together.

    before: what their names begin with. headers: by the rest of their names. kept: which of them
    are the matrix, None for a form of SciPy's that is not taken.
    """

    before: str
    headers: dict[str, npy.Header]
    kept: Kept | None

    @property
    def name(self) -> str:
        return self.before.rstrip(_ENDS) or WHOLE

    @property
    def members(self) -> set[str]:
        names = (*self.kept.names, *_MARKS) if self.kept else self.headers
        return {self.before + name for name in names}

    def shape(self, file: Seen, label: str) -> tuple[int, int]:
        """Raises DataError for none, and for one that is no pair."""
        name = next((name for name in by_hand.SHAPES if name in self.headers), None)
        if name is None:
            raise by_hand.no_shape(label)
        declared = _read(file, self.before + name, label)
        return by_hand.pair(declared if declared.ndim == 1 else (), label)

    def look(self, file: Seen, dataset: str | None, asked: str | None, label: str) -> Look:
        """What there is to tell of the matrix; asked: "CSR" or "CSC" for a square one.

        Raises DataError for what cannot be read as one.
        """
        shape = self.shape(file, label)
        form, kept, why = self._known(file, label)
        check_kind(self.headers[kept.values].dtype, label)
        notes: tuple[str, ...] = ()
        if form:
            by_hand.require_major([form], asked, why, label)
        else:
            pointers = self.headers[kept.places[1]].shape
            typed = label if dataset else f"{label}:"
            form, notes = by_hand.major_of(shape, prod(pointers), label, asked, typed=typed)
        values = self.headers[kept.values]
        entries = values.shape[0] if values.shape else 0
        names = tuple(self.before + name for name in kept.names)
        reader = SparseNpzReader(file, form, names, shape, entries, label)
        stored = values.dtype.str
        return Look("sparse-npz", dataset, shape, stored, form, reader, sparse=True, notes=notes)

    def _known(self, file: Seen, label: str) -> tuple[str, Kept, str]:
        """(form, names, what tells the form); "" where the pointers must."""
        # PyData's sparse has a fill value, and in newer versions a format too, which is its own.
        if "format" in self.headers and "fill_value" not in self.headers:
            return *self._saved(file, label), "its format"
        assert self.kept is not None  # it would be no group
        self._require_zeros(file, label)
        if not self.kept.compressed:
            return "COO", self.kept, "its coordinates"
        if self.kept.in_r:
            return "CSC", self.kept, "its slots of R"
        if "compressed_axes" in self.headers:
            axes = _read(file, f"{self.before}compressed_axes", label).tolist()
            if axes not in ([0], [1]):
                raise DataError(f"{label} compresses the axes {axes} of a matrix", SAVE)
            return ("CSR", "CSC")[axes[0]], self.kept, "its compressed_axes"
        return "", self.kept, ""

    def _saved(self, file: Seen, label: str) -> tuple[str, Kept]:
        """Of a file of scipy.sparse.save_npz."""
        form = _text(file, f"{self.before}format", self.headers["format"], label)
        if form not in _SAVED:
            raise DataError(
                f"{label} is a sparse matrix of the form {printable(form)}",
                "convert it with .tocsr() before saving",
            )
        missing = [name for name in _SAVED[form].names if name not in self.headers]
        if missing:
            raise DataError(f"{label} has no {missing[0]}", SAVE)
        return form.upper(), _SAVED[form]

    def _require_zeros(self, file: Seen, label: str) -> None:
        """PyData's sparse arrays say what entries are that they leave out."""
        if "fill_value" not in self.headers:
            return
        value = _read(file, f"{self.before}fill_value", label)
        if value.size != 1 or value.reshape(-1)[0] != 0:
            raise DataError(
                f"{label} is not sparse: entries that it leaves out are {value.tolist()}, not 0",
                "save it dense, with numpy.save(path, A.todense())",
            )


def groups_of(found: list[Member]) -> list[Group]:
    """The sparse matrices among the members of a file."""
    headers = {member.name: member.header for member in found}
    starts = {name[: at + 1] for name in headers for at, sign in enumerate(name) if sign in _ENDS}
    groups = []
    for start in ("", *sorted(starts)):
        own = {name[len(start) :]: of for name, of in headers.items() if name.startswith(start)}
        kept = by_hand.kept(own)
        shapes = [own[name].shape for name in kept.names] if kept else []
        shaped = not own.keys().isdisjoint(by_hand.SHAPES)
        saved = {"format", "shape", "data"} <= own.keys()
        if saved or (kept and by_hand.is_meant(kept, shapes, shaped)):
            groups.append(Group(start, own, kept))
    return groups


def _read(file: Seen, name: str, label: str) -> Array:
    """A member, whole, in its own kind (native byte order)."""
    with open_member(file, name, label) as stream:
        header = npy.read_header(stream, label)
        check_kind(header.dtype, f"{label}:{printable(name)}")
        return npy.read_array(stream, header, label)


def _text(file: Seen, name: str, header: npy.Header, label: str) -> str:
    """The value of a 0-D member of a string kind."""
    if header.dtype.kind not in "SU" or header.data_bytes > _TEXT_BYTES or header.shape:
        raise DataError(f"{label} does not say its form", SAVE)
    with open_member(file, name, label) as stream:
        npy.read_header(stream, label)
        raw = stream.read(header.data_bytes)
    if len(raw) < header.data_bytes:
        raise StorageError(f"{label} ends before its last value", "copy the file again")
    if header.dtype.kind == "S":
        return raw.rstrip(b"\0").decode("latin-1")
    order = "utf-32-le" if header.dtype.str.startswith("<") else "utf-32-be"
    return raw.decode(order, "replace").rstrip("\0")
