"""What every reader of matrix files must do: inherit ReaderContract and name the forms of file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import scipy.sparse
from matrix_files import Form, sample

from mfact.errors import DataError
from mfact.matrices import tiled, values
from mfact.matrices.arrays import laid
from mfact.matrices.hdf5 import vectors
from mfact.matrices.source import open_matrix


class ReaderContract:
    """The tests of MatrixSource. The truth is the array that was written."""

    forms: ClassVar[dict[str, Form]]

    def pytest_generate_tests(self, metafunc):
        names = [name for name in ("form", "kind") if name in metafunc.fixturenames]
        cases = {name: [form] for name, form in self.forms.items()}
        if "kind" in names:
            cases = {f"{n}-{kind}": (f, kind) for n, (f,) in cases.items() for kind in f.kinds}
        if names:
            metafunc.parametrize(names, cases.values(), ids=cases)

    @pytest.fixture(params=["whole", "in small blocks"])
    def _blocks(self, request, monkeypatch):
        """Once as it is, and once with blocks of 96 bytes, so that every border is crossed."""
        if request.param == "in small blocks":
            for module in (laid, tiled, vectors, values):
                monkeypatch.setattr(module, "BLOCK_BYTES", 96)

    @pytest.mark.usefixtures("_blocks")
    def test_the_matrix_is_the_one_that_was_written(self, form, tmp_path):
        M = sample()
        source = open_matrix(form.write(tmp_path, M))
        assert (source.format, source.order) == (form.format, form.order)
        assert (source.sparse, source.shape) == (form.sparse, (37, 23))
        A = source.read()
        assert A.dtype == np.float64
        if form.sparse:
            assert isinstance(A, scipy.sparse.csr_array)
            assert A.has_canonical_format
        else:
            assert source.stored_dtype == "<f8"
            fortran = form.order == "F" or form.format == "matlab"
            assert A.flags.f_contiguous if fortran else A.flags.c_contiguous
        np.testing.assert_array_equal(_dense(A), M)
        single = source.read("float32")
        assert single.dtype == np.float32
        np.testing.assert_array_equal(_dense(single), M)

    @pytest.mark.slow
    def test_every_kind_of_number(self, form, kind, tmp_path):
        M = sample() > 0 if kind == "|b1" else sample(kind)
        source = open_matrix(form.write(tmp_path, M))
        assert source.stored_dtype == kind
        np.testing.assert_array_equal(_dense(source.read()), M.astype("f8"))

    @pytest.mark.slow
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_the_place_of_a_value_that_is_not_finite(self, form, value, tmp_path):
        M = sample()
        M[31, 17] = value
        source = open_matrix(form.write(tmp_path, M))
        with pytest.raises(DataError, match=f"not finite, {value}, at row 31, column 17 "):
            source.read()

    def test_the_place_of_a_value_that_overflows(self, form, tmp_path):
        M = sample()
        M[31, 17] = 1e200
        source = open_matrix(form.write(tmp_path, M))
        told, place = (
            r"has 1e\+200 {}, which overflows float32: use float64",
            "at row 31, column 17",
        )
        if form.sparse:
            told = "not finite in float32, inf, {}: use float64 if"
        with pytest.raises(DataError, match=told.format(rf"{place} \(counted from 0\)")):
            source.read("float32")
        assert source.read().max() == 1e200

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "folder", [b"with [red]brackets[bold]", b"a b", b"\xff\xfe\xc3\xa9", b"\x1b[1m\n"]
    )
    def test_any_path(self, form, folder, tmp_path):
        place = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), folder)))  # noqa: PTH118  # bytes
        place.mkdir()
        source = open_matrix(form.write(place, sample()))
        np.testing.assert_array_equal(_dense(source.read()), sample())
        about = source.describe()
        assert Path(about["path"]).exists()  # the true name, so that it is found again
        assert about["name"].isprintable()
        assert json.dumps(about).isprintable()

    def test_the_file_is_never_written(self, form, tmp_path):
        source = open_matrix(form.write(tmp_path, sample()))
        path = Path(source.path)
        files = [each for each in [path, *path.rglob("*")] if each.is_file()]  # of a store, many
        before = [(file.read_bytes(), file.stat().st_mtime_ns) for file in files]
        for file in files:
            file.chmod(0o444)
        source.read()
        assert [(file.read_bytes(), file.stat().st_mtime_ns) for file in files] == before


def _dense(A):
    return A.toarray() if scipy.sparse.issparse(A) else A
