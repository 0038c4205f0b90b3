"""Elements of HDF5 datasets that hold several numbers: arrays, and records."""

import h5py
import numpy as np
import pytest
from contracts.reader_contract import ReaderContract
from hdf5_opened import in_slabs, reader
from matrix_files import Form, write_hdf5
from numpy.lib.recfunctions import structured_to_unstructured
from refusals import refusal
from slabbed import assert_bits_equal, together

from mfact.errors import DataError
from mfact.matrices.hdf5.dense import Meant
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


class TestArraysAsElements:
    def written(self, folder, A, outer, **options):
        kind = np.dtype((A.dtype, A.shape[outer:]))

        def fill(file):
            file.create_dataset("M", A.shape[:outer], kind, **options)[...] = A

        return write_hdf5(folder / "M.h5", fill)

    @pytest.mark.parametrize("kind", ["<f4", ">i2", "V2"])
    @pytest.mark.parametrize("options", [{}, {"chunks": (7,), "compression": "gzip"}])
    def test_one_a_row(self, kind, options, tmp_path):
        M = np.random.default_rng(0).standard_normal((30, 20)).astype("f4")
        words = (M.view("u4") >> 16).astype("u2")
        M = (words.astype("u4") << 16).view("f4")
        stored = words.view("V2") if kind == "V2" else (100 * M).astype(kind)
        truth = M if kind == "V2" else stored
        source = open_matrix(f"{self.written(tmp_path, stored, 1, **options)}:/M")
        assert source.shape == (30, 20)
        assert source.order == ("chunked (7, 20)" if options else "C")
        np.testing.assert_array_equal(source.read(), truth.astype("f8"))
        assert_bits_equal(together(source.slabs(300), 2), truth)

    def test_stacks_of_them(self, tmp_path):
        A = np.random.default_rng(0).standard_normal((5, 7, 6))
        for outer in (1, 2):
            path = self.written(tmp_path, A, outer)
            refusal(f"{path}:/M", DataError, r"is 3-D, of shape \(5, 7, 6\).*M.h5:/M\[0\]")
            points = open_matrix(f"{path}:/M", points=True)
            np.testing.assert_array_equal(points.read(), A.reshape(5, 42))

    def test_a_value_that_is_not_finite(self, tmp_path):
        M = np.ones((30, 20))
        M[21, 17] = np.nan
        path = self.written(tmp_path, M, 1)
        refusal(f"{path}:/M", DataError, "nan, at row 21, column 17 ", read=True)


def _records(M, names=None):
    names = names or [f"c{column}" for column in range(M.shape[1])]
    return np.rec.fromarrays(M.T, [(name, M.dtype) for name in names])


def _recorded(**options):
    return lambda folder, M: (
        write_hdf5(folder / "M.h5", lambda f: f.create_dataset("M", data=_records(M), **options))
        + ":/M"
    )


class TestRecordsAsAnyForm(ReaderContract):
    forms = {  # noqa: RUF012
        "records": Form("hdf5", "C", _recorded()),
        "records in chunks": Form("hdf5", "chunked (8, 23)", _recorded(chunks=(8,), shuffle=True)),
        "arrays": Form(
            "hdf5",
            "C",
            lambda folder, M: TestArraysAsElements().written(folder, M, 1) + ":/M",
        ),
    }


class TestRecords:
    def test_fields_are_columns_and_their_names_those_of_these(self, tmp_path):
        M = np.random.default_rng(0).standard_normal((30, 3))
        path = write_hdf5(
            tmp_path / "t.h5", lambda f: f.update({"t": _records(M, ["x", "y", "ζ"])})
        )
        source = open_matrix(f"{path}:/t")
        assert (source.shape, source.names().rows) == ((30, 3), None)
        assert source.names().columns == ("x", "y", "ζ")
        assert source.notes == (f"{path}:/t: records, read as the columns x, y, ζ",)
        np.testing.assert_array_equal(source.read(), M)
        assert_bits_equal(together(source.slabs(100)), M)

    def test_aligned_ones_with_padding(self, tmp_path):
        kind = np.dtype({"names": ["a", "b"], "formats": ["<i2", "<i2"], "offsets": [0, 8]})
        R = np.zeros(9, kind)
        R["a"], R["b"] = np.arange(9), -np.arange(9)
        path = write_hdf5(tmp_path / "t.h5", lambda f: f.update({"t": R}))
        np.testing.assert_array_equal(
            open_matrix(f"{path}:/t").read(), structured_to_unstructured(R)
        )

    def test_one_field_of_them(self, tmp_path):
        B = np.random.default_rng(0).standard_normal((30, 6))
        R = np.zeros(30, [("index", "i8"), ("values_block_0", "f8", (6,)), ("z", "S4")])
        R["values_block_0"] = B
        path = write_hdf5(tmp_path / "t.h5", lambda f: f.update({"table": R}))
        meant = Meant(field="values_block_0")
        found = reader(path, "table", meant)
        assert (found.layout.matrix_shape, found.layout.naming) == ((30, 6), None)
        np.testing.assert_array_equal(found.read(np.dtype("f8")), B)
        assert_bits_equal(together(in_slabs(path, "table", meant, 200)), B)
        with pytest.raises(DataError, match="is 1-D"):
            reader(path, "table", Meant(field="index"))
        with pytest.raises(DataError, match="has no field x: name another; it has index, values"):
            reader(path, "table", Meant(field="x"))
        with pytest.raises(DataError, match="/table: its field z holds strings"):
            reader(path, "table", Meant(field="z"))

    def test_a_matrix_of_records_of_one_number(self, tmp_path):
        M = np.arange(12.0).reshape(4, 3)
        R = M.view([("x", "f8")]).reshape(4, 3)
        path = write_hdf5(tmp_path / "t.h5", lambda f: f.update({"t": R}))
        np.testing.assert_array_equal(open_matrix(f"{path}:/t").read(), M)

    @pytest.mark.parametrize(
        ("kind", "held_", "way_out"),
        [
            ([("a", "f8"), ("b", "f4")], "a: float64, b: float32", "(M)"),
            ([("a", "f8"), ("b", "f8", (3,))], "a: float64, b: 3 float64", "(M)"),
            ([("a", "f8"), ("b", [("c", "f8")])], "a: float64, b: records", "(M)"),
            ([("a", "f8"), ("b", "S3"), ("c", "i4")], "b: no number", "(M[['a', 'c']])"),
        ],
    )
    def test_mixed_ones_are_refused_with_a_way_out_that_works(self, kind, held_, way_out, tmp_path):
        R = np.zeros(9, kind)
        R["a"] = np.arange(9)
        path = write_hdf5(tmp_path / "t.h5", lambda f: f.update({"t": R}))
        error = refusal(f"{path}:/t", DataError, "structured records of several kinds")
        assert held_ in error.sentence
        expression = error.way_out.removeprefix("save numpy.lib.recfunctions.")
        assert expression == f"structured_to_unstructured{way_out}"
        with h5py.File(path) as file:
            matrix = eval(expression, {**globals(), "M": file["t"][:]})
        np.save(tmp_path / "M.npy", matrix)
        np.testing.assert_array_equal(open_matrix(str(tmp_path / "M.npy")).read()[:, 0], R["a"])

    def test_records_without_a_number(self, tmp_path):
        path = write_hdf5(tmp_path / "t.h5", lambda f: f.update({"t": np.zeros(3, [("a", "S3")])}))
        refusal(f"{path}:/t", DataError, "structured records without numbers")
