"""HDF5 files by their writers: which dataset is meant, and as what."""

import h5py
import numpy as np
import pytest
from contracts.reader_contract import ReaderContract
from hdf5_by_writers import fixed_frame, julia, loom, octave, seurat, table_frame, write
from hypothesis import given
from hypothesis import strategies as st
from matrix_files import KINDS, Form, sample
from refusals import refusal

from mfact.errors import DataError
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


def stack(file, M):
    both = np.stack([np.ones_like(M), M])
    file.create_dataset("s", data=both, dtype=M.dtype)


def _form(order, fill, kinds=KINDS):
    return Form("hdf5", order, lambda folder, M: write(folder, lambda f: fill(f, M)), kinds)


class TestWriters(ReaderContract):
    forms = {  # noqa: RUF012  # as others have it
        "octave": _form("F", lambda f, M: octave(f, "M", "matrix", M)),
        "julia": Form(
            "hdf5", "F",
            lambda folder, M: julia(folder / "M.jld2", lambda f: f.update({"M": M.T.copy()})),
            KINDS,
        ),
        "pandas fixed": _form("C", fixed_frame),
        "pandas table": _form("C", table_frame),
        "loom": _form("chunked (10, 23)", loom),
        "h5seurat dense": _form("F", seurat),
        "slice of a stack": Form(
            "hdf5", "C",
            lambda folder, M: write(folder, lambda f: stack(f, M)) + ":/s[1]",
            KINDS,
        ),
    }  # fmt: skip


class TestJulia:
    MARKS = (
        b"Julia data file (HDF5), version 0.1.3\0",
        b"HDF5-based Julia Data Format, version 0.2.0\0",
    )

    @pytest.mark.parametrize("mark", MARKS)
    def test_lengths_as_julia_has_them(self, mark, tmp_path):
        def fill(file):
            file["A"], file["stack"] = np.ones((20, 30)), np.ones((4, 3, 2))
            file["_refs/1"], file["_types/1"] = np.ones((7, 8)), np.ones((7, 8))

        source = open_matrix(julia(tmp_path / "f.jld", fill, mark))
        assert (source.dataset, source.shape) == ("/A", (30, 20))
        took, note = source.notes
        assert "took /A (30×20 float64), not /stack (2×3×4 float64)" in took
        assert "Julia lists lengths reversed, so M is 30×20" in note

    def test_several_are_listed_reversed(self, tmp_path):
        spec = julia(
            tmp_path / "f.jld2", lambda f: f.update({"A": np.ones((2, 3)), "B": [[1.0, 2]]})
        )
        refusal(spec, DataError, r"/A \(3×2 float64\), /B \(2×1 float64\)")

    def test_without_its_mark_nothing_is_said(self, tmp_path):
        source = open_matrix(write(tmp_path, lambda f: f.update({"A": np.ones((20, 30))})))
        assert (source.shape, source.notes) == ((20, 30), ())


def test_r_is_known_by_its_mark_and_turned_when_asked(tmp_path):
    M = sample()

    def fill(file):
        file["counts"] = M.T.copy()
        file["counts"].attrs["rhdf5-NA.OK"] = np.int32(1)

    spec = write(tmp_path, fill)
    source = open_matrix(spec)
    assert source.shape == (23, 37)
    (note,) = source.notes
    assert "R wrote it and lists lengths reversed: 37×23 there, which --transpose gives" in note
    np.testing.assert_array_equal(open_matrix(spec, transpose=True).read(), M)


class TestMatlab:
    def test_a_workspace(self, tmp_path):
        def put(file, name, value, kind):
            file[name] = np.ascontiguousarray(np.asarray(value).T)
            file[name].attrs["MATLAB_class"] = np.bytes_(kind)

        def fill(file):
            put(file, "X", sample(), "double")
            put(file, "fs", [[250.0]], "double")
            put(file, "name", np.ones((1, 4), "u2"), "char")
            put(file, "page", np.ones((90, 80), "u2"), "char")
            put(file, "t", np.ones((1, 37)), "double")
            file["none"] = np.zeros((60, 70), "u8")
            file["none"].attrs["MATLAB_class"] = np.bytes_("double")
            file["none"].attrs["MATLAB_empty"] = np.uint8(1)

        spec = write(tmp_path, fill)
        source = open_matrix(spec)
        np.testing.assert_array_equal(source.read(), sample())
        assert (source.format, source.dataset, source.notes) == ("matlab", "/X", ())
        with h5py.File(spec, "r+") as file:
            put(file, "Y", np.ones((5, 6, 7)), "single")
            put(file, "Z", np.ones((5, 6)), "single")
        error = refusal(spec, DataError, "holds 2 matrices")
        assert "/X (37×23 float64), /Z (5×6 float64)" in error.way_out

    def test_vectors_alone(self, tmp_path):
        def fill(file):
            file["t"] = np.ones((50, 1))
            file["t"].attrs["MATLAB_class"] = np.bytes_("double")

        assert open_matrix(write(tmp_path, fill)).shape == (1, 50)


@given(
    shape=st.tuples(st.integers(2, 9), st.integers(2, 9)),
    writer=st.sampled_from(["octave", "pandas", "julia", "seurat", "matlab"]),
)
def test_any_shape_comes_as_it_was_written(tmp_path_factory, shape, writer):
    M = np.random.default_rng(shape).standard_normal(shape)
    folder = tmp_path_factory.mktemp("shapes")

    def matlab(file):
        file.create_dataset("M", data=M.T).attrs["MATLAB_class"] = np.bytes_("double")

    fills = {"octave": lambda f: octave(f, "M", "matrix", M), "pandas": lambda f: fixed_frame(f, M),
             "seurat": lambda f: seurat(f, M), "matlab": matlab}  # fmt: skip
    if writer == "julia":
        spec = julia(folder / "f.jld2", lambda f: f.update({"M": M.T.copy()}))
    else:
        spec = write(folder, fills[writer])
    np.testing.assert_array_equal(open_matrix(spec).read(), M)
