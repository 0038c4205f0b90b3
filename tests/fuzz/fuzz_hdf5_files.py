"""Small valid HDF5 files of every kind that mfact reads, and of what is near to them."""

from __future__ import annotations

from collections.abc import Callable

import h5py
import numpy as np
import scipy.sparse


def _contiguous(file: h5py.File, M: np.ndarray) -> None:
    file["group/M"] = M
    file["labels"] = np.arange(5)
    file["soft"] = h5py.SoftLink("/group/M")


def _chunked(file: h5py.File, M: np.ndarray) -> None:
    options = {"compression": "gzip", "shuffle": True, "fletcher32": True}
    file.create_dataset("M", data=M.astype(">f4"), chunks=(5, 4), **options)


def _other_filters(file: h5py.File, M: np.ndarray) -> None:
    file.create_dataset("lzf", data=M, chunks=(12, 1), compression="lzf")
    whole = (10 * M).astype(np.int32)
    file.create_dataset("scaled", data=whole, chunks=(6, 9), scaleoffset=0, maxshape=(None, 9))
    file["flags"] = M > 0


def _compact(file: h5py.File, M: np.ndarray) -> None:
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple(M.shape)
    dataset = h5py.h5d.create(file.id, b"M", h5py.h5t.NATIVE_DOUBLE, space, properties)
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(M))


def _matlab(file: h5py.File, M: np.ndarray) -> None:
    file["M"] = np.ascontiguousarray(M.T)
    file["M"].attrs["MATLAB_class"] = np.bytes_("double")
    S = scipy.sparse.csc_array(M)
    group = file.create_group("S")
    group.attrs["MATLAB_sparse"] = np.uint64(M.shape[0])
    group.attrs["MATLAB_class"] = np.bytes_("double")
    group["data"], group["ir"] = S.data, S.indices.astype("u8")
    group["jc"] = S.indptr.astype("u8")


def _h5ad(file: h5py.File, M: np.ndarray) -> None:
    S = scipy.sparse.csr_array(M.astype("f4"))
    file.attrs["encoding-type"] = "anndata"
    group = file.create_group("X")
    group.attrs["encoding-type"] = "csr_matrix"
    group.attrs["shape"] = np.array(S.shape)
    for name in ("data", "indices", "indptr"):
        group.create_dataset(name, data=getattr(S, name), chunks=(8,), compression="gzip")
    file.create_dataset("obs/_index", data=[f"cell {i}" for i in range(M.shape[0])])
    file.create_group("var")
    file["layers/dense"] = M


def _tenx(file: h5py.File, M: np.ndarray) -> None:
    S = scipy.sparse.csc_array((10 * abs(M)).astype(np.int32))
    group = file.create_group("matrix")
    group["data"], group["indices"] = S.data, S.indices.astype("i8")
    group["indptr"], group["shape"] = S.indptr.astype("i8"), np.array(S.shape, "i4")
    group["barcodes"] = np.array([b"AAAC-1"] * S.shape[1])
    group["features/id"] = np.array([b"ENSG"] * S.shape[0])


def _named_files(file: h5py.File, M: np.ndarray) -> None:
    file["far"] = h5py.ExternalLink("/etc/hostname", "/M")
    file.create_dataset("outside", M.shape, "f8", external=[("/etc/passwd", 0, M.nbytes)])
    layout = h5py.VirtualLayout(M.shape, "f8")
    layout[:] = h5py.VirtualSource("/etc/group", "M", M.shape)
    file.create_virtual_dataset("virtual", layout)


def _by_hand(file: h5py.File, M: np.ndarray) -> None:
    for name, A in (("square", M[:9]), ("wide", M.T)):
        S = scipy.sparse.csr_array(A)
        group = file.create_group(name)
        group["data"], group["indices"], group["indptr"] = S.data, S.indices, S.indptr
        group["shape"] = np.array(A.shape)
    triplets = file.create_group("coo")
    triplets["row"], triplets["col"] = (where.astype("i4") for where in M.nonzero())
    triplets["data"], triplets.attrs["shape"] = M[M.nonzero()], M.shape


def _netcdf(file: h5py.File, M: np.ndarray) -> None:
    """As netCDF-4 writes it: axes, their bounds, and a packed variable."""
    file.attrs["_NCProperties"] = np.bytes_("version=2,netcdf=4.9.2,hdf5=1.14.3")
    for name, length in (("time", len(M)), ("x", M.shape[1])):
        file[name] = np.arange(length, dtype="f8")
        file[name].make_scale(name)
    file["time_bnds"] = np.stack([np.arange(len(M)), np.arange(len(M)) + 1.0], axis=1)
    variable = file.create_dataset("sst", data=np.round(100 * M).astype(">i2"), fillvalue=-32767)
    variable.attrs["scale_factor"], variable.attrs["add_offset"] = np.float32(0.01), np.float64(280)
    variable.attrs["_FillValue"] = np.array([-32767], ">i2")
    variable.attrs["missing_value"] = np.int16(-32766)
    variable.dims[0].attach_scale(file["time"])
    variable.dims[1].attach_scale(file["x"])


def _octave(file: h5py.File, M: np.ndarray) -> None:
    group = file.create_group("X")
    group.attrs["OCTAVE_NEW_FORMAT"] = np.uint8(1)
    group["type"], group["value"] = np.bytes_("matrix"), np.ascontiguousarray(M.T)


def _frame(file: h5py.File, M: np.ndarray) -> None:
    """Of pandas, format "fixed"."""
    group = file.create_group("df")
    group.attrs["pandas_type"], group.attrs["nblocks"] = np.bytes_("frame"), 1
    group["axis0"] = group["block0_items"] = np.array([b"c%d" % k for k in range(M.shape[1])])
    group["axis1"], group["block0_values"] = np.arange(len(M)), M


def _frame_table(file: h5py.File, M: np.ndarray) -> None:
    rows = np.zeros(len(M), [("index", "<i8"), ("values_block_0", "<f8", M.shape[1:])])
    rows["index"], rows["values_block_0"] = np.arange(len(M)), M
    group = file.create_group("df")
    group.attrs["pandas_type"], group["table"] = np.bytes_("frame_table"), rows
    group["_i_table/index/bounds"] = np.zeros((1, 127), "i8")


def _elements(file: h5py.File, M: np.ndarray) -> None:
    """Kinds of number that are none of NumPy's own, or several at a place."""
    parts = np.zeros(M.shape, [("real", "<f8"), ("imag", "<f8")])
    parts["real"], parts["imag"] = M, 2 * M
    file["complex"] = parts
    file.create_dataset("arrays", shape=len(M), dtype=np.dtype(("<f4", M.shape[1:])))[...] = M
    file["columns"] = np.array([tuple(row) for row in M], [(f"c{k}", "f8") for k in range(9)])
    bits = (M.astype("f4").view("u4") >> 16).astype("<u2")
    file["bfloat16"] = bits.view("V2")


def _null_x(file: h5py.File, M: np.ndarray) -> None:
    file.attrs["encoding-type"] = "anndata"
    file["X"] = h5py.Empty("f4")
    file["X"].attrs["encoding-type"] = "null"
    file.create_group("obs"), file.create_group("var")
    file["layers/counts"] = M


def _stack(file: h5py.File, M: np.ndarray) -> None:
    images = np.stack([M, 2 * M, 3 * M])
    file.create_dataset("images", data=images, chunks=(1, 12, 9), compression="gzip")
    file["labels"] = np.eye(3)


HDF5_FILES: dict[str, tuple[Callable[[h5py.File, np.ndarray], None], tuple[str | None, ...]]] = {
    "contiguous": (_contiguous, (None, "/group/M", "/soft")),
    "chunked": (_chunked, (None,)),
    "filters": (_other_filters, (None, "/lzf", "/scaled", "/flags")),
    "compact": (_compact, (None,)),
    "matlab": (_matlab, (None, "/M", "/S")),
    "h5ad": (_h5ad, (None, "/layers/dense")),
    "10x": (_tenx, (None,)),
    "named-files": (_named_files, (None, "/far", "/outside", "/virtual")),
    "by-hand": (_by_hand, ("/square", "/wide", "/coo", "/square[csr]")),
    "netcdf": (_netcdf, (None, "/sst")),
    "octave": (_octave, (None, "/X")),
    "frame": (_frame, (None, "/df")),
    "frame-table": (_frame_table, (None, "/df", "/df/table")),
    "elements": (_elements, ("/complex", "/arrays", "/columns", "/bfloat16")),
    "null-x": (_null_x, (None, "/X", "/layers/counts")),
    "stack": (_stack, ("/images[0]", "/images[2]", "/images[fold]", None)),
}
"""Of each kind what fills it with a matrix, and the datasets to ask for."""
