"""NPZ files, of arrays and of sparse matrices."""

import zipfile

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from contracts.reader_contract import ReaderContract
from matrix_files import forms, sample
from refusals import refusal

from mfact.errors import DataError, StorageError
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


class TestNpz(ReaderContract):
    forms = forms("npz")


class TestSparseNpz(ReaderContract):
    forms = forms("sparse-npz")


class TestRefused:
    def test_several_matrices_are_listed(self, tmp_path):
        np.savez(tmp_path / "M.npz", A=sample(), B=sample("i2"), c=np.ones(3))
        refusal(
            tmp_path / "M.npz", DataError, r"2 matrices.*A \(37×23 float64\), B \(37×23 int16\)"
        )

    def test_a_missing_member(self, tmp_path):
        np.savez(tmp_path / "M.npz", A=sample())
        refusal(f"{tmp_path}/M.npz:/B", DataError, "no member /B.*A .37×23 float64")

    def test_a_changed_byte(self, tmp_path):
        np.savez(tmp_path / "M.npz", A=sample())
        content = bytearray((tmp_path / "M.npz").read_bytes())
        content[1000] ^= 1
        (tmp_path / "M.npz").write_bytes(content)
        refusal(tmp_path / "M.npz", StorageError, "CRC", read=True)

    def test_a_header_that_promises_more_than_its_member_holds(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "M.npz", "w") as file:
            header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000)}"
            start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
            file.writestr("M.npy", start + bytes(64))
        refusal(tmp_path / "M.npz", StorageError, "truncated")

    def test_other_compressions(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "M.npz", "w", zipfile.ZIP_LZMA) as file:
            file.writestr("M.npy", bytes(500))
        refusal(tmp_path / "M.npz", DataError, "zip method 14.*savez_compressed")

    @pytest.mark.parametrize("form", ["bsr", "dia"])
    def test_other_sparse_forms(self, form, tmp_path):
        S = scipy.sparse.csr_array(sample()).asformat(form)
        scipy.sparse.save_npz(tmp_path / "S.npz", S)
        refusal(tmp_path / "S.npz", DataError, rf"form {form}.*\.tocsr\(\)")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (np.zeros((4, 3), "V2"), r"dense \(4×3 bfloat16\)"),
        (np.zeros(9, [("a", "f8"), ("b", "f8")]), r"dense \(9×2 float64\)"),
    ],
)
def test_a_matrix_of_any_kind_beside_a_sparse_one_is_listed(other, words, tmp_path):
    S = scipy.sparse.csr_array(sample())
    arrays = {"data": S.data, "indices": S.indices, "indptr": S.indptr, "shape": S.shape}
    np.savez(tmp_path / "M.npz", **arrays, dense=other)
    refusal(tmp_path / "M.npz", DataError, rf"2 matrices.*data \(37×23 sparse\), {words}")


def test_a_member_by_its_name_in_the_zip(tmp_path):
    np.savez(tmp_path / "M.npz", A=sample(), B=sample() + 1)
    np.testing.assert_array_equal(open_matrix(f"{tmp_path}/M.npz:B.npy").read(), sample() + 1)
