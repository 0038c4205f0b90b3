"""Arrays of NumPy's files: what one look at an NPY or an NPZ file tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from mfact.errors import DataError
from mfact.matrices.arrays import npy
from mfact.matrices.arrays.kinds import numbers_of
from mfact.matrices.arrays.laid import looked_at
from mfact.matrices.arrays.picked import named_part, part_name, picked
from mfact.matrices.arrays.stored import Stream
from mfact.matrices.choice import choose, listing
from mfact.matrices.seen import Seen, changed
from mfact.matrices.spec import Part
from mfact.matrices.strange_zips import strange_zip
from mfact.matrices.values import Asked, Look, refuse_dataset
from mfact.words import printable

if TYPE_CHECKING:
    from mfact.matrices.arrays.npz import Member


def look_npy(seen: Seen, asked: Asked, label: str) -> Look:
    """The array of a file, or the part of it that brackets name: "M.npy:[0]"."""
    found = ("", None) if asked.dataset is None else named_part(asked.dataset, [""])
    if found is None:
        refuse_dataset(asked, "an NPY file", label)
    part = found[1] if found else None
    with seen.opened(label) as stream:
        header = npy.read_header(stream, label)
    numbers = numbers_of(header, label, f'numpy.load("{label}")')
    npy.check_length(header, seen.size, label)
    opened = partial(_opened, seen, None, header, label)
    behind = seen.size - header.offset - header.data_bytes
    notes = (f"{label}: {behind} bytes behind its array are left out",) if behind else ()
    typed, dataset = f"{label}:", part_name("", asked.dataset, part)
    label = typed + printable(dataset) if dataset else label
    matrix = picked(numbers.laid, part, asked.points, label, typed)
    return looked_at("npy", dataset or None, numbers, matrix, opened, label, file=seen, notes=notes)


def look_npz(seen: Seen, asked: Asked, label: str) -> Look:
    """The member that is named, or a part of it, "M.npz:x[0]"; else the only one there can be.

    Raises DataError when there is none, or several, with the list of what is there.
    """
    from mfact.matrices.arrays import npz, npz_sparse

    found = npz.members(seen, label)
    if not found:
        with npz.open_zip(seen, label) as archive:
            raise strange_zip(archive.namelist(), label)
    if (sparse := npz_sparse.sparse_look(seen, found, asked, label)) is not None:
        return sparse
    member, part, notes = _member(found, asked, label)
    typed = f"{label}:{printable(member.name)}"
    numbers = numbers_of(member.header, typed, f'numpy.load("{label}")["{printable(member.name)}"]')
    dataset = part_name(member.name, asked.dataset, part)
    label = f"{label}:{printable(dataset)}"
    opened = partial(_opened, seen, member.name, member.header, label)
    matrix = picked(numbers.laid, part, asked.points, label, typed)
    return looked_at("npz", dataset, numbers, matrix, opened, label, notes=notes)


def _member(
    found: list[Member], asked: Asked, label: str
) -> tuple[Member, Part | None, tuple[str, ...]]:
    """(The member that is meant, the part of it, notes on what was left beside it)."""
    from mfact.matrices.arrays import npz

    named = {member.name: member for member in found}
    if asked.dataset is not None:
        bare = asked.dataset.removesuffix(".npy")  # as the zip has it
        meant = named_part(asked.dataset, named) or named_part(bare, named)
        if meant is None:
            way_out = listing([npz.candidate(member, label) for member in found], "name another")
            raise DataError(f"{label} has no member {printable(asked.dataset)}", way_out)
        return named[meant[0]], meant[1], ()
    if len(found) == 1:
        return found[0], None, ()  # so that it is refused by its kind or shape
    candidates = [npz.candidate(member, label) for member in found]
    taken, notes = choose(candidates, label, "array", points=asked.points)
    return named[taken.name], None, notes


@contextmanager
def _opened(seen: Seen, member: str | None, header: npy.Header, label: str) -> Iterator[Stream]:
    """The stream of an array, at its first value; member: its name in a zip."""
    with _file_or_member(seen, member, label) as stream:
        if npy.read_header(stream, label) != header:
            raise changed(label)
        yield stream


def _file_or_member(seen: Seen, member: str | None, label: str) -> AbstractContextManager[Stream]:
    if member is None:
        return seen.opened(label)
    from mfact.matrices.arrays.npz import open_member

    return open_member(seen, member, label)
