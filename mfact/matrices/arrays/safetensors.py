"""Safetensors files: tensors by name, each of which lies in the file in one piece."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from mfact.errors import DataError
from mfact.matrices.arrays.laid import looked_at
from mfact.matrices.arrays.picked import named_part, part_name, picked
from mfact.matrices.arrays.safetensors_header import Entry, kind_of, read_entries
from mfact.matrices.arrays.stored import Laid, Numbers, Stream
from mfact.matrices.choice import Candidate, choose, listing
from mfact.matrices.declared import short
from mfact.matrices.decoding import Bfloat16
from mfact.matrices.seen import Seen
from mfact.matrices.spec import Part
from mfact.matrices.values import Asked, Look
from mfact.words import printable

BFLOAT16 = Bfloat16()


def look(seen: Seen, asked: Asked, label: str) -> Look:
    """The tensor that is named, or a part of it, "model.safetensors:conv.weight[0,0]"; else the
    only one there can be.

    Raises DataError when there is none, or several, with the list of what is there, and for a kind
    that is not read; StorageError and MemoryPlanError as read_entries() does.
    """
    with seen.opened(label) as stream:
        entries = read_entries(stream, seen.size, label)
    entry, part, notes = _entry({entry.name: entry for entry in entries}, asked, label)
    laid = Laid(entry.shape, kind_of(entry, label), False, entry.start)
    numbers = Numbers(laid, BFLOAT16 if entry.kind == BFLOAT16.stored else None)
    typed = f"{label}:{short(entry.name)}"
    dataset = part_name(entry.name, asked.dataset, part)
    label = f"{label}:{printable(dataset)}"
    opened = partial(_opened, seen, entry.start, label)
    matrix = picked(laid, part, asked.points, label, typed)
    return looked_at("safetensors", dataset, numbers, matrix, opened, label, file=seen, notes=notes)


def _entry(
    named: dict[str, Entry], asked: Asked, label: str
) -> tuple[Entry, Part | None, tuple[str, ...]]:
    """(The tensor that is meant, the part of it, notes on what was left beside it)."""
    candidates = [
        Candidate(entry.name, entry.shape, entry.kind, entry.dtype is not None)
        for entry in named.values()
    ]
    if asked.dataset is not None:
        if (meant := named_part(asked.dataset, named)) is None:
            way_out = listing(candidates, "name another")
            raise DataError(f"{label} has no tensor {printable(asked.dataset)}", way_out)
        return named[meant[0]], meant[1], ()
    if len(named) == 1:
        return next(iter(named.values())), None, ()  # so that it is refused by its kind or shape
    taken, notes = choose(candidates, label, "tensor", points=asked.points)
    return named[taken.name], None, notes


@contextmanager
def _opened(seen: Seen, offset: int, label: str) -> Iterator[Stream]:
    with seen.opened(label) as stream:
        stream.seek(offset)
        yield stream
