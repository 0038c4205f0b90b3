"""Files as people have them, a function each: written as their writers write them."""

from __future__ import annotations

import gzip
import json
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.sparse
import zarr
from zarr_files import array, in_folder

M = np.random.default_rng(0).standard_normal((30, 20))
FILES: dict[str, Callable[[], object]] = {}
"""Name -> what writes the file, or files, into the working folder."""


def written(make: Callable[[], object]) -> Callable[[], object]:
    FILES[make.__name__] = make
    return make


def sparse(shape=(30, 20)) -> scipy.sparse.csr_array:
    """With the same entries each time; about a fifth of them are not zero."""
    rng = np.random.default_rng(1)
    return scipy.sparse.csr_array(rng.standard_normal(shape) * (rng.random(shape) < 0.2))


@written
def pydata() -> None:
    """sparse.save_npz of the package `sparse`."""
    A = sparse().tocoo()
    coords = np.array([A.row, A.col])
    np.savez("pydata.npz", data=A.data, coords=coords, shape=np.array(A.shape), fill_value=0.0)


@written
def half() -> None:
    """Of rank 16 but for rounding to float16."""
    rng = np.random.default_rng(1)
    left, right = rng.standard_normal((192, 16)), rng.standard_normal((16, 256))
    np.save("delta_f16.npy", (1e-2 * left @ right).astype("f2"))


@written
def bfloat16() -> None:
    raw = (M.astype("f4").view("u4") >> 16).astype("u2")
    np.save("weights_bf16.npy", raw.view("V2"))
    with Path("weights_named.npy").open("wb") as f:
        header = {"descr": "bfloat16", "fortran_order": False, "shape": M.shape}
        np.lib.format.write_array_header_1_0(f, header)
        f.write(raw.tobytes())


@written
def records() -> None:
    kinds = [(name, "f8") for name in "xyz"]
    np.save("table.npy", np.array([tuple(row) for row in M[:, :3]], dtype=kinds))


@written
def npz_by_hand() -> None:
    A = sparse()
    np.savez("old_csr.npz", data=A.data, indices=A.indices, indptr=A.indptr, shape=A.shape)


@written
def tables_of_text() -> None:
    text = "gene,s1,s2\nA,1.5,2\nB,0.5,4\nC,2.5,1\n"
    Path("genes.csv").write_text(text)
    Path("excel.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    Path("spectra.csv").write_text(text.replace("gene", "wavelength (µm)"), encoding="utf-8")


@written
def others() -> None:
    W = M.astype("<f4")
    Path("classic.nc").write_bytes(b"CDF\x01" + bytes(200))
    about = {"layer.weight": {"dtype": "F32", "shape": [30, 20], "data_offsets": [0, W.nbytes]}}
    header = json.dumps(about).encode()
    Path("model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + W.tobytes())
    with zipfile.ZipFile("model.pt", "w") as z:
        z.writestr("model/data.pkl", b"\x80\x02}q\x00.")
        z.writestr("model/version", "3\n")
    with zipfile.ZipFile("book.xlsx", "w") as z:
        z.writestr("[Content_Types].xml", "<x/>")
        z.writestr("xl/workbook.xml", "<x/>")


@written
def stores() -> None:
    root = zarr.open_group("obs.zarr", mode="w")
    root.create_array("tas", data=M, chunks=(7, 20), dimension_names=("time", "x"))
    root.create_array("time", data=np.arange(30), dimension_names=("time",))
    in_folder(array(zarr_format=2, dtype="f8"), "arr.zarr")(Path(), M)
    shutil.rmtree("torn.zarr", ignore_errors=True)
    shutil.copytree("arr.zarr", "torn.zarr")
    Path("torn.zarr/0.0").write_bytes(b"torn")


@written
def folders() -> None:
    tenx = Path("filtered_feature_bc_matrix")
    tenx.mkdir()
    text = "%%MatrixMarket matrix coordinate integer general\n%\n3 2 3\n1 1 5\n2 1 1\n3 2 7\n"
    for name, content in (("matrix.mtx", text), ("features.tsv", "g1\ta\ng2\tb\ng3\tc\n"),
                          ("barcodes.tsv", "A\nC\n")):  # fmt: skip
        with gzip.open(tenx / f"{name}.gz", "wt") as f:
            f.write(content)


@written
def dialects() -> None:
    Path("one_percent.mtx").write_text(
        "%MatrixMarket matrix coordinate pattern symmetric\n3 3 2\n2 1\n3 2\n"
    )
    entries = "1 1 1.5\n3 2 2.5\n"
    Path("space.mtx").write_text(
        " %%MatrixMarket matrix coordinate real general\n3 3 2\n" + entries
    )
    Path("comment.mtx").write_text(
        "%%MatrixMarket matrix coordinate real general\n3 3 2\n% row column value\n" + entries
    )


@written
def plain() -> None:
    np.save("M.npy", M)
