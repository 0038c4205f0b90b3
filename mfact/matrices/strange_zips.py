"""Zip archives that hold no array of NumPy's: what each is, and a way out that works."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mfact.errors import DataError
from mfact.matrices.declared import short
from mfact.matrices.zarr.keys import MARKS

_SHEETS = "export the sheet as CSV"
# A member of zip archives of other programs, what those are, and what to do with each.
_IN_ZIPS = (
    ("xl/workbook.xml", "an Excel workbook", _SHEETS),
    ("xl/workbook.bin", "an Excel workbook", _SHEETS),
    ("word/document.xml", "a Word document", "save its table as CSV"),
    ("content.xml", "an OpenDocument file", _SHEETS),
    ("model.weights.h5", "an archive of Keras", "unpack model.weights.h5 from it with unzip"),
    # As a matrix these are read.
    *((mark, "a Zarr store", "name one of its arrays as a matrix") for mark in MARKS),
)


def strange_zip(names: Sequence[str], label: str) -> DataError:
    """Why a zip archive with members of these names, of which none is an array, is refused."""
    what, way_out = kind_of_zip(names)
    return DataError(f"{label} is {what}", way_out.replace("FILE", label))


def kind_of_zip(names: Sequence[str]) -> tuple[str, str]:
    """What a zip archive is, and how the matrix in it, FILE, is saved as NPY."""
    if is_torch(names):
        load = 'torch.load("FILE", map_location="cpu")'
        if any(name.endswith("/constants.pkl") for name in names):
            load = 'torch.jit.load("FILE", map_location="cpu").state_dict()'
        elif any(name.endswith("/archive_format") for name in names):
            load = 'torch.export.load("FILE").state_dict'
        return "a PyTorch checkpoint", (
            f'save one of its tensors: numpy.save("M.npy", {load}["NAME"].detach().float().numpy())'
        )
    if not names:
        return "an empty zip archive", "write it again with numpy.savez"
    for member, what, way_out in _IN_ZIPS:
        if member in names:
            return what, way_out
    return f"a zip archive of {short(names[0])}, not of arrays", "unpack it with unzip first"


def is_torch(names: Iterable[str]) -> bool:
    """Whether a zip of these entries was written by PyTorch, whatever it holds.

    >>> is_torch(["net/data.pkl", "net/data/0", "net/version"]), is_torch(["W.npy", "b.npy"])
    (True, False)
    """
    ends = ("/data.pkl", "/constants.pkl", "/archive_format")
    return any(f"/{name}".endswith(ends) for name in names)
