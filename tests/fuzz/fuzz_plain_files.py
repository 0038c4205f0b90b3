"""Small valid files of every kind but HDF5 that mfact reads, and of what is near to them."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable

import numpy as np
import scipy.io
import scipy.sparse
from tensor_files import entry, packed, safetensors_of
from zarr_files import DENSE, anndata, xarray, zipped

Write = Callable[[np.ndarray], bytes]
Files = dict[str, tuple[Write, tuple[str | None, ...]]]
"""Of each kind what writes a matrix, and the datasets to ask for (None: without a name)."""


def _bytes_of(write: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def _npy(change: Callable[[np.ndarray], np.ndarray]) -> Write:
    return lambda M: _bytes_of(lambda stream: np.save(stream, change(M)))


def _npz(arrays: Callable[[np.ndarray], dict[str, object]], *, deflated: bool = False) -> Write:
    save = np.savez_compressed if deflated else np.savez
    return lambda M: _bytes_of(lambda stream: save(stream, **arrays(M)))


def _sparse_npz(form: str) -> Write:
    def write(M: np.ndarray) -> bytes:
        S = scipy.sparse.csr_array(M).asformat(form)
        return _bytes_of(lambda s: scipy.sparse.save_npz(s, S, compressed=False))

    return write


def _bfloat16(M: np.ndarray) -> np.ndarray:
    return (M.astype("f4").view("u4") >> 16).astype("<u2")


def _records(M: np.ndarray) -> np.ndarray:
    return np.array([tuple(row) for row in M], [(f"c{k}", "f8") for k in range(M.shape[1])])


def _by_hand(M: np.ndarray) -> dict[str, object]:
    S = scipy.sparse.csr_array(M)
    return {"data": S.data, "indices": S.indices, "indptr": S.indptr, "shape": S.shape}


def _pydata(M: np.ndarray) -> dict[str, object]:
    places = np.array(M.nonzero())
    return {"data": M[tuple(places)], "coords": places, "shape": M.shape, "fill_value": 0.0}


def _market(change: Callable[[np.ndarray], object], **options: str) -> Write:
    return lambda M: _bytes_of(lambda s: scipy.io.mmwrite(s, change(M), **options))


def _text(separator: str, *, names: bool = False, comma: bool = False) -> Write:
    def write(M: np.ndarray) -> bytes:
        lines = [separator.join(f"{m:g}" for m in row) for row in M]
        if comma:
            lines = [line.replace(".", ",") for line in lines]
        if names:
            lines = [f"row {i}{separator}{line}" for i, line in enumerate(lines)]
            lines.insert(0, separator.join(["", *(f"gene {j}" for j in range(M.shape[1]))]))
        return "".join(f"{line}\n" for line in lines).encode()

    return write


def _gzipped(write: Write) -> Write:
    return lambda M: gzip.compress(write(M), mtime=0)


def _matlab(variables: Callable[[np.ndarray], dict[str, object]], *, packed: bool = False) -> Write:
    def write(M: np.ndarray) -> bytes:
        content = _bytes_of(lambda s: scipy.io.savemat(s, variables(M), do_compression=packed))
        return b"MATLAB 5.0 MAT-file".ljust(116) + content[116:]  # without the time

    return write


def _tensors(M: np.ndarray) -> bytes:
    return safetensors_of({"a.weight": M.astype("f4"), "b.weight": M.T.copy(), "bias": M[0]})


def _tensors_bfloat16(M: np.ndarray) -> bytes:
    raw = _bfloat16(M).tobytes()
    return packed({"w": entry("BF16", list(M.shape), 0, len(raw))}, raw)


ALONE = (None,)

PLAIN_FILES: Files = {
    "f8.npy": (_npy(lambda M: M), ALONE),
    "f4-fortran.npy": (_npy(lambda M: np.asfortranarray(M, "f4")), ALONE),
    "i2-big.npy": (_npy(lambda M: M.astype(">i2")), ALONE),
    "object.npy": (_npy(lambda M: np.array([[1, {}]], object)), ALONE),
    "bfloat16.npy": (
        lambda M: _npy(lambda M: _bfloat16(M).view("V2"))(M).replace(b"'|V2'", b"'<V2'"), ALONE,
    ),
    "records.npy": (_npy(_records), ALONE),
    "stored.npz": (_npz(lambda M: {"M": M, "labels": np.arange(3)}), ALONE),
    "deflated.npz": (_npz(lambda M: {"M": np.asfortranarray(M)}, deflated=True), ALONE),
    "csr.npz": (_sparse_npz("csr"), ALONE),
    "csc.npz": (_sparse_npz("csc"), ALONE),
    "coo.npz": (_sparse_npz("coo"), ALONE),
    "csr-by-hand.npz": (_npz(_by_hand), ALONE),
    "pydata.npz": (_npz(_pydata), ALONE),
    "array.mtx": (_market(lambda M: M), ALONE),
    "coordinate.mtx": (_market(scipy.sparse.coo_array), ALONE),
    "one-percent.mtx": (lambda M: _market(scipy.sparse.coo_array)(M)[1:], ALONE),
    "symmetric.mtx": (
        _market(lambda M: scipy.sparse.coo_array(M[:9] + M[:9].T), symmetry="symmetric"), ALONE,
    ),
    "integer.mtx": (_market(lambda M: scipy.sparse.coo_array(M).astype(np.int64)), ALONE),
    "coordinate.mtx.gz": (_gzipped(_market(scipy.sparse.coo_array)), ALONE),
    "plain.csv": (_text(","), ALONE),
    "named.csv": (_text(",", names=True), ALONE),
    "semicolon.csv": (_text(";", names=True, comma=True), ALONE),
    "named.tsv": (_text("\t", names=True), ALONE),
    "spaces.txt": (_text(" "), ALONE),
    "named.csv.gz": (_gzipped(_text(",", names=True)), ALONE),
    "f4.safetensors": (lambda M: safetensors_of({"w": M.astype("f4")}), ALONE),
    "bf16.safetensors": (_tensors_bfloat16, (None, "w")),
    "several.safetensors": (_tensors, (None, "a.weight", "b.weight", "bias")),
    "plain.mat": (_matlab(lambda M: {"M": M, "fs": 250.0, "name": "sub1"}), (None, "M")),
    "packed.mat": (_matlab(lambda M: {"M": M}, packed=True), ALONE),
    "sparse.mat": (_matlab(lambda M: {"S": scipy.sparse.csc_array(M)}), ALONE),
    "v2.zarr.zip": (lambda M: zipped(DENSE["v2"], M), ALONE),
    "sharded.zarr.zip": (lambda M: zipped(DENSE["v3 sharded"], M), ALONE),
    "csr.zarr.zip": (lambda M: zipped(anndata("csr"), M), (None, "layers/counts")),
    "xarray.zarr.zip": (lambda M: zipped(xarray(2, -9.0, scale_factor=0.5), M), ALONE),
    "integers.mat": (_matlab(lambda M: {"M": (10 * M).astype("i2")}, packed=True), ALONE),
}  # fmt: skip
