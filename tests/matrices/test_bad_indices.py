"""Indices of sparse matrices that lead nowhere."""

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from matrix_files import write_hdf5
from refusals import refusal

from mfact.errors import DataError

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


BAD_INDICES = {
    "index too large": ({"indices": [0, 3]}, "index 3 in entry 1, outside 0 … 2"),
    "index negative": ({"indices": [-1, 1]}, "index -1 in entry 0"),
    "indices not whole": ({"indices": [0.0, 1.0]}, "integers"),
    "too few indices": ({"indices": [0]}, "1 indices for 2 values"),
    "too few pointers": ({"indptr": [0, 2]}, "2 pointers and needs"),
    "pointers not from zero": ({"indptr": [1, 1, 2, 2]}, "do not run from 0"),
    "pointers past the end": ({"indptr": [0, 1, 2, 9]}, "do not run from 0 to 2"),
    "pointers decrease": ({"indptr": [0, 2, 1, 2]}, "decrease after entry 1"),
}


class TestSparse:
    @pytest.mark.parametrize("major", ["csr", "csc"])
    @pytest.mark.parametrize("name", BAD_INDICES)
    def test_bad_indices(self, name, major, tmp_path):
        change, pattern = BAD_INDICES[name]
        good = {"data": [1.0, 2.0], "indices": [0, 1], "indptr": [0, 1, 2, 2]}
        arrays = {key: np.array(value) for key, value in {**good, **change}.items()}
        np.savez(tmp_path / "S.npz", format=np.bytes_(major), shape=np.array([3, 3]), **arrays)
        refusal(tmp_path / "S.npz", DataError, pattern, read=True)

        def fill(file):
            file.attrs["encoding-type"] = f"{major}_matrix"
            file.attrs["shape"] = np.array([3, 3])
            file.update(arrays)

        refusal(write_hdf5(tmp_path / "S.h5", fill), DataError, pattern, read=True)

    @pytest.mark.parametrize("axis", ["row", "col"])
    def test_bad_coordinates(self, axis, tmp_path):
        good = {"row": np.array([0, 1]), "col": np.array([0, 1])}
        np.savez(
            tmp_path / "S.npz",
            format=np.bytes_("coo"),
            shape=np.array([3, 3]),
            data=np.ones(2),
            **{**good, axis: np.array([0, 7])},
        )
        refusal(tmp_path / "S.npz", DataError, "index 7 in entry 1, outside 0 … 2", read=True)

    def test_a_sum_of_duplicates_that_overflows(self, tmp_path):
        S = scipy.sparse.coo_array(([1e308, 1e308], ([1, 1], [2, 2])), shape=(3, 4))
        scipy.sparse.save_npz(tmp_path / "S.npz", S)
        refusal(tmp_path / "S.npz", DataError, "at row 1, column 2", read=True)
