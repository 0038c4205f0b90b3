"""Sparse matrices kept by hand in HDF5 groups and NPZ files, as people and tools lay them."""

import numpy as np
import pytest
from contracts.reader_contract import ReaderContract
from hypothesis import given
from hypothesis import strategies as st
from matrix_files import NATIVE, Form, write_compressed, write_hdf5
from refusals import refusal
from sparse_by_hand import ARRAYS, IN_NPZ, compressed, h5seurat, npz_among_others, of_r

from mfact.errors import DataError
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


def _npz(arrays):
    def write(folder, M):
        np.savez(folder / "S.npz", **arrays(M))
        return str(folder / "S.npz")

    return write


def _group(arrays, attributes=()):
    def write(folder, M):
        def fill(file):
            group = file.create_group("a/X")
            for name, value in arrays(M).items():
                if name in attributes:
                    group.attrs[name] = value
                else:
                    group[name] = value

        return write_hdf5(folder / "S.h5", fill)

    return write


def _tenx_2(folder, M):
    def fill(file):
        group = file.create_group("GRCh38")
        write_compressed(group, M, "CSC")
        group["shape"] = np.array(M.shape)
        group["genes"] = group["gene_names"] = np.array([b"ENSG"] * M.shape[0])
        group["barcodes"] = np.array([b"AAAC-1"] * M.shape[1])

    return write_hdf5(folder / "S.h5", fill)


def _forms(format, write, arrays):
    return {
        name: Form(format, order, write(make), NATIVE, True)
        for name, (order, make) in arrays.items()
    }


class TestNpz(ReaderContract):
    forms = _forms("sparse-npz", _npz, ARRAYS | IN_NPZ) | {
        "one of several": Form("sparse-npz", "CSR", npz_among_others, NATIVE, True)
    }


class TestHdf5(ReaderContract):
    forms = _forms("hdf5", _group, ARRAYS) | {
        "shape as attribute": Form(
            "hdf5", "CSR", _group(ARRAYS["csr"][1], ("shape",)), NATIVE, True
        ),
        "slots of R, Dim as attribute": Form("hdf5", "CSC", _group(of_r, ("Dim",)), NATIVE, True),
        "h5seurat": Form("hdf5", "CSC", h5seurat, NATIVE, True),
        "10x of version 2": Form("10x", "CSC", _tenx_2, NATIVE, True),
    }


@pytest.mark.slow
@given(
    data=st.data(),
    d1=st.integers(1, 9),
    d2=st.integers(1, 9),
    major=st.sampled_from(["CSR", "CSC"]),
)
def test_pointers_tell_unless_square(data, d1, d2, major, tmp_path_factory):
    """Whatever the shape: the matrix that was written, or the question which one was."""
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    M = rng.integers(1, 9, (d1, d2)) * (rng.random((d1, d2)) < 0.5)
    folder = tmp_path_factory.mktemp("S")
    arrays = {**compressed(M, major), "shape": M.shape}
    np.savez(folder / "S.npz", **arrays)
    write_hdf5(folder / "S.h5", lambda file: file.create_group("X").update(arrays))
    if d1 == d2 > 1:
        for spec, typed in ((folder / "S.npz", "S.npz:"), (folder / "S.h5", "S.h5:/X")):
            message = str(refusal(spec, DataError, "is square"))
            assert f"{typed}[csr] or " in message
            assert message.endswith(f"{typed}[csc]")
        source = open_matrix(str(folder / "S.npz"), dataset=f"[{major.lower()}]")
        np.testing.assert_array_equal(source.read().toarray(), M)
        return
    for spec in (folder / "S.npz", folder / "S.h5"):
        source = open_matrix(str(spec))
        np.testing.assert_array_equal(source.read().toarray(), M)
        if d1 > 1 or d2 > 1:
            assert f"read as {major}, by its {len(arrays['indptr'])} pointers" in source.notes[0]
