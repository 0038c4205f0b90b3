"""HDF5 files as people have them, a function each: written as their writers write them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import scipy.sparse
from found_files import M, sparse, written

MATLAB = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM"


def matlab(path: str, fill: Callable[[h5py.File], object]) -> None:
    with h5py.File(path, "w", userblock_size=512) as f:
        fill(f)
    with Path(path).open("r+b") as stream:
        stream.write(MATLAB)


def put(f: h5py.File, name: str, value: object, kind: str) -> None:
    f.create_dataset(name, data=np.asarray(value).T).attrs["MATLAB_class"] = np.bytes_(kind)


def parts(group: h5py.Group, A: scipy.sparse.sparray) -> h5py.Group:
    group["data"], group["indices"], group["indptr"] = A.data, A.indices, A.indptr
    return group


@written
def climate() -> None:
    """netCDF-4: a field in time and space, and the bounds of its times."""
    with h5py.File("tas.nc", "w") as f:
        axes = [f.create_dataset(n, data=np.arange(float(k))) for n, k in
                (("time", 24), ("lat", 5), ("lon", 7))]  # fmt: skip
        for axis in axes:
            axis.make_scale(axis.name.strip("/"))
        axes[0].attrs["bounds"] = "time_bnds"
        f["time_bnds"] = np.stack([np.arange(24.0), np.arange(24.0) + 1], 1)
        field = f.create_dataset("tas", data=np.arange(24.0 * 35).reshape(24, 5, 7) % 11)
        for i, axis in enumerate(axes):
            field.dims[i].attach_scale(axis)


@written
def packed() -> None:
    """netCDF-4: integers that stand for 280 + 0.01·k; in one file an entry is missing."""
    stored = np.round(1000 * np.random.default_rng(0).standard_normal((30, 20))).astype("i2")
    for name in ("whole.nc", "hole.nc"):
        with h5py.File(name, "w") as f:
            if name == "hole.nc":
                stored[3, 4] = -32767
            d = f.create_dataset("sst", data=stored)
            d.attrs["scale_factor"], d.attrs["add_offset"] = np.float32(0.01), np.float32(280)
            d.attrs["_FillValue"] = np.int16(-32767)


@written
def filled() -> None:
    """netCDF's default fill value stands for a missing entry."""
    A = M.astype("f4")
    A[3, 4] = 9.96921e36
    with h5py.File("filled.nc", "w") as f:
        f.create_dataset("sst", data=A).attrs["_FillValue"] = np.array([9.96921e36], "f4")


@written
def molecules() -> None:
    """Cell Ranger's molecule_info.h5, which holds no count matrix."""
    with h5py.File("molecule_info.h5", "w") as f:
        for name in ("barcode_idx", "count", "feature_idx", "gem_group", "library_idx", "umi"):
            f[name] = np.arange(100, dtype="u4")
        f["barcodes"] = np.array([b"AAAC", b"AAAG"])
        f["barcode_info/genomes"] = np.array([b"GRCh38"])
        f["barcode_info/pass_filter"] = np.array([[k, 0, 0] for k in range(40)], "u8")
        f["features/id"] = np.array([b"g1", b"g2"])


@written
def rows_by_hand() -> None:
    """CSR in HDF5 groups: one square, whose first row is large, one wide."""
    square = sparse((30, 30)).toarray()
    square[0] = 100.0
    for name, A in (("square.h5", square), ("wide.h5", sparse((12, 30)).toarray())):
        with h5py.File(name, "w") as f:
            parts(f.create_group("X"), scipy.sparse.csr_array(A))["shape"] = np.array(A.shape)


@written
def octave() -> None:
    with h5py.File("octave.h5", "w") as f:
        g = f.create_group("X")
        g.attrs["OCTAVE_NEW_FORMAT"] = np.uint8(1)
        g["type"], g["value"] = np.bytes_("matrix"), M.T.copy()


@written
def of_r() -> None:
    """rhdf5 lists the lengths of a 30×20 matrix as 20×30."""
    with h5py.File("from_r.h5", "w") as f:
        f.create_dataset("counts", data=M.T.copy()).attrs["rhdf5-NA.OK"] = np.int32(1)


@written
def array_elements() -> None:
    with h5py.File("vectors.h5", "w") as f:
        f.create_dataset("emb", shape=(30,), dtype=np.dtype(("<f4", (20,))))[...] = M
        f["words"] = np.array([f"w{i}" for i in range(30)], dtype=h5py.string_dtype())


@written
def complex_records() -> None:
    K = np.zeros((20, 30), [("real", "<f8"), ("imag", "<f8")])
    matlab("kspace.mat", lambda f: f.create_dataset("K", data=K).attrs.update(
        MATLAB_class=np.bytes_("double")))  # fmt: skip


@written
def workspace() -> None:
    def fill(f: h5py.File) -> None:
        put(f, "X", M, "double")
        put(f, "fs", [[250.0]], "double")
        put(f, "name", np.array([[ord(c) for c in "sub1"]], "u2"), "char")

    matlab("exp.mat", fill)


@written
def anndata_without_x() -> None:
    with h5py.File("no_x.h5ad", "w") as f:
        f.attrs["encoding-type"] = "anndata"
        f["X"] = h5py.Empty("f4")
        f["X"].attrs["encoding-type"] = "null"
        f.create_group("obs"), f.create_group("var")
        f["layers/counts"] = M


@written
def pandas_table() -> None:
    rows = np.zeros(40, [("index", "<i8"), ("values_block_0", "<f8", (6,))])
    rows["index"] = np.arange(40)
    rows["values_block_0"] = np.random.default_rng(2).standard_normal((40, 6))
    with h5py.File("frame_table.h5", "w") as f:
        g = f.create_group("df")
        g.attrs["pandas_type"] = np.bytes_("frame_table")
        g["table"] = rows
        i = g.create_group("_i_table/index")
        for name, shape in (("bounds", (0, 127)), ("indices", (0, 1024)), ("ranges", (0, 2)),
                            ("sorted", (0, 1024)), ("indicesLR", (1024,))):  # fmt: skip
            i.create_dataset(name, shape=shape, dtype="i8", maxshape=(None, *shape[1:]),
                             chunks=(1, *shape[1:]))  # fmt: skip


@written
def pandas_blocks() -> None:
    with h5py.File("frame_fixed.h5", "w") as f:
        g = f.create_group("df")
        g.attrs["pandas_type"], g.attrs["nblocks"] = np.bytes_("frame"), 2
        g["axis0"] = np.array([b"a", b"n", b"b", b"c", b"d", b"e", b"f"])
        g["axis1"] = np.arange(40)
        g["block0_items"], g["block0_values"] = np.array([b"n"]), np.arange(40)[:, None]
        g["block1_items"] = np.array([b"a", b"b", b"c", b"d", b"e", b"f"])
        g["block1_values"] = np.random.default_rng(2).standard_normal((40, 6))


@written
def two() -> None:
    with h5py.File("two.h5", "w") as f:
        f["X"], f["grp/Y"] = M, M


@written
def labels() -> None:
    rng = np.random.default_rng(0)
    with h5py.File("images.h5", "w") as f:
        f["images"] = rng.integers(0, 255, (50, 28, 28), dtype="u1")
        f["labels"] = np.eye(10)[rng.integers(0, 10, 50)]


@written
def h5seurat() -> None:
    A = scipy.sparse.csc_array(np.random.default_rng(0).poisson(0.4, (30, 20)).astype("f8"))
    with h5py.File("cells.h5seurat", "w") as f:
        parts(f.create_group("assays/RNA/counts"), A).attrs["dims"] = np.array(A.shape)
        f["reductions/pca/cell.embeddings"] = M[:5]


@written
def killed() -> None:
    """The flag of a file that is being written is still set."""
    code = (
        "import h5py, numpy as np, os\n"
        "f = h5py.File('crashed.h5', 'w', libver='latest')\n"
        "f['X'] = np.eye(3)\nf.flush()\nos._exit(9)\n"
    )
    env = os.environ | {"HDF5_USE_FILE_LOCKING": "FALSE"}
    subprocess.run([sys.executable, "-c", code], check=False, env=env)
