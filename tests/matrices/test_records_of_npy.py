"""Records of NPY and NPZ files: those of one kind of number are rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matrix_files import sample
from refusals import refusal
from slabbed import together
from ways_out import saved_by

from mfact.core import Names
from mfact.errors import DataError
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here


def records(M, names=None, kind="f8"):
    names = names or [f"c{k}" for k in range(M.shape[1])]
    return np.array([tuple(row) for row in M], dtype=[(name, kind) for name in names])


class TestRecords:
    @pytest.mark.parametrize("kind", ["f8", ">f4", "i2", "u1", "?"])
    def test_records_of_one_kind_are_rows(self, kind, tmp_path):
        M = sample("?", (9, 3)) if kind == "?" else sample(kind, (9, 3))
        np.save(tmp_path / "M.npy", records(M, ["x", "y", "z"], kind))
        source = open_matrix(str(tmp_path / "M.npy"))
        assert (source.shape, source.stored_dtype) == ((9, 3), np.dtype(kind).str)
        assert source.names() == Names(columns=("x", "y", "z"))
        assert source.notes[0].endswith("M.npy: the 3 numbers of a record are taken for columns")
        np.testing.assert_array_equal(source.read(), M)
        np.testing.assert_array_equal(together(source.slabs(30)), M)

    def test_what_genfromtxt_makes_of_a_table_with_names(self, tmp_path):
        table = np.genfromtxt(["a b", "1 2.5", "3 4"], names=True)
        np.savez(tmp_path / "M.npz", table=table, labels=np.array(["r", "s"]))
        source = open_matrix(str(tmp_path / "M.npz"))
        assert (source.dataset, source.names()) == ("table", Names(columns=("a", "b")))
        np.testing.assert_array_equal(source.read(), [[1, 2.5], [3, 4]])
        assert open_matrix(str(tmp_path / "M.npz"), transpose=True).names().rows == ("a", "b")

    def test_what_pandas_makes_of_a_table(self, tmp_path):
        frame = pd.DataFrame({"a": [1.0, 2], "é": [3.0, 4]})
        np.save(tmp_path / "M.npy", frame.to_records(index=False))
        source = open_matrix(str(tmp_path / "M.npy"))
        assert source.names() == Names(columns=("a", "é"))
        np.testing.assert_array_equal(source.read(), frame.to_numpy())
        for table in (frame, frame.astype(int)):
            np.save(tmp_path / "I.npy", table.to_records())
            error = refusal(tmp_path / "I.npy", DataError, "structured records .*index")
            (tmp_path / "M.npy").unlink()
            np.testing.assert_array_equal(saved_by(error.way_out, tmp_path), frame)

    def test_fields_of_several_numbers_and_records_in_records(self, tmp_path):
        point = [("x", "f4"), ("y", "f4")]
        table = np.zeros(5, [("p", point), ("m", "f4", (2, 2)), ("v", "f4", 1)])
        table["p"]["x"], table["m"][:, 1, 0], table["v"] = 1, np.arange(5), [[7]] * 5
        np.save(tmp_path / "M.npy", table)
        source = open_matrix(str(tmp_path / "M.npy"))
        columns = ("p.x", "p.y", "m[0,0]", "m[0,1]", "m[1,0]", "m[1,1]", "v[0]")
        assert source.names().columns == columns
        from numpy.lib.recfunctions import structured_to_unstructured

        np.testing.assert_array_equal(source.read(), structured_to_unstructured(table))

    @pytest.mark.parametrize(
        "dtype",
        [
            [("x", "f8"), ("y", "f4")],
            [("x", "<f8"), ("y", ">f8")],
            [("name", "U4"), ("x", "f8"), ("y", "i4")],
            [("id", "O"), ("x", "f8"), ("y", "f8")],
            [("name", "S3"), *((f"c{k}", "f4") for k in range(9))],
            {"names": ["x", "y"], "formats": ["f4", "f4"], "offsets": [0, 8], "itemsize": 12},
            {"names": ["x", "y"], "formats": ["f4", "f4"], "itemsize": 16},
        ],
        ids=str,
    )
    def test_other_records_are_saved_as_the_way_out_says(self, dtype, tmp_path):
        table = np.zeros(4, dtype)
        numeric = [name for name in table.dtype.names if table[name].dtype.kind in "fi"]
        for k, name in enumerate(numeric):
            table[name] = k + np.arange(4)
        np.save(tmp_path / "table.npy", table, allow_pickle=True)
        error = refusal(tmp_path / "table.npy", DataError, "holds structured records ")
        if table.dtype.hasobject:
            return  # whose way out asks NumPy for pickles, and that is for the one who knows them
        truth = np.stack([table[name] for name in numeric], axis=1)
        np.testing.assert_array_equal(saved_by(error.way_out, tmp_path), truth)

    def test_records_in_two_dimensions(self, tmp_path):
        table = np.zeros((4, 5), [("x", "f8"), ("y", "f8")])
        table["x"] = np.arange(20).reshape(4, 5)
        np.savez(tmp_path / "table.npz", t=table)
        error = refusal(tmp_path / "table.npz", DataError, "structured records in 2 dimensions")
        np.testing.assert_array_equal(saved_by(error.way_out, tmp_path), table["x"])
        (tmp_path / "M.npy").unlink()
        rows = saved_by(error.way_out.split("row for each: ")[1], tmp_path)
        np.testing.assert_array_equal(rows[:, 0], np.arange(20))

    @pytest.mark.parametrize("names", [("real", "imag"), ("r", "i"), ("Re", "Im")])
    @pytest.mark.parametrize("shape", [(6,), (3, 2)])
    def test_complex_numbers_in_records(self, names, shape, tmp_path):
        pairs = np.zeros(shape, [(name, "f4") for name in names])
        pairs[names[0]] = np.arange(6).reshape(shape)
        np.save(tmp_path / "z.npy", pairs)
        error = refusal(tmp_path / "z.npy", DataError, "complex numbers, in structured records of")
        real = saved_by(error.way_out, tmp_path)
        np.testing.assert_array_equal(real.ravel(), np.arange(6))
        assert real.shape == (shape if len(shape) == 2 else (6, 1))

    @pytest.mark.parametrize(
        "descr",
        [
            "[('x',)]", "[('x', '<f8', -1)]", "[('x', '<f8', (2.0,))]", "['x']", "[(1, '<f8')]",
            "[('x', '<f8'), ('x', '<f8')]", "[('x', 'nonsense')]",
            "[('x', '<f8', (99999999, 99999999))]", "[('x', [('y',)])]", "[('x', '<f8', True)]",
        ],
    )  # fmt: skip
    def test_broken_records(self, descr, tmp_path):
        header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (2,), }}".encode()
        start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
        (tmp_path / "M.npy").write_bytes(start + bytes(64))
        refusal(tmp_path / "M.npy", DataError, "broken NPY header")

    def test_no_fields_or_none_of_their_lengths(self, tmp_path):
        for dtype in ([], [("x", "f8", (0,))]):
            np.save(tmp_path / "M.npy", np.zeros(3, dtype))
            refusal(tmp_path / "M.npy", DataError, "structured records|empty")
