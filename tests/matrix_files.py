"""One matrix written in every form that mfact reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import scipy.io
import scipy.sparse
import zarr_files


def sample(dtype="f8", shape=(37, 23)) -> np.ndarray:
    """Small whole numbers and zeros, which every kind of at least 8 bits holds exactly."""
    rng = np.random.default_rng(1806)
    M = rng.integers(0, 100, shape) * (rng.random(shape) < 0.4)
    return M.astype(dtype)


def write_hdf5(path: Path, fill: Callable[[h5py.File], object]) -> str:
    with h5py.File(path, "w") as file:
        fill(file)
    return str(path)


def write_compressed(group: h5py.Group, M: np.ndarray, major: str) -> None:
    """The three arrays of a CSR or CSC matrix."""
    S = scipy.sparse.csr_array(M).asformat(major.lower())
    group["data"], group["indices"], group["indptr"] = S.data, S.indices, S.indptr


def _matlab_sparse(file: h5py.File, M: np.ndarray) -> None:
    S = scipy.sparse.csc_array(M)
    group = file.create_group("S")
    group.attrs["MATLAB_sparse"] = np.uint64(M.shape[0])
    group["data"], group["ir"], group["jc"] = S.data, S.indices, S.indptr


def _matlab(file: h5py.File, M: np.ndarray, **options) -> None:
    file.create_dataset("M", data=np.ascontiguousarray(M.T), **options)
    file["M"].attrs["MATLAB_class"] = np.bytes_("double")


def _anndata(file: h5py.File, M: np.ndarray, major: str | None) -> None:
    file.attrs["encoding-type"] = "anndata"
    file["layers/other"] = M + 1
    file["obs/_index"] = [f"cell {i}" for i in range(len(M))]
    file.create_group("var")
    if major is None:
        file.create_dataset("X", data=M, chunks=(10, 23), compression="gzip")
        file["X"].attrs["encoding-type"] = "array"
    else:
        group = file.create_group("X")
        write_compressed(group, M, major)
        group.attrs["encoding-type"] = f"{major.lower()}_matrix"
        group.attrs["shape"] = np.array(M.shape)


def _old_anndata(file: h5py.File, M: np.ndarray) -> None:
    group = file.create_group("X")
    write_compressed(group, M, "CSR")
    group.attrs["h5sparse_format"], group.attrs["h5sparse_shape"] = "csr", np.array(M.shape)
    file["obs"], file["var"] = np.zeros(3), np.zeros(3)


def _tenx(file: h5py.File, M: np.ndarray) -> None:
    group = file.create_group("matrix")
    write_compressed(group, M, "CSC")
    group["shape"], group["barcodes"] = np.array(M.shape, "i4"), np.array([b"AAAC-1"] * 23)
    group["features/id"] = np.array([b"ENSG"] * 37)


def _write_market(path: Path, M: np.ndarray) -> None:
    with path.open("wb") as stream:  # SciPy itself does not write to paths that are not UTF-8
        scipy.io.mmwrite(stream, scipy.sparse.coo_array(M))


def _user_block(path: Path, M: np.ndarray) -> str:
    with h5py.File(path, "w", userblock_size=512) as file:
        _matlab(file, M)
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124))
    return str(path)


def _hdf5(fill: Callable[[h5py.File, np.ndarray], object], name: str = "") -> Callable:
    return lambda folder, M: write_hdf5(folder / "M.h5", lambda f: fill(f, M)) + name


def _saved(name: str, save: Callable[[Path, np.ndarray], object]) -> Callable:
    def write(folder: Path, M: np.ndarray) -> str:
        save(folder / name, M)
        return str(folder / name)

    return write


def _dataset(**options) -> Callable:
    return _hdf5(lambda f, M: f.create_dataset("a/M", data=M, **options))


KINDS = ("<f8", ">f8", "<f4", ">f4", "<f2", ">f2", "|i1", "|u1", "<i2", ">u2", "<i4", ">i4", "<u8",
         "|b1")  # fmt: skip
"""Of numbers; SciPy's sparse matrices hold the second ones."""
NATIVE = ("<f8", "<f4", "|i1", "|u1", "<i2", "<i4", "<u8")


class Form(NamedTuple):
    """One form of file: what is to be seen of it, and how to write one (folder, M) -> spec."""

    format: str
    order: str
    write: Callable[[Path, np.ndarray], str]
    kinds: tuple[str, ...] = KINDS
    sparse: bool = False


def _sparse(format: str, order: str, write: Callable, kinds: tuple[str, ...] = NATIVE) -> Form:
    return Form(format, order, write, kinds, True)


def _sparse_npz(form: str) -> Form:
    def save(path: Path, M: np.ndarray) -> None:
        scipy.sparse.save_npz(path, scipy.sparse.csr_array(M).asformat(form))

    return _sparse("sparse-npz", form.upper(), _saved("S.npz", save))


FORMS = {
    "npy": Form("npy", "C", _saved("M.npy", np.save)),
    "npy fortran": Form("npy", "F", _saved("M.npy", lambda p, M: np.save(p, np.asfortranarray(M)))),
    "npz": Form("npz", "C", _saved("M.npz", lambda p, M: np.savez(p, M=M, x=np.arange(3)))),
    "npz deflated": Form(
        "npz", "F", _saved("M.npz", lambda p, M: np.savez_compressed(p, M=np.asfortranarray(M)))
    ),
    "contiguous": Form("hdf5", "C", _dataset()),
    "rows of chunks": Form("hdf5", "chunked (5, 23)", _dataset(chunks=(5, 23), compression="gzip")),
    "column chunks": Form("hdf5", "chunked (37, 1)", _dataset(chunks=(37, 1), compression="lzf")),
    "tiles": Form(
        "hdf5",
        "chunked (8, 5)",
        _dataset(chunks=(8, 5), shuffle=True, fletcher32=True, maxshape=(None, None)),
    ),
    "by soft link": Form(
        "hdf5",
        "C",
        _hdf5(lambda f, M: f.update({"a/M": M, "s": h5py.SoftLink("/a/M"), "N": M}), ":/s"),
    ),
    "matlab": Form("matlab", "F", _hdf5(_matlab)),
    "matlab chunked": Form(
        "matlab",
        "chunked (7, 6)",
        _hdf5(lambda f, M: _matlab(f, M, chunks=(6, 7), compression="gzip")),
    ),
    "matlab with its user block": Form(
        "matlab", "F", lambda folder, M: _user_block(folder / "M.mat", M)
    ),
    "h5ad dense": Form("h5ad", "chunked (10, 23)", _hdf5(lambda f, M: _anndata(f, M, None))),
    "npz csr": _sparse_npz("csr"),
    "npz csc": _sparse_npz("csc"),
    "npz coo": _sparse_npz("coo"),
    "matrix market": _sparse("matrix-market", "COO", _saved("S.mtx", _write_market), ("<f8",)),
    "matlab sparse": _sparse("matlab", "CSC", _hdf5(_matlab_sparse)),
    "h5ad csr": _sparse("h5ad", "CSR", _hdf5(lambda f, M: _anndata(f, M, "CSR"))),
    "h5ad csc": _sparse("h5ad", "CSC", _hdf5(lambda f, M: _anndata(f, M, "CSC"))),
    "h5ad of 2018": _sparse("h5ad", "CSR", _hdf5(_old_anndata)),
    "10x": _sparse("10x", "CSC", _hdf5(_tenx)),
    "zarr raw": Form("zarr", "chunked (8, 5)", zarr_files.in_folder(zarr_files.DENSE["v2 raw"])),
    "zarr": Form("zarr", "chunked (8, 5)", zarr_files.in_folder(zarr_files.DENSE["v3 sharded"])),
    "zarr zip": Form("zarr", "chunked (8, 5)", zarr_files.in_zip(zarr_files.DENSE["v2"])),
    "zarr csr": _sparse("zarr", "CSR", zarr_files.in_folder(zarr_files.anndata("csr"))),
}


def forms(format: str) -> dict[str, Form]:
    """Those of one format."""
    return {name: form for name, form in FORMS.items() if form.format == format}
