"""Folders that are a matrix: counts as Cell Ranger, STARsolo and others of their layout write."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from mfact.core import Names
from mfact.errors import DataError, MfactError, StorageError
from mfact.matrices import gzipped
from mfact.matrices.market import reader as matrix_market
from mfact.matrices.market.banner import is_market
from mfact.matrices.seen import Seen, start_of, unreadable
from mfact.matrices.values import Asked, Look, refuse_dataset
from mfact.words import printable

_MATRIX = ("matrix.mtx.gz", "matrix.mtx")
_FEATURES = ("features.tsv.gz", "features.tsv", "genes.tsv.gz", "genes.tsv")
_BARCODES = ("barcodes.tsv.gz", "barcodes.tsv")
_BLOCK_BYTES = 1 << 20
_LONGEST = 4096  # bytes of a name and what stands beside it, of all on average
_FOLDERS = 100  # inside one that is no matrix, that are looked at


def look_into(folder: Path, asked: Asked, label: str) -> tuple[int, Look]:
    """(bytes of the matrix in a folder, what it is): its rows are the features and its columns the
    barcodes, with the names that stand in files of these names.

    Raises StorageError or DataError, with a way out, for a folder that is no such matrix.
    """
    try:
        held = frozenset(each.name for each in folder.iterdir())
    except OSError as error:
        raise unreadable(error, label) from error
    there = [name for name in _MATRIX if name in held]
    if not there:
        raise StorageError(f"{label} is a directory", _inside(folder, held))
    if len(there) > 1:
        raise DataError(f"{label} holds both {' and '.join(there)}", "name one of these files")
    refuse_dataset(asked, "a folder with one matrix", label)
    matrix = f"{label}/{there[0]}"
    file, start = start_of(folder / there[0], matrix)
    if not is_market(gzipped.beginning(start, file, matrix)):
        raise DataError(f"{matrix} is not MatrixMarket", "name the file that holds the matrix")
    look = matrix_market.look(file, Asked(), matrix)
    notes = (f"{label}: took {there[0]}", *look.notes)
    files, said = _names_of(folder, held, look.shape, label)
    return file.size, replace(
        look,
        format="10x-folder",
        linked=(str(file.path), *(str(each.path) for each in files if each)),
        naming=partial(_naming, files, label) if any(files) else None,
        notes=(*notes, *said),
    )


_Files = tuple[Seen | None, Seen | None]


def _names_of(
    folder: Path, held: Collection[str], shape: tuple[int, int], label: str
) -> tuple[_Files, list[str]]:
    """The files that name the rows and the columns, and what there is to say of them."""
    found, notes = [], []
    for known in (_FEATURES, _BARCODES):
        name = next((name for name in known if name in held), None)
        try:
            found.append(None if name is None else _counted(folder / name, max(shape), label))
        except MfactError as error:
            notes.append(f"{error.sentence}: its names are left out")
            found.append(None)
    lines = [None if each is None else each[1] for each in found]
    turned = (
        not any(map(int.__eq__, shape, (n or 0 for n in lines)))
        and any(map(int.__eq__, shape[::-1], (n or 0 for n in lines)))
    )  # fmt: skip
    if turned:
        found.reverse()
        notes.append(f"{label}: its rows are the barcodes, and its columns the features")
    files = []
    for each, length, side in zip(found, shape, ("rows", "columns"), strict=True):
        if each is not None and each[1] != length:
            name = printable(each[0].path.name)
            notes.append(
                f"{label}: the {side} have no names, for {name} does not hold {length} lines"
            )
            each = None
        files.append(None if each is None else each[0])
    return (files[0], files[1]), notes


def _counted(path: Path, most: int, label: str) -> tuple[Seen, int]:
    """A file and how many lines it has; where more than most, or too long ones, any such number."""
    label = f"{label}/{printable(path.name)}"
    file, _ = start_of(path, label)
    lines, size, last = 0, 0, b"\n"
    with gzipped.opened(file, label) as stream:
        while block := stream.read(_BLOCK_BYTES):
            lines, size, last = lines + block.count(b"\n"), size + len(block), block[-1:]
            if lines > most or size > _LONGEST * (most + 1):
                return file, most + 1
    return file, lines + (last != b"\n")


def _naming(files: _Files, label: str) -> Names:
    rows, columns = (None if each is None else _first_words(each, label) for each in files)
    return Names(rows, columns)


def _first_words(file: Seen, label: str) -> tuple[str, ...]:
    """The first column of a file: identifiers, whatever else stands beside them."""
    with gzipped.opened(file, f"{label}/{printable(file.path.name)}") as stream:
        raw = stream.read()
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    lines = text.removesuffix("\n").split("\n")
    return tuple(line.split("\t", 1)[0].removesuffix("\r") for line in lines)


def _inside(folder: Path, held: Collection[str]) -> str:
    """What to name in a folder that is no matrix."""
    for name in sorted(held)[:_FOLDERS]:
        with suppress(OSError):
            if any((folder / name / each).is_file() for each in _MATRIX):
                return f"name the folder {printable(name)} in it, which holds a matrix"
    market = [name for name in sorted(held) if name.endswith((".mtx", ".mtx.gz"))]
    return "name a file in it" + (f", such as {printable(market[0])}" if market else "")
