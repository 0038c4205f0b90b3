"""Who wrote an HDF5 file, by the marks that some leave, and which matrix they mean by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mfact.errors import DataError
from mfact.matrices.hdf5.members import member, text
from mfact.matrices.hdf5.objects import MissingObject, resolve
from mfact.words import printable

START_BYTES = 64
_JULIA = (b"Julia data file (HDF5)", b"HDF5-based Julia Data Format")
_NETCDF_FILL = 9.969209968386869e36  # NC_FILL_FLOAT and NC_FILL_DOUBLE
# NC_FILL_SHORT, NC_FILL_INT and so on; every value of one byte is taken for one.
_NETCDF_INTEGERS = {
    "i2": -(2**15) + 1, "u2": 2**16 - 1, "i4": -(2**31) + 1, "u4": 2**32 - 1, "i8": -(2**63) + 2,
    "u8": 2**64 - 2,
}  # fmt: skip
_MOST_STEPS = 8

# Of Cell Ranger: a molecule a row, in vectors.
_MOLECULES = ({b"barcode_idx", b"barcode"}, {b"feature_idx", b"gene"}, {b"umi"}, {b"gem_group"})


@dataclass(frozen=True)
class Writer:
    """What is known of all datasets of a file.

    family: "AnnData", "loom", "Julia", "Seurat", "GCTX", "BIOM", "NeXus", "netCDF" or "". takes:
    the path of the matrix that is meant where none is named. reversed: lengths are listed in the
    other order. hidden: names of groups that are none of the user's.
    """

    family: str = ""
    takes: str | None = None
    reversed: bool = False
    hidden: frozenset[bytes] = frozenset()

    @property
    def note(self) -> str:
        """Of a matrix that is read reversed; "" where none is."""
        if not self.reversed:
            return ""
        if self.family == "Julia":
            return "Julia lists lengths reversed, so M is {shape}, as size() says there"
        if self.family == "GCTX":
            return "GCTX lists lengths reversed, so M is {shape}, rows by META/ROW"
        return "Seurat lists lengths reversed, so M is {shape}, as dim() says in R"


def who(root: Any, start: bytes) -> Writer:
    """The writer of a file, by its root group and its first bytes."""
    from h5py import h5a

    names = set(root)
    if start.startswith(_JULIA):
        hidden = frozenset({b"_types", b"_refs", b"_require", b"_creator"})
        return Writer("Julia", reversed=True, hidden=hidden)
    if text(root, "encoding-type") == "anndata" or {b"X", b"obs", b"var"} <= names:
        return Writer("AnnData", takes="/X")
    if {b"matrix", b"row_attrs", b"col_attrs"} <= names:
        return Writer("loom", takes="/matrix")
    if text(root, "active.assay") is not None:
        return Writer("Seurat", reversed=True)
    if (text(root, "version") or "").startswith("GCTX"):
        return Writer("GCTX", reversed=True)
    if h5a.exists(root, b"format-url") and _inside(root, "/observation/matrix") is not None:
        return Writer("BIOM", takes="/observation/matrix")  # the other is the same, by columns
    if h5a.exists(root, b"_NCProperties"):
        return Writer("netCDF")
    signal = _signal(root)
    return Writer("NeXus", takes=signal) if signal is not None else Writer()


def fills(writer: Writer, dataset: Any) -> tuple[Any, ...]:
    """What marks an entry of a dataset as missing where it does not say: netCDF's own value.

    Of floating-point numbers in netCDF-4 files, of which a dataset with named dimensions is taken
    for one; of integers where the file says that it fills the dataset with that.
    """
    from h5py import h5a, h5d, h5t

    if not isinstance(dataset, h5d.DatasetID):
        return ()
    kind, properties = dataset.get_type(), dataset.get_create_plist()
    if isinstance(kind, h5t.TypeIntegerID):
        own = properties.fill_value_defined() == h5d.FILL_VALUE_USER_DEFINED
        if not own or kind.get_size() not in (2, 4, 8):
            return ()
        filled = np.zeros((), kind.dtype)
        properties.get_fill_value(filled)
        return (filled[()],) if filled == _NETCDF_INTEGERS[filled.dtype.str[1:]] else ()
    marks = (b"DIMENSION_LIST", b"_Netcdf4Dimid")
    known = writer.family == "netCDF" or any(h5a.exists(dataset, mark) for mark in marks)
    return (np.float64(_NETCDF_FILL),) if known else ()


def refuse_molecules(root: Any, label: str) -> None:
    """Raise DataError for Cell Ranger's list of molecules, which is often taken for the counts."""
    if all(any(name in root for name in names) for names in _MOLECULES):
        raise DataError(
            f"{label} lists the molecules of a run of Cell Ranger and holds no matrix of counts",
            "name filtered_feature_bc_matrix.h5 of the same run",
        )


def notes(root: Any, writer: Writer, label: str) -> tuple[str, ...]:
    """On the matrix that the writer means: by what, and what else there is beside it."""
    name = printable(str(writer.takes))
    if writer.family == "NeXus":
        return (f"{label}: took {name}, which NeXus names as its signal",)
    others = _beside(root, writer)
    return (f"{label}: took {name}, not {printable(others)}",) if others else ()


def _beside(root: Any, writer: Writer) -> str:
    """Others by path; "" for none."""
    from h5py import h5g

    layers = member(root, b"layers") if writer.family in ("AnnData", "loom") else None
    names = sorted(layers) if isinstance(layers, h5g.GroupID) else []
    found = [f"/layers/{name.decode('utf-8', 'surrogateescape')}" for name in names]
    raw = member(root, b"raw") if writer.family == "AnnData" else None
    if isinstance(raw, h5g.GroupID) and raw.links.exists(b"X"):
        found.append("/raw/X")
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{found[0]}{more}" if found else ""


def _signal(root: Any) -> str | None:
    """The path of the data that NeXus plots by default: attributes name it step by step."""
    from h5py import h5d, h5g

    path, here = "", root
    for _ in range(_MOST_STEPS):
        default = text(here, "default")
        if default is None:
            break
        path = default if default.startswith("/") else f"{path}/{default}"
        here = _inside(root, path)
        if not isinstance(here, h5g.GroupID):
            return None
    signal = text(here, "signal") if path else None
    if signal is None or not isinstance(_inside(root, f"{path}/{signal}"), h5d.DatasetID):
        return None
    return f"{path}/{signal}"


def _inside(root: Any, path: str) -> Any:
    """What a path leads to in this file; None for nothing, and for another file."""
    try:
        return resolve(root, path, False, path)
    except (MissingObject, DataError):
        return None
