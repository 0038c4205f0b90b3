"""Variables that Octave saves in HDF5."""

import os

import h5py
import numpy as np
import pytest
import scipy.sparse
from hdf5_by_writers import octave, write
from matrix_files import sample
from refusals import refusal

from mfact.errors import DataError
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


class TestOctave:
    def test_a_workspace(self, tmp_path):
        M = sample()

        def fill(file):
            octave(file, "X", "matrix", M)
            octave(file, "fs", "scalar", 250.0)
            octave(file, "name", "sq_string", np.zeros((1, 40), "i1"))
            octave(file, "page", "string", np.zeros((90, 80), "i1"))
            octave(file, "t", "matrix", np.zeros((1, 50)))
            octave(file, "none", "matrix", np.zeros(2, "i8")).attrs["OCTAVE_EMPTY_MATRIX"] = 1

        source = open_matrix(write(tmp_path, fill))
        np.testing.assert_array_equal(source.read(), M)
        assert (source.dataset, source.order) == ("/X", "F")
        assert source.notes == (
            f"{source.path}:/X: Octave lists lengths reversed, so M is 37×23, as size() says there",
        )

    @pytest.mark.parametrize(
        ("kind", "dtype"),
        [
            ("float matrix", "f4"),
            ("int8 matrix", "i1"),
            ("uint64 matrix", "u8"),
            ("bool matrix", "u1"),
        ],
    )
    def test_kinds_of_matrices(self, kind, dtype, tmp_path):
        M = np.arange(12).reshape(4, 3).astype(dtype)
        source = open_matrix(write(tmp_path, lambda f: octave(f, "M", kind, M)))
        np.testing.assert_array_equal(source.read(), M)

    def test_its_value_and_a_field_of_a_struct_are_the_same_matrix(self, tmp_path):
        def fill(file):
            group = octave(file, "s", "scalar struct", 0.0, where="x")
            del group["x"]
            octave(group.create_group("value"), "X", "matrix", sample())

        spec = write(tmp_path, fill)
        for name in ("/s/value/X", "/s/value/X/value"):
            assert open_matrix(f"{spec}:{name}").shape == (37, 23)
        assert open_matrix(spec).dataset == "/s/value/X"

    @pytest.mark.parametrize(
        ("kind", "value", "words"),
        [
            ("complex matrix", np.zeros((3, 4), [("real", "f8"), ("imag", "f8")]), "complex"),
            ("string", np.zeros((3, 4), "i1"), "is a string of Octave"),
            ("range", 1.0, "is a range of Octave"),
            ("a\nmatrix", 1.0, r"is a a\\nmatrix of Octave"),
        ],
    )
    def test_what_is_no_matrix_of_numbers(self, kind, value, words, tmp_path):
        spec = write(tmp_path, lambda f: octave(f, "M", kind, value))
        refusal(f"{spec}:/M", DataError, words)

    def test_an_empty_and_a_sparse_one(self, tmp_path):
        def fill(file):
            octave(file, "none", "matrix", np.zeros(2, "i8")).attrs["OCTAVE_EMPTY_MATRIX"] = 1
            group = octave(file, "S", "sparse matrix", 0.0, where="x")
            del group["x"]
            S = scipy.sparse.csc_array(sample())
            group["value/nr"], group["value/nc"], group["value/nz"] = *S.shape, S.nnz
            group["value/cidx"] = S.indptr[:, None]
            group["value/ridx"], group["value/data"] = S.indices[:, None], S.data[:, None]

        spec = write(tmp_path, fill)
        refusal(f"{spec}:/none", DataError, "an empty matrix of Octave")
        refusal(spec, DataError, r"/S is a sparse matrix of Octave: save full\(X\)")

    def test_links_in_a_variable_are_not_followed(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")

        def fill(file):
            group = file.create_group("X")
            group.attrs["OCTAVE_NEW_FORMAT"] = np.uint8(1)
            group["type"] = np.bytes_("matrix")
            group["value"] = h5py.ExternalLink(str(tmp_path / "pipe"), "/M")

        refusal(write(tmp_path, fill), DataError, "of Octave|no 2-D numeric")
