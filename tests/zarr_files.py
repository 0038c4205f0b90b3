"""Zarr stores of one matrix, in every form that its users have."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.sparse
import zarr
from zarr.codecs import BloscCodec, BytesCodec, TransposeCodec, ZstdCodec
from zarr.storage import MemoryStore

BIG = BytesCodec(endian="big")
Fill = Callable[[object, np.ndarray], object]
"""Writes a matrix into a store of the library, or into a path."""


def array(**options) -> Fill:
    """One array, alone in its store."""

    def fill(store, M):
        asked = {"chunks": (8, 5), "dtype": M.dtype, "fill_value": 0, **options}
        if M.dtype.str[0] == ">" and asked.get("zarr_format") != 2:  # else it is turned
            asked["serializer"] = BIG
        zarr.create_array(store, shape=M.shape, **asked)[...] = M

    return fill


DENSE = {
    "v3": array(),
    "v3 raw": array(compressors=None),
    "v3 raw big-endian, turned": array(
        filters=TransposeCodec(order=(1, 0)), serializer=BIG, compressors=None
    ),
    "v3 blosc": array(compressors=BloscCodec(cname="lz4", clevel=5), serializer=BIG),
    "v3 with keys of v2": array(compressors=None, chunk_key_encoding={"name": "v2"}),
    "v3 sharded": array(shards=(16, 10), compressors=ZstdCodec(level=1)),
    "v3 sharded raw": array(shards=(40, 25), compressors=None),
    "v2": array(zarr_format=2),
    "v2 raw": array(zarr_format=2, compressors=None),
    "v2 raw, Fortran": array(zarr_format=2, compressors=None, order="F"),
    "v2 nested": array(
        zarr_format=2, compressors=None, chunk_key_encoding={"name": "v2", "separator": "/"}
    ),
}


def anndata(form: str, version: int = 3) -> Fill:
    """As AnnData lays X out: "csr", "csc" or "dense"."""

    def fill(store, M):
        kind = {"encoding-type": "anndata"}
        root = zarr.open_group(store, mode="w", zarr_format=version, attributes=kind)
        if form == "dense":
            root.create_array("X", data=M, chunks=(8, M.shape[1]))
        else:
            marks = {"encoding-type": f"{form}_matrix", "shape": list(M.shape)}
            group, S = root.create_group("X", attributes=marks), scipy.sparse.csr_array(M)
            for name in ("data", "indices", "indptr"):
                group.create_array(name, data=getattr(S.asformat(form), name), chunks=(50,))
        for side, count in zip(("obs", "var"), M.shape, strict=True):
            frame = root.create_group(side, attributes={"encoding-type": "dataframe"})
            names = frame.create_array("_index", shape=count, dtype="str")
            names[:] = np.array([f"{side} {k}" for k in range(count)])
        root.create_array("layers/counts", data=M + 1)

    return fill


def xarray(version: int, fill_value: float, **attributes) -> Fill:
    """As xarray lays a variable out, with two others that tell where it is."""

    def fill(store, M):
        root = zarr.open_group(store, mode="w", zarr_format=version)
        axes = {"dimension_names": ("time", "x")} if version == 3 else {}
        told = {} if version == 3 else {"_ARRAY_DIMENSIONS": ["time", "x"]}
        mark = {"_FillValue": fill_value} if version == 3 else {}
        root.create_array(
            "tas", data=M, chunks=(8, 5), fill_value=0 if version == 3 else fill_value,
            attributes={**told, **mark, "coordinates": "lat lon", **attributes}, **axes,
        )  # fmt: skip
        for name in ("lat", "lon"):
            root.create_array(name, data=np.ones(M.shape), attributes=told, **axes)

    return fill


def zipped(fill: Fill, M: np.ndarray) -> bytes:
    """The bytes of a zip of a store: the same whenever they are written."""
    held, stream = {}, io.BytesIO()
    fill(MemoryStore(held), M)
    with zipfile.ZipFile(stream, "w") as archive:
        for key in sorted(held):
            archive.writestr(zipfile.ZipInfo(key), held[key].to_bytes())
    return stream.getvalue()


def in_folder(fill: Fill, name: str = "M.zarr") -> Callable[[Path, np.ndarray], str]:
    """Writes it into a folder, in place of what was there, and says where."""

    def write(folder: Path, M: np.ndarray) -> str:
        shutil.rmtree(folder / name, ignore_errors=True)
        fill(str(folder / name), M)
        return str(folder / name)

    return write


def in_zip(fill: Fill) -> Callable[[Path, np.ndarray], str]:
    def write(folder: Path, M: np.ndarray) -> str:
        (folder / "M.zarr.zip").write_bytes(zipped(fill, M))
        return str(folder / "M.zarr.zip")

    return write
