"""Frames of pandas in HDF5."""

import h5py
import numpy as np
import pytest
from hdf5_by_writers import fixed_frame, table_frame, write
from matrix_files import sample
from refusals import refusal

from mfact.core import Names
from mfact.errors import DataError
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


class TestPandas:
    def test_the_names_of_a_fixed_frame(self, tmp_path):
        M = sample(shape=(3, 2))
        columns = np.array(["α", "b"])
        source = open_matrix(write(tmp_path, lambda f: fixed_frame(f, M, columns)))
        assert source.dataset == "/df"
        assert "took the numbers of a pandas frame, block0_values" in source.notes[0]
        assert source.names() == Names(("0", "1", "2"), ("α", "b"))
        turned = open_matrix(f"{source.path}:/df", transpose=True)
        assert turned.names() == Names(("α", "b"), ("0", "1", "2"))

    def test_dates_are_no_numbers_and_no_names(self, tmp_path):
        def fill(file):
            group = fixed_frame(file, np.ones((3, 2), "i8"))
            group["axis1"].attrs["kind"] = np.bytes_("datetime64[ns]")

        spec = write(tmp_path, fill)
        assert open_matrix(spec).names() == Names(None, ("0", "1"))
        with h5py.File(spec, "r+") as file:
            file["df/block0_values"].attrs["value_type"] = np.bytes_("datetime64[ns]")
        refusal(spec, DataError, "/df is a pandas frame without numbers")

    def test_a_block_as_pandas_holds_it_is_turned(self, tmp_path):
        M = sample(shape=(4, 3))

        def fill(file):
            group = fixed_frame(file, M)
            del group["block0_values"]
            group["block0_values"] = M.T.copy()
            group["block0_values"].attrs["transposed"] = np.int64(0)

        np.testing.assert_array_equal(open_matrix(write(tmp_path, fill)).read(), M)

    def test_several_blocks(self, tmp_path):
        def fill(file):
            group = fixed_frame(file, np.ones((40, 6)), np.array(list("abcdefn")))
            group.attrs["nblocks"] = np.int64(2)
            group["block1_values"] = np.arange(40)[:, None]

        spec = write(tmp_path, fill)
        error = refusal(spec, DataError, "/df is a pandas frame of 7 columns in 2 blocks")
        assert f"pandas.read_hdf({spec!r}, '/df').to_numpy()" in error.way_out
        assert open_matrix(f"{spec}:/df/block0_values").shape == (40, 6)  # who asks gets it
        with h5py.File(spec, "r+") as file:
            del file["df/block1_values"]
            file["df/block1_values"] = np.zeros((40, 1), "u1")
        refusal(spec, DataError, r'\.select_dtypes\("number"\)\.to_numpy')

    def test_what_pandas_gives_for_several_blocks_is_taken(self, tmp_path):
        """The way out, of the same frame in memory."""
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame({"n": [1, 2, 3], "a": [0.5, 1.5, 2.5], "s": list("xyz")})
        np.save(tmp_path / "M.npy", frame.select_dtypes("number").to_numpy())
        M = open_matrix(str(tmp_path / "M.npy")).read()
        np.testing.assert_array_equal(M, [[1, 0.5], [2, 1.5], [3, 2.5]])

    def test_a_table_by_its_name_and_that_of_its_records(self, tmp_path):
        M = sample()
        spec = write(tmp_path, lambda f: table_frame(f, M))
        for name in ("", ":/df", ":/df/table"):
            source = open_matrix(spec + name)
            np.testing.assert_array_equal(source.read(), M)
            assert "took the numbers of a pandas table, values_block_0" in source.notes[0]

    def test_a_table_of_several_blocks(self, tmp_path):
        spec = write(tmp_path, lambda f: table_frame(f, np.ones((40, 6)), a=np.zeros(40)))
        for name in ("", ":/df", ":/df/table"):
            refusal(
                spec + name, DataError, r"a pandas frame of 7 columns in 2 blocks.*to_numpy\(\)"
            )

    def test_series_and_an_empty_frame(self, tmp_path):
        def fill(file):
            file["s/values"], file["t/table"] = (
                np.ones(9),
                np.zeros(9, [("index", "i8"), ("a", "f8")]),
            )
            file["s"].attrs["pandas_type"] = np.bytes_("series")
            file["t"].attrs["pandas_type"] = np.bytes_("series_table")
            group = fixed_frame(file, np.zeros((1, 1)), key="e")
            group["block0_values"].attrs["value_type"] = np.bytes_("float64")
            group["block0_values"].attrs["shape"] = np.bytes_("(I3\nI0\ntp0\n.")

        spec = write(tmp_path, fill)
        refusal(f"{spec}:/s", DataError, "1-D")
        refusal(f"{spec}:/t", DataError, "a pandas series, which is 1-D")
        refusal(f"{spec}:/e", DataError, "an empty pandas frame")
        assert open_matrix(f"{spec}:/s", points=True).shape == (9, 1)
