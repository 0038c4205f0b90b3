"""MATLAB files of before v7.3, by SciPy's writer, by hand, and by MATLAB itself."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import scipy.io
import scipy.io.matlab
import scipy.sparse
from contracts.reader_contract import ReaderContract
from hypothesis import given
from hypothesis import strategies as st
from matlab_by_hand import by_hand
from matrix_files import Form, sample
from refusals import refusal

from mfact.errors import DataError, SettingsError
from mfact.matrices.matlab.headers import variables
from mfact.matrices.seen import Seen
from mfact.matrices.source import open_matrix

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here

KINDS = ("<f8", "<f4", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8")


def _saved(make=lambda M: M, **options):
    def write(folder, M):
        scipy.io.savemat(folder / "M.mat", {"M": make(M), "fs": 250.0, "name": "sub1"}, **options)
        return str(folder / "M.mat")

    return write


def _by_hand(**options):
    def write(folder, M):
        (folder / "M.mat").write_bytes(by_hand(M, **options))
        return str(folder / "M.mat")

    return write


class TestMatlab5(ReaderContract):
    forms: ClassVar[dict[str, Form]] = {
        "v6": Form("matlab-5", "F", _saved(), KINDS),
        "v7": Form("matlab-5", "F", _saved(do_compression=True), KINDS),
        "v4": Form("matlab-5", "F", _saved(format="4"), ("<f8", "<f4", "|u1", "<i2", "<i4")),
        "sparse": Form("matlab-5", "CSC", _saved(scipy.sparse.csc_array), ("<f8",), True),
        "sparse packed": Form(
            "matlab-5",
            "CSC",
            _saved(scipy.sparse.csc_array, do_compression=True),
            ("<f8",),
            True,
        ),
    }


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("order", "<>")
def test_either_order_of_bytes(order, packed, tmp_path):
    source = open_matrix(_by_hand(order=order, packed=packed)(tmp_path, sample()))
    assert source.stored_dtype == f"{order}f8"
    np.testing.assert_array_equal(source.read(), sample())


def test_doubles_that_are_kept_as_bytes(tmp_path):
    """As MATLAB does with small whole numbers."""
    source = open_matrix(_by_hand()(tmp_path, sample("u1")))
    assert source.stored_dtype == "<f8"
    np.testing.assert_array_equal(source.read(), sample())


FILES = Path(scipy.io.matlab.__file__).parent / "tests" / "data"


@pytest.mark.skipif(not FILES.exists(), reason="this SciPy came without its test files")
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_files_of_matlab_from_4_to_8():
    """SciPy's collection: SPARC and Intel, levels 4 and 5, whatever a variable can be."""
    same = 0
    for path in sorted(FILES.glob("*.mat")):
        try:
            listed = scipy.io.whosmat(path)
            truth = scipy.io.loadmat(path)
        except Exception:
            continue
        if path.name.startswith("testhdf5"):
            continue
        found = variables(Seen.of(path), path.name)
        listed = [each for each in listed if each[0] != "__function_workspace__"]
        assert [each.name for each in found] == [name for name, _, _ in listed]
        for variable, (name, shape, kind) in zip(found, listed, strict=True):
            if kind in ("cell", "struct", "object", "char", "function", "opaque"):
                refusal(path, DataError, f"is a MATLAB {variable.kind}", dataset=name)
                continue
            if variable.kind == "v4 sparse":
                refusal(path, DataError, "v4 sparse.*-v7", dataset=name)
                continue
            assert (variable.shape, variable.complex) == (shape, np.iscomplexobj(truth[name]))
            if variable.complex:
                refusal(path, DataError, "complex numbers", dataset=name)
                continue
            true = truth[name]
            true = true.toarray() if scipy.sparse.issparse(true) else true
            brackets = "[fold]" if true.ndim > 2 else ""
            source = open_matrix(str(path), dataset=name + brackets)
            read = source.read().toarray() if source.sparse else source.read()
            np.testing.assert_array_equal(read, true.reshape(len(true), -1))
            same += 1
    assert same > 30


class TestChoice:
    def test_the_only_matrix_of_a_workspace(self, tmp_path):
        workspace = {
            "X": sample(), "fs": 250.0, "name": "subject 1", "t": np.arange(50.0),
            "info": {"age": 3}, "marks": np.array([[1, "a"]], object), "ok": sample() > 1,
        }  # fmt: skip
        del workspace["ok"]
        scipy.io.savemat(tmp_path / "M.mat", workspace)
        source = open_matrix(str(tmp_path / "M.mat"))
        assert (source.dataset, source.shape) == ("X", (37, 23))

    def test_several_are_listed(self, tmp_path):
        scipy.io.savemat(tmp_path / "M.mat", {"X": sample(), "Y": sample() > 1, "name": "a"})
        error = refusal(tmp_path / "M.mat", DataError, "holds 2 matrices")
        assert "X (37×23 double), Y (37×23 logical)" in error.way_out
        source = open_matrix(f"{tmp_path}/M.mat::Y")
        assert source.stored_dtype == "|u1"
        np.testing.assert_array_equal(source.read(), sample() > 1)

    def test_a_name_that_is_not_there(self, tmp_path):
        spec = _saved()(tmp_path, sample())
        refusal(spec, DataError, r"no variable N: name another; .*M \(37×23 double\)", dataset="N")

    def test_the_same_name_twice(self, tmp_path):
        content = by_hand(sample())
        (tmp_path / "M.mat").write_bytes(content + by_hand(sample() + 1)[128:])
        refusal(tmp_path / "M.mat", DataError, "holds M twice", dataset="M")

    @pytest.mark.parametrize(
        ("value", "pattern"),
        [
            ("text", "no 2-D numeric variable.*char"),  # of all else the kind is told
            ({"a": 1}, "is a MATLAB struct: save one of its fields"),
            (1j * np.ones((2, 3)), "holds complex numbers: factor"),
            (np.ones((0, 3)), "no 2-D numeric variable"),
        ],
    )
    def test_no_matrix(self, value, pattern, tmp_path):
        scipy.io.savemat(tmp_path / "M.mat", {"M": value})
        refusal(tmp_path / "M.mat", DataError, pattern)

    def test_complex_numbers(self, tmp_path):
        scipy.io.savemat(
            tmp_path / "M.mat", {"K": sample() * 1j, "S": scipy.sparse.csc_array([[1j]])}
        )
        for name in "KS":
            refusal(tmp_path / "M.mat", DataError, "holds complex numbers: factor", dataset=name)


class TestParts:
    def _stack(self, folder, shape=(4, 5, 3)):
        A = np.arange(np.prod(shape), dtype="f8").reshape(shape)
        scipy.io.savemat(folder / "A.mat", {"A": A})
        return A, str(folder / "A.mat")

    def test_slices_and_folds_in_the_order_of_matlab(self, tmp_path):
        A, spec = self._stack(tmp_path)
        truth = {
            "[:,:,2]": A[:, :, 2], "[0]": A[0], "[:,-1]": A[:, -1], "[fold]": A.reshape(4, 15)
        }  # fmt: skip
        for brackets, M in truth.items():
            source = open_matrix(spec, dataset=f"A{brackets}")
            assert source.shape == M.shape
            np.testing.assert_array_equal(source.read(), M)
        points = open_matrix(spec, points=True)
        np.testing.assert_array_equal(points.read(), A.reshape(4, 15))

    def test_the_way_out_of_a_stack_works(self, tmp_path):
        _, spec = self._stack(tmp_path)
        error = refusal(spec, DataError, r"A is 3-D, of shape \(4, 5, 3\): name one", dataset="A")
        assert "A.mat:A[:,:,0], or fold it" in error.way_out
        assert open_matrix(spec, dataset="A[:,:,0]").shape == (4, 5)

    @pytest.mark.parametrize("part", ["[3,:,3]", "[9]", "[0,0,0,0]", "[csr]"])
    def test_no_such_part(self, part, tmp_path):
        _, spec = self._stack(tmp_path)
        refusal(spec, DataError, "from 0 to|at most 3|leave .csr. out", dataset=f"A{part}")

    def test_a_part_of_a_sparse_one(self, tmp_path):
        spec = _saved(scipy.sparse.csc_array)(tmp_path, sample())
        refusal(spec, SettingsError, "sparse and is read whole", dataset="M[0]")

    @pytest.mark.slow
    @given(data=st.data())
    def test_any_part(self, data, tmp_path_factory):
        shape = tuple(data.draw(st.lists(st.integers(1, 5), min_size=3, max_size=4)))
        A, spec = self._stack(tmp_path_factory.mktemp("A"), shape)
        whole = data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=2, max_size=2))
        index = (
            [
                slice(None) if axis in whole else data.draw(st.integers(-n, n - 1))
                for axis, n in enumerate(A.shape)
            ]
            if A.ndim == len(shape)
            else []
        )
        brackets = ",".join(":" if isinstance(at, slice) else str(at) for at in index)
        source = open_matrix(spec, dataset=f"A[{brackets}]")
        np.testing.assert_array_equal(source.read(), A[tuple(index)])
