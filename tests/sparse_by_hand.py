"""Sparse matrices as people keep them: by name, the arrays of one, and files of several tools."""

import numpy as np
import scipy.sparse
from matrix_files import write_compressed, write_hdf5


def compressed(M, major):
    S = scipy.sparse.csr_array(M).asformat(major.lower())
    return {"data": S.data, "indices": S.indices, "indptr": S.indptr}


def coordinates(M, row="row", column="col", values="data"):
    S = scipy.sparse.coo_array(M)
    return {values: S.data, row: S.row, column: S.col}


def pydata(M):
    """What sparse.save_npz of the package `sparse` writes of a COO array."""
    S = scipy.sparse.coo_array(M)
    return {
        "data": S.data,
        "coords": np.stack(S.coords),
        "shape": M.shape,
        "fill_value": M[0, 0] * 0,
    }


def with_format(arrays):
    """The same in newer versions: the class of the array stands beside it."""
    return {**arrays, "format": np.array("gcxs" if "indptr" in arrays else "coo")}


def pydata_compressed(M, axis):
    """The same of a GCXS array."""
    arrays = compressed(M, "CSR" if axis == 0 else "CSC")
    return {**arrays, "compressed_axes": [axis], "shape": M.shape, "fill_value": M[0, 0] * 0}


def tensor_of(M, axis):
    """Indices and values as TensorFlow, JAX (a row an entry) and PyTorch (a column) have them."""
    S = scipy.sparse.coo_array(M)
    return {"values": S.data, "indices": np.stack(S.coords, axis), "dense_shape": M.shape}


def of_r(M):
    S = scipy.sparse.csc_array(M)
    return {"x": S.data, "i": S.indices, "p": S.indptr, "Dim": M.shape}


ARRAYS = {
    "csr": ("CSR", lambda M: {**compressed(M, "CSR"), "shape": M.shape}),
    "csc": ("CSC", lambda M: {**compressed(M, "CSC"), "shape": M.shape}),
    "shape of floats": (
        "CSC",
        lambda M: {**compressed(M, "CSC"), "shape": np.array(M.shape, "f8")},
    ),
    "coo": ("COO", lambda M: {**coordinates(M), "shape": M.shape}),
    "coo by other names": (
        "COO",
        lambda M: {**coordinates(M, "rows", "cols", "values"), "shape": M.shape},
    ),
    "a row an entry": ("COO", lambda M: tensor_of(M, 1)),
    "a column an entry": ("COO", lambda M: tensor_of(M, 0)),
    "slots of R": ("CSC", of_r),
}
IN_NPZ = {
    "pydata coo": ("COO", pydata),
    "pydata rows": ("CSR", lambda M: pydata_compressed(M, 0)),
    "pydata columns": ("CSC", lambda M: pydata_compressed(M, 1)),
    "pydata of today": ("COO", lambda M: with_format(pydata(M))),
    "pydata columns of today": ("CSC", lambda M: with_format(pydata_compressed(M, 1))),
}


def npz_among_others(folder, M):
    """As the graphs of gust and of many papers: an adjacency, attributes, and labels."""
    both = [("adj_", np.eye(len(M))), ("attr_", M)]
    arrays = {
        f"{name}{key}": value
        for name, A in both
        for key, value in {**compressed(A, "CSR"), "shape": A.shape}.items()
    }
    np.savez(folder / "graph.npz", **arrays, labels=np.arange(len(M)))
    return f"{folder}/graph.npz:/attr"


def h5seurat(folder, M):
    def fill(file):
        group = file.create_group("assays/RNA/counts")
        write_compressed(group, M, "CSC")
        group.attrs["dims"] = np.array(M.shape)

    return write_hdf5(folder / "cells.h5seurat", fill)
