"""HDF5 files as programs write them."""

from __future__ import annotations

import h5py
import numpy as np
from matrix_files import write_hdf5


def write(folder, fill, name="f.h5"):
    return write_hdf5(folder / name, fill)


def octave(file, name, kind, value, where="value"):
    """As Octave's save -hdf5: lengths reversed, a type beside the value."""
    group = file.create_group(name)
    group.attrs["OCTAVE_NEW_FORMAT"] = np.uint8(1)
    group["type"] = np.bytes_(kind)
    group[where] = value if np.isscalar(value) else np.ascontiguousarray(np.asarray(value).T)
    return group


def julia(path, fill, mark=b"HDF5-based Julia Data Format, version 0.1.1\0 (Julia 1.10.0)\0"):
    with h5py.File(path, "w", userblock_size=512) as file:
        fill(file)
    with path.open("r+b") as stream:
        stream.write(mark)
    return str(path)


def fixed_frame(file, M, columns=None, index=None, key="df"):
    """As DataFrame.to_hdf: one block, with the indices of the frame."""
    group = file.create_group(key)
    group.attrs["pandas_type"] = np.bytes_("frame")
    group.attrs["nblocks"] = np.int64(1)
    columns = np.arange(M.shape[1]) if columns is None else columns
    index = np.arange(M.shape[0]) if index is None else index
    for name, axis in (("axis0", columns), ("axis1", index), ("block0_items", columns)):
        words = np.asarray(axis).dtype.kind == "U"
        group[name] = np.char.encode(axis, "utf-8") if words else axis
        group[name].attrs["kind"] = np.bytes_("string" if words else "integer")
    group["block0_values"] = M
    group["block0_values"].attrs["transposed"] = np.int64(1)
    return group


def table_frame(file, M, **more):
    """As DataFrame.to_hdf(format="table"), with the index that PyTables keeps of it."""
    fields = [("index", "<i8"), ("values_block_0", M.dtype, (M.shape[1],))]
    rows = np.zeros(len(M), fields + [(name, values.dtype) for name, values in more.items()])
    rows["index"], rows["values_block_0"] = np.arange(len(M)), M
    group = file.create_group("df")
    group.attrs["pandas_type"] = np.bytes_("frame_table")
    group["table"] = rows
    group["_i_table/index/bounds"] = np.zeros((3, 127))
    group["_i_table/index/sortedLR"] = np.zeros(2000)


def loom(file, M):
    file.create_dataset("matrix", data=M, chunks=(10, 23), compression="gzip")
    file["layers/spliced"] = M + 1
    file["row_attrs/Gene"] = [f"g{i}" for i in range(len(M))]
    file["col_attrs/CellID"] = [f"c{i}" for i in range(M.shape[1])]


def seurat(file, M):
    file.attrs["active.assay"], file.attrs["project"] = "RNA", "p"
    file["assays/RNA/data"] = np.ascontiguousarray(M.T)
    file["assays/RNA/features"] = [f"g{i}" for i in range(len(M))]
    file["cell.names"] = [f"c{i}" for i in range(M.shape[1])]
