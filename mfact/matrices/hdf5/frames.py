"""Frames of pandas, as DataFrame.to_hdf writes them: one block of numbers a kind, and indices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mfact.matrices.choice import Candidate
from mfact.matrices.hdf5.dense import Meant
from mfact.matrices.hdf5.members import member, text
from mfact.matrices.hdf5.objects import attribute, kept_elsewhere
from mfact.matrices.hdf5.variables import Variable, numbers, of_dataset

_INDEX = "index"
_MOST = 1000  # blocks, of which a frame has as many as kinds


def is_frame(group: Any) -> bool:
    """Whether a group identifier is a frame or a series of pandas."""
    return text(group, "pandas_type") is not None


def frame(path: str, group: Any, label: str) -> Variable:
    """A frame as the matrix of its only block of numbers. label: of the file.

    Refused where there are several, as each holds some columns alone.
    """
    kind = str(text(group, "pandas_type"))
    found: Variable | None = None
    if kind == "frame":
        found = _fixed(path, group)
    elif kind == "frame_table":
        found = _table(path, group)
    elif kind == "series" and (values := _array(group, b"values")) is not None:
        found = replace(of_dataset(path, values), path=f"{path}/values")
    if found is not None:
        return found
    if kind.startswith("series"):
        refusal = ("a pandas series, which is 1-D", "pass a matrix, which is 2-D")
        return Variable(Candidate(path, (), "pandas series", False), path, refusal=refusal)
    shape, blocks = _lengths(group)
    what = "an empty pandas frame" if _is_empty(group) else "a pandas frame"
    way_out = "pass a matrix with entries"
    if blocks == 1:
        what, way_out = f"{what} without numbers", "pass a frame of numbers"
    elif blocks is not None:
        what = f"{what} of {shape[1]} columns in {blocks} blocks"
        chosen = "" if _all_numbers(group, blocks) else '.select_dtypes("number")'
        read = f"pandas.read_hdf({label!r}, {path!r}){chosen}.to_numpy()"
        way_out = f"numpy.save what {read} gives"
    candidate = Candidate(path, shape, what.removeprefix("a "), False)
    return Variable(candidate, path, refusal=(what, way_out))


def _fixed(path: str, group: Any) -> Variable | None:
    """Of the format "fixed": the blocks are datasets, each of its columns in the frame's order."""
    shape, blocks = _lengths(group)
    block = _array(group, b"block0_values")
    if block is None or blocks != 1:
        return None
    found = of_dataset(path, block, Meant(reversed=_count(block, "transposed") == 0))
    if not found.candidate.numbers or found.candidate.shape != shape:
        return None
    return replace(
        found,
        path=f"{path}/block0_values",
        note="took the numbers of a pandas frame, block0_values",
        rows=f"{path}/axis1",
        columns=f"{path}/axis0",
    )


def _table(path: str, group: Any) -> Variable | None:
    """Of the format "table": records of an index and of a field for each block."""
    table = _array(group, b"table")
    fields = [] if table is None else _fields(table)
    if len(fields) != 1:
        return None
    (field,) = fields
    found = of_dataset(path, table, Meant(field=field))
    dates = (text(table, f"{field}_dtype") or "").startswith(("datetime", "timedelta"))
    if not found.candidate.numbers or len(found.candidate.shape) != 2 or dates:
        return None
    note = f"took the numbers of a pandas table, {field}"
    return replace(found, path=f"{path}/table", note=note)


def _lengths(group: Any) -> tuple[tuple[int, ...], int | None]:
    """(rows, columns) of a frame and how many blocks it is kept in; (), None where not known."""
    table = _array(group, b"table")
    if table is not None and len(table.shape) == 1 and (fields := _fields(table)):
        columns = sum(sum(table.dtype[field].shape) or 1 for field in fields)
        return (int(table.shape[0]), columns), len(fields)
    lengths = []
    for axis in (b"axis1", b"axis0"):
        # An index of several levels is kept as a code a level.
        found = _array(group, axis)
        found = _array(group, axis + b"_label0") if found is None else found
        if found is None or len(found.shape) != 1:
            return (), None
        lengths.append(int(found.shape[0]))
    return tuple(lengths), _count(group, "nblocks")


def _is_empty(group: Any) -> bool:
    """Whether one of its blocks stands for an array without entries, whose lengths it notes."""
    blocks = (member(group, name) for name in group if name.endswith(b"_values"))
    return any(attribute(block, "shape") is not None for block in blocks)


def _all_numbers(group: Any, blocks: int) -> bool:
    """Whether all its blocks can be of one kind; truth values cannot, which are kept as uint8."""
    table = _array(group, b"table")
    if table is not None:
        return all(_is_number(table, field) for field in _fields(table))
    arrays = [_array(group, b"block%d_values" % number) for number in range(min(blocks, _MOST))]
    return all(array is not None and _is_number(array) for array in arrays)


def _is_number(array: Any, field: str | None = None) -> bool:
    found = numbers(array, field)
    return found.usable and found.kind != "uint8"


def _fields(table: Any) -> list[str]:
    return [name for name in table.dtype.names or () if name != _INDEX]


def _array(group: Any, name: bytes) -> Any:
    """A dataset of a group that has a shape; None for one that stands for an empty one, or whose
    integers stand for dates, as its attributes say."""
    from h5py import h5d

    found = member(group, name)
    if not isinstance(found, h5d.DatasetID) or kept_elsewhere(found) or found.shape is None:
        return None
    return None if text(found, "value_type") is not None else found


def _count(owner: Any, name: str) -> int | None:
    value = attribute(owner, name)
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError):
        return None
