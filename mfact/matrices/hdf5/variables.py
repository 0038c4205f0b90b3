"""What one thing in an HDF5 file is to whoever wrote it, and to who chooses among all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from mfact.errors import DataError
from mfact.matrices.choice import Candidate
from mfact.matrices.conventions.unmeasured import OF_R
from mfact.matrices.decoding import BFLOAT16
from mfact.matrices.hdf5.dense import ITSELF, Meant
from mfact.matrices.hdf5.kinds import elements
from mfact.matrices.hdf5.members import text
from mfact.matrices.hdf5.objects import attribute
from mfact.words import by

LINK, VIRTUAL = "link to another file", "virtual, put together from other files"
ELSEWHERE = (LINK, VIRTUAL)
"""Kinds of what is nothing to choose from until other files are opened."""

_MATLAB_TEXT = ("char", "cell", "string")
_TELLING = ("DIMENSION_SCALE", "PALETTE")


@dataclass(frozen=True)
class Variable:
    """One thing that has a name: a dataset, or a group that is one matrix and no folder.

    candidate: what it is to the choice. path: of the dataset or sparse group with its numbers.
    meant: what its surroundings say of it. refusal: what it is and a way out, where its numbers
    make no matrix. note: what is to be known of one that is
    taken. rows, columns: paths of their names.
    """

    candidate: Candidate
    path: str
    meant: Meant = ITSELF
    refusal: tuple[str, str] | None = None
    note: str = ""
    rows: str | None = None
    columns: str | None = None

    def set_aside(self) -> Variable:
        return replace(self, candidate=replace(self.candidate, aside=True))


class Numbers(NamedTuple):
    """Of a dataset. shape: as stored; None for a null dataset. inner: lengths that each element
    has. kind: in words."""

    shape: tuple[int, ...] | None
    inner: tuple[int, ...]
    kind: str
    usable: bool


def of_dataset(path: str, dataset: Any, meant: Meant = ITSELF, kind: str = "") -> Variable:
    """A dataset identifier as a variable of its own.

    kind: in the words of its writer, who keeps all in two dimensions; MATLAB says it itself.
    """
    from h5py import h5d

    if dataset.get_create_plist().get_layout() == h5d.VIRTUAL:  # asked more, it opens other files
        return Variable(Candidate(path, (), VIRTUAL, False), path, meant)
    matlab = text(dataset, "MATLAB_class")
    found = numbers(dataset, meant.field)
    reversed_ = meant.reversed or matlab is not None
    shape = found.shape or ()
    shape = (*(reversed(shape) if reversed_ else shape), *found.inner)
    words = matlab in _MATLAB_TEXT
    candidate = Candidate(
        path,
        shape,
        str(matlab) if words else found.kind if found.shape is not None else "empty",
        found.usable and found.shape is not None and not words,
        aside=words or found.kind == "strings" or _tells(dataset),
        vector=bool(kind or matlab) and len(shape) == 2 and 1 in shape,
        reversed=reversed_,
    )
    return Variable(candidate, path, meant)


def numbers(dataset: Any, field: str | None = None) -> Numbers:
    """What kind of numbers a dataset identifier, or one field of its records, holds."""
    shape = dataset.shape  # None of a null dataset
    try:
        found = elements(dataset.get_type(), "it", field, len(shape or ()))
    except DataError as error:
        return Numbers(shape, (), error.sentence.removeprefix("it holds "), False)
    bfloat16 = found.stored == BFLOAT16
    return Numbers(shape, found.inner, BFLOAT16 if bfloat16 else str(found.dtype), True)


def _tells(dataset: Any) -> bool:
    """Whether it holds positions along an axis, the colours that an image names by number, or the
    lengths of MATLAB's empty array."""
    return text(dataset, "CLASS") in _TELLING or attribute(dataset, "MATLAB_empty") is not None


def notes_of(thing: Variable, dataset: Any, shape: tuple[int, int], label: str) -> tuple[str, ...]:
    """On what is taken as the d1×d2 matrix, a dataset identifier."""
    notes = [thing.note.format(shape=by(shape))] if thing.note else []
    if attribute(dataset, OF_R) is not None:
        notes.append(f"R wrote it and lists lengths reversed: {by(shape[::-1])} there, which "
                     "--transpose gives")  # fmt: skip
    return tuple(f"{label}: {note}" for note in notes)
