"""Arrays that are no matrix, in every file that can hold them."""

import numpy as np
import pytest
from matrix_files import write_hdf5
from refusals import refusal

from mfact.errors import DataError

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


ARRAYS = {
    "complex": (np.ones((2, 2), complex), "complex numbers"),
    "strings": (np.array([["a", "b"]]), "strings"),
    "bytes": (np.array([[b"a", b"b"]]), "strings"),
    "records": (np.zeros((2, 2), [("x", "f8"), ("y", "i4")]), "structured records"),
    "dates": (np.zeros((2, 2), "M8[s]"), "dates"),
    "long doubles": (np.ones((2, 2), np.longdouble), "convert them to float64"),
    "1-D": (np.ones(3), "is 1-D"),
    "3-D": (np.ones((2, 2, 2)), "is 3-D"),
    "0-D": (np.array(1.0), "is 0-D"),
    "no rows": (np.ones((0, 3)), "is empty, of shape 0×3"),
    "no columns": (np.ones((3, 0)), "is empty, of shape 3×0"),
}


class TestArrays:
    @pytest.mark.parametrize("name", ARRAYS)
    def test_npy_and_npz(self, name, tmp_path):
        array, pattern = ARRAYS[name]
        np.save(tmp_path / "M.npy", array)
        refusal(tmp_path / "M.npy", DataError, pattern)
        np.savez(tmp_path / "M.npz", M=array)
        refusal(tmp_path / "M.npz", DataError, pattern)

    @pytest.mark.parametrize(
        "name", [name for name in ARRAYS if name not in ("dates", "strings")]
    )  # which h5py cannot write
    def test_hdf5(self, name, tmp_path):
        array, pattern = ARRAYS[name]
        spec = write_hdf5(tmp_path / "M.h5", lambda f: f.update({"M": array}))
        refusal(f"{spec}:/M", DataError, pattern)
        refusal(spec, DataError, f"/M holds .*{pattern}|holds no 2-D numeric dataset.*/M")
