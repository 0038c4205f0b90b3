"""Entries that are no numbers: counted, placed, and the way out carried out."""

import re
from typing import NamedTuple

import h5py
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from matrix_files import FORMS, sample
from missing_by_hand import BAD, holed, refusal_of, sentence

import mfact
from mfact.errors import DataError
from mfact.matrices.decoding import Decoded
from mfact.matrices.missing import Entries, NotFinite, store
from mfact.matrices.source import open_matrix


def spotted():
    """Of all three kinds, a whole column and a whole row left each side of them."""
    M = sample()
    M[3, 4], M[31, 17], M[3, 17], M[0, 22] = BAD[0], BAD[1], BAD[2], BAD[0]
    return M


class TestEveryFormOfFile:
    @pytest.mark.parametrize("form", FORMS)
    def test_one_sentence_whatever_the_file(self, form, tmp_path):
        M = spotted()
        spec = FORMS[form].write(tmp_path, M)
        error = refusal_of(lambda: open_matrix(spec).read())
        assert error == sentence(M, spec_label(spec, error), FORMS[form].sparse)

    @pytest.mark.parametrize("form", FORMS)
    def test_of_the_transpose(self, form, tmp_path):
        M = spotted()
        spec = FORMS[form].write(tmp_path, M)
        error = refusal_of(lambda: open_matrix(spec, transpose=True).read())
        assert error == sentence(M.T, spec_label(spec, error), FORMS[form].sparse)

    @pytest.mark.parametrize("form", [name for name, form in FORMS.items() if not form.sparse])
    def test_an_overflow_goes_before_and_turns_with_the_matrix(self, form, tmp_path):
        M = spotted()
        M[20, 9] = -1e200
        spec = FORMS[form].write(tmp_path, M)
        with pytest.raises(DataError, match=r"has -1e\+200 at row 9, column 20 \(co.*, which over"):
            open_matrix(spec, transpose=True).read("float32")


def spec_label(spec, error):
    """What a reader calls the file, which is the spec or begins so."""
    label = error.split(" has ", 1)[0]
    assert label.startswith(spec.split("::")[0].rsplit(":/", 1)[0])
    return label


class Marked(NamedTuple):
    """−999 stands for what is missing, and entries are tenths of the stored numbers."""

    kind: np.dtype = np.dtype("f8")
    stored: str = "<i2"
    why: str = "attribute _FillValue"

    def decode(self, block):
        missing = block == -999
        return Decoded(np.where(missing, np.nan, block / 10), missing)


class TestDecoding:
    def _entries(self, stored):
        entries = Entries(stored.shape, "T.nc", Marked())
        out = np.empty(stored.shape)
        entries.store(stored, out, lambda index: (index[0], index[1]))
        return entries, out

    def test_the_number_is_told_as_it_is_stored(self):
        stored = np.arange(12, dtype="i2").reshape(3, 4)
        entries, out = self._entries(stored)
        entries.require()
        np.testing.assert_array_equal(out, stored / 10)
        stored[2, 1] = -999
        with pytest.raises(NotFinite) as caught:
            self._entries(stored)[0].require()
        assert str(caught.value) == (
            "T.nc has a value that is missing, -999 (attribute _FillValue), at row 2, column 1 "
            "(counted from 0): fill missing values first, or keep the 3 whole columns"
        )

    def test_beside_what_is_no_number_itself(self):
        stored = np.arange(12.0).reshape(3, 4)
        stored[2, 1], stored[1, 1] = -999, np.nan
        said = refusal_of(self._entries(stored)[0].require)
        assert "2 values that are missing or not finite, in 2 of 3 rows and 1 of 4 columns" in said
        assert "; the first is nan, at row 1, column 1 " in said
        stored[0, 1] = stored[1, 1] = -999
        said = refusal_of(self._entries(stored)[0].require)
        assert "3 values that are missing, in 3 of 3 rows and 1 of 4 columns; " in said
        assert "; the first is -999.0 (attribute _FillValue), at row 0, column 1 " in said


@given(data=st.data())
def test_blocks_of_any_cut_tell_what_the_whole_does(data):
    shape = data.draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    M = holed(shape, data.draw(st.integers(0, 2**32)), data.draw(st.sampled_from([0.1, 0.6, 1])))
    high, wide = (data.draw(st.integers(1, length)) for length in shape)
    flat, turned = data.draw(st.booleans()), data.draw(st.booleans())
    entries = Entries(shape, "M")
    if flat:  # runs of the values in order, which know nothing of lines
        for start in range(0, M.size, high * wide):
            run = M.reshape(-1)[start : start + high * wide]
            entries.store(run, np.empty_like(run), lambda at, s=start: divmod(s + at[0], shape[1]))
    else:
        tiles = [(i, j) for i in range(0, shape[0], high) for j in range(0, shape[1], wide)]
        for i, j in data.draw(st.permutations(tiles)):
            tile = M[i : i + high, j : j + wide]
            tile = tile.T if turned else tile

            def place(at, i=i, j=j):
                row, column = at[::-1] if turned else at
                return row + i, column + j

            entries.store(tile, np.empty_like(tile), place)
    if np.isfinite(M).all():
        entries.require()
        return
    with pytest.raises(NotFinite) as caught:
        entries.require()
    assert str(caught.value) == sentence(M, "M")
    found = caught.value.found
    assert str(found.flipped().error()) == sentence(np.ascontiguousarray(M.T), "M")
    assert found.flipped().flipped() == found


@given(shape=st.tuples(st.integers(2, 9), st.integers(2, 9)), seed=st.integers(0, 2**32))
def test_the_way_out_leaves_what_it_says(shape, seed):
    M = holed(shape, seed, 0.1)
    if np.isfinite(M).all():
        return
    way_out = refusal_of(lambda: store(M, M, lambda at: (at[0], at[1]), "M")).split(": ", 1)[1]
    found = re.search(r"keep the (\w+) whole (column|row)s?, (M\[.*\])$", way_out)
    whole = [np.isfinite(M).all(axis=axis).sum() for axis in (0, 1)]
    if found is None:
        assert whole == [0, 0]
        return
    axis = ("row", "column").index(found[2])
    kept = eval(found[3], {"M": M, "numpy": np})
    assert kept.shape[axis] == (1 if found[1] == "one" else int(found[1]))
    assert np.isfinite(kept).all()
    assert kept.size == max(whole[0] * shape[0], whole[1] * shape[1])


def test_what_the_way_out_leaves_is_factored(tmp_path):
    M = spotted()
    file = tmp_path / "M.npy"
    np.save(file, M)
    way_out = refusal_of(lambda: mfact.solve(file, 2))
    np.save(file, eval(re.search(r"M\[.*\]$", way_out)[0], {"M": M, "numpy": np}))
    result = mfact.solve(file, 2, schedule="constant")
    assert (len(result.U), len(result.V)) == (34, 23)


def test_a_sparse_file_without_what_is_missing_is_factored(tmp_path):
    S = scipy.sparse.csr_array(spotted())
    file = tmp_path / "S.npz"
    scipy.sparse.save_npz(file, S)
    assert "fill or remove missing values first; entries left out count as zeros" in refusal_of(
        lambda: mfact.solve(file, 2)
    )
    S.data[~np.isfinite(S.data)] = 0
    S.eliminate_zeros()
    scipy.sparse.save_npz(file, S)
    np.testing.assert_array_equal(
        open_matrix(str(file)).read().toarray(), np.nan_to_num(spotted(), posinf=0, neginf=0)
    )
    assert len(mfact.solve(file, 2, schedule="constant").U) == 37


@pytest.mark.parametrize(("dtype", "least"), [("f2", 6e-8), ("f4", 1e-45), ("f8", 5e-324)])
def test_the_smallest_numbers_are_numbers_and_infinities_are_none(dtype, least, tmp_path):
    M = np.full((3, 2), least, dtype)
    assert M.all()
    np.save(tmp_path / "M.npy", M)
    source = open_matrix(str(tmp_path / "M.npy"))
    np.testing.assert_array_equal(source.read(), M.astype(float))
    np.testing.assert_array_equal(source.read("float32"), M.astype("f4"))
    M[1, 1], M[2, 1] = -np.inf, np.inf
    np.save(tmp_path / "M.npy", M)
    for kind in ("float64", "float32"):
        said = refusal_of(lambda kind=kind: open_matrix(str(tmp_path / "M.npy")).read(kind))
        assert said == sentence(M, str(tmp_path / "M.npy"))


def test_a_sparse_infinity_in_float32_may_be_none_in_float64(tmp_path):
    S = scipy.sparse.csr_array([[1.0, 1e200], [0.0, 2.0]])
    scipy.sparse.save_npz(tmp_path / "S.npz", S)
    source = open_matrix(str(tmp_path / "S.npz"))
    said = refusal_of(lambda: source.read("float32"))
    assert "not finite in float32, inf, at row 0, column 1 " in said
    assert ": use float64 if they are finite in it, else fill or remove missing values" in said
    np.testing.assert_array_equal(source.read().toarray(), S.toarray())


def test_duplicates_that_add_up_to_no_number(tmp_path):
    S = scipy.sparse.coo_array(([1e308, 1e308, 1.0], ([2, 2, 0], [1, 1, 0])), shape=(3, 2))
    scipy.sparse.save_npz(tmp_path / "S.npz", S)
    with pytest.raises(NotFinite, match="has a value that is not finite, inf, at row 2, column 1 "):
        open_matrix(str(tmp_path / "S.npz")).read()


@pytest.mark.parametrize("shape", [(5, 2, 3), (5, 2, 2, 2)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["npy", "hdf5"])
def test_points_are_told_as_the_rows_they_are_folded_to(shape, order, kind, tmp_path):
    X = np.asarray(np.arange(np.prod(shape), dtype="f8").reshape(shape), order=order)
    X[3, 1, 1], X[1, 0, 2 % shape[2]] = np.nan, np.inf
    if kind == "npy":
        np.save(tmp_path / "X.npy", X)
        spec = str(tmp_path / "X.npy")
    else:
        spec = f"{tmp_path / 'X.h5'}:/X"
        with h5py.File(tmp_path / "X.h5", "w") as file:
            file.create_dataset("X", data=X, chunks=(2, *shape[1:]))
    error = refusal_of(lambda: open_matrix(spec, points=True).read())
    assert error == sentence(X.reshape(5, -1), error.split(" has ")[0])


def test_an_array_that_may_not_be_written_is_looked_at_all_the_same():
    for order in "CF":
        M = np.asarray(spotted(), order=order)
        M.setflags(write=False)
        assert refusal_of(lambda M=M: store(M, M, lambda at: at, "M")) == sentence(M, "M")
