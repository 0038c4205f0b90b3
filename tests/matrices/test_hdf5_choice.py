"""Which dataset of an HDF5 file is taken, and which part of it."""

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
from hdf5_by_writers import write
from matrix_files import sample, write_compressed
from refusals import refusal

from mfact.errors import DataError, SettingsError, StorageError
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


class TestNetcdf:
    def test_what_only_tells_of_the_data_is_left_out(self, tmp_path):
        def fill(file):
            for name, length in (("time", 24), ("y", 5), ("x", 7)):
                file[name] = np.arange(float(length))
                file[name].make_scale(name)
            file["time"].attrs["bounds"], file["time_bnds"] = "time_bnds", np.ones((24, 2))
            file["lat"], file["lon"], file["crs"] = np.ones((5, 7)), np.ones((5, 7)), 1
            file["tas"] = sample(shape=(5, 7))
            file["tas"].attrs["coordinates"] = "lat lon"
            file["tas"].attrs["cell_measures"] = "area: cells"
            file["cells"] = np.ones((5, 7))

        source = open_matrix(write(tmp_path, fill))
        assert (source.dataset, source.notes) == ("/tas", ())
        assert open_matrix(f"{source.path}:/time_bnds").shape == (24, 2)

    def test_a_stack_is_not_passed_over_for_its_bounds(self, tmp_path):
        def fill(file):
            file["time_bnds"], file["tas"] = np.ones((24, 2)), np.ones((24, 5, 7))

        refusal(
            write(tmp_path, fill), DataError, r"/tas \(24×5×7 float64\), which is larger.*/tas\[0\]"
        )

    @pytest.mark.parametrize("mark", ["file", "dataset"])
    def test_its_default_fill_is_missing(self, mark, tmp_path):
        M = sample("f4")
        M[3, 4] = 9.969209968386869e36

        def fill(file):
            file["M"] = M
            (file if mark == "file" else file["M"]).attrs[
                "_NCProperties" if mark == "file" else "_Netcdf4Dimid"
            ] = "version=2"

        refusal(write(tmp_path, fill), DataError, "missing, .* at row 3, column 4", read=True)


class TestNexus:
    def fill(self, file, shape):
        file.attrs["default"], file["entry/noise"] = "entry", np.ones((90, 80))
        file["entry/data/counts"] = np.ones(shape)
        file["entry"].attrs["default"], file["entry/data"].attrs["signal"] = "data", "counts"

    def test_its_signal(self, tmp_path):
        source = open_matrix(write(tmp_path, lambda f: self.fill(f, (30, 20))))
        assert source.dataset == "/entry/data/counts"
        assert "took /entry/data/counts, which NeXus names as its signal" in source.notes[0]

    def test_a_signal_that_is_no_matrix(self, tmp_path):
        spec = write(tmp_path, lambda f: self.fill(f, (9, 30, 40)))
        refusal(spec, DataError, "/entry/noise .* beside /entry/data/counts .*, which is larger")


class TestParts:
    @pytest.fixture
    def spec(self, tmp_path):
        self.stack = np.random.default_rng(5).standard_normal((4, 5, 6))

        def fill(file):
            file["s"], file["M"], file["M[0]"] = self.stack, sample(), np.ones((2, 3))
            write_compressed(file.create_group("S"), sample(), "CSR")
            file["S"].attrs["encoding-type"], file["S"].attrs["shape"] = "csr_matrix", [37, 23]

        return write(tmp_path, fill)

    @pytest.mark.parametrize("part", ["[2]", "[2,:,:]", "[-2]", "[:,1]", "[:,:,3]"])
    def test_a_slice(self, part, spec):
        index = eval(f"numpy.s_{part}", {"numpy": np})
        source = open_matrix(f"{spec}:/s{part}")
        np.testing.assert_array_equal(source.read(), self.stack[index])
        assert source.dataset == f"/s{part}"

    def test_folded(self, spec):
        np.testing.assert_array_equal(
            open_matrix(f"{spec}:/s[fold]").read(), self.stack.reshape(4, 30)
        )

    def test_the_literal_name_wins(self, spec):
        assert open_matrix(f"{spec}:/M[0]").shape == (2, 3)

    @pytest.mark.parametrize(
        "part",
        ["s[4]", "s[0,0]", "s[0,0,0,0]", "s[csr]", "M[1]", "M[fold]", "M[csc]", "S[0]", "S[fold]",
         "s[x]", "no[0]", "s"],
    )  # fmt: skip
    def test_a_bad_part_is_one_line(self, part, spec):
        refusal(f"{spec}:/{part}", (DataError, SettingsError), "/(s|M|S|no)")


def test_a_missing_name_is_guessed_and_a_group_lists_what_it_holds(tmp_path):
    def fill(file):
        file["layers/counts"], file["other/counts2"] = sample(), sample()

    spec = write(tmp_path, fill)
    error = refusal(f"{spec}:/counts", DataError, "counts is not there")
    assert error.way_out.startswith("name another dataset, perhaps /layers/counts;")
    error = refusal(f"{spec}:/layers", DataError, "is a group, not a matrix")
    assert error.way_out.endswith("it holds /layers/counts (37×23 float64)")


def test_a_null_dataset(tmp_path):
    spec = write(tmp_path, lambda f: f.update({"n": h5py.Empty("f8"), "M": sample()}))
    assert open_matrix(spec).dataset == "/M"
    refusal(f"{spec}:/n", DataError, r"null dataset.*holds /M \(37×23 float64\)")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.zeros((3, 4), "c8"), "complex"),
        (np.zeros((3, 4), [("real", "f8"), ("imag", "f8")]), "complex"),
        (np.zeros(9, [("a", "f8"), ("s", "S3")]), "records"),
    ],
)
def test_the_only_thing_in_a_file_is_refused_for_what_it_is(value, words, tmp_path):
    refusal(write(tmp_path, lambda f: f.update({"M": value})), DataError, words)


@pytest.mark.slow
def test_a_file_that_its_writer_has_not_closed(tmp_path):
    code = """if True:
        import h5py, numpy, os
        file = h5py.File("f.h5", "w", libver="latest")
        file["X"] = numpy.ones((30, 20))
        file.flush()
        os._exit(9)
    """
    environment = os.environ | {"HDF5_USE_FILE_LOCKING": "FALSE"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=False)
    error = refusal(tmp_path / "f.h5", StorageError, "its writer has not closed it: wait for")
    assert error.way_out.endswith(f"h5clear -s {tmp_path / 'f.h5'}")


def test_odd_attributes_and_groups_are_passed_over(tmp_path):
    """Names that writers use, of other kinds than they have."""

    def fill(file):
        file["M"] = sample()
        file["M"].attrs["bounds"], file["M"].attrs["CLASS"] = np.ones(3), h5py.Empty("S1")
        file["M"].attrs["coordinates"] = ["a", "b"]
        file.attrs["default"], file.attrs["encoding-type"] = 3, np.array(["x", "y"], object)
        file["g"] = np.dtype("f8")  # a named type
        for name, mark in (("o", "OCTAVE_NEW_FORMAT"), ("p", "OCTAVE_NEW_FORMAT")):
            file.create_group(name).attrs[mark] = 1
        file["o/type"], file["p/type"], file["p/value"] = np.ones((2, 2)), np.bytes_("x" * 99), 1
        file.create_group("q").attrs["pandas_type"] = np.bytes_("frame")
        file["q/axis0"], file["q/table"] = h5py.Empty("f8"), h5py.Empty("f8")

    spec = write(tmp_path, fill)
    assert open_matrix(spec).dataset == "/M"
    for name in ("o", "p", "q", "g"):
        refusal(f"{spec}:/{name}", DataError, "Octave|pandas|group")
