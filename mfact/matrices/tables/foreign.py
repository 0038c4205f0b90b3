"""Texts of other programs that hold numbers in lines, and say beside them what these are."""

from __future__ import annotations

import re

from mfact.errors import DataError
from mfact.matrices.tables import refusals
from mfact.matrices.tables.dialect import Dialect
from mfact.words import printable

_OCTAVE = re.compile(r"^# (name|type|rows|columns|ndims): *(.*)$", re.MULTILINE)
# The sizes: rows and columns, and in version 1.3 how many of each tell of the others.
_GCT = re.compile(r"#1\.[23]\s*\n\d+\s+\d+(?:[ \t]+(\d+)[ \t]+(\d+))?\s")
_FEATURE_COUNTS = re.compile(r"^Geneid\tChr\tStart\tEnd\tStrand\tLength\t", re.MULTILINE)
_WRITE = 'write it in Octave with dlmwrite("M.csv", M, "precision", 17)'


def require_table(text: str, label: str) -> None:
    """Raise DataError for GenePattern's GCT, for what featureCounts counts, and for what Octave
    saves other than one matrix."""
    if gct := _GCT.match(text):
        rows, columns = (int(count or 0) for count in gct.groups())
        more = f" | sed '2,{1 + columns}d'" * (columns > 0) + f" | cut -f1,{2 + (rows or 1)}-"
        way_out = refusals.shell(label, "tail -n +3", "numbers.tsv", more)
        raise DataError(
            f"{label} is a GCT file, with sizes before its header and more than names beside it",
            f"leave these out, as with {way_out}",
        )
    if _FEATURE_COUNTS.search(text):
        way_out = refusals.shell(label, "grep -v '^#'", "counts.tsv", " | cut -f1,7-")
        raise DataError(
            f"{label} is a table of featureCounts, whose columns 2 to 6 tell of the genes",
            f"leave these out, as with {way_out}",
        )
    found = _octave(text)
    if found.get("type", "matrix") != "matrix" or "ndims" in found:
        kind = found.get("type", "array")
        raise DataError(f"{label} is Octave's {printable(kind)} in text, not a matrix", _WRITE)


def require_one(text: bytes, dialect: Dialect, label: str) -> None:
    """Raise DataError for another variable of Octave's behind the rows of the first."""
    if b"# name: " in text and not dialect.names:
        raise DataError(f"{label} holds several variables of Octave's in text", _WRITE)


def require_shape(text: str, shape: tuple[int, int], label: str) -> None:
    """Raise DataError where Octave's header tells of another shape."""
    found = _octave(text)
    stated = found.get("rows"), found.get("columns")
    if None not in stated and stated != (str(shape[0]), str(shape[1])):
        size = printable("×".join(map(str, stated)))
        raise DataError(f"{label} states {size} and has {shape[0]}×{shape[1]} numbers", _WRITE)


def _octave(text: str) -> dict[str, str]:
    """What comments of Octave's say; nothing where they are somebody else's."""
    found = dict(reversed(_OCTAVE.findall(text)))
    return found if "name" in found else {}
