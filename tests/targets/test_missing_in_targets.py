"""Matrices in memory and in their files are refused in the sentence of the readers."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from matrix_files import FORMS
from missing_by_hand import holed, refusal_of, sentence
from slabs_in_memory import ArraySlabs

import mfact
from mfact.host.threads import Workers
from mfact.matrices.source import open_matrix
from mfact.targets import grid, pieces
from mfact.targets.blocks import BlockTarget
from mfact.targets.dense import DenseTarget
from mfact.targets.door import held
from mfact.targets.sparse import SparseTarget


@given(
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    seed=st.integers(0, 2**32),
    share=st.sampled_from([0.03, 0.3, 1.0]),
    columns=st.booleans(),
    lines=st.integers(1, 12),
    threads=st.integers(1, 3),
)
def test_streamed_by_any_number_of_threads(shape, seed, share, columns, lines, threads):
    M = holed(shape, seed, share)
    if np.isfinite(M).all():
        return
    slabs = ArraySlabs(M, lines, columns=columns)
    with pytest.MonkeyPatch.context() as patch, Workers(threads) as workers:
        patch.setattr(pieces, "PIECE_BYTES", 100)
        for stored, dtype in (("f8", "float64"), ("f4", "float64"), ("f4", "float32")):
            slabs = ArraySlabs(M.astype(stored), lines, columns=columns)
            for act in (
                lambda target: target.norm,
                lambda target: target.products(*(np.ones((n, 1)) for n in shape)),
                lambda target: list(target.slices(2)),
            ):
                target = BlockTarget(slabs, dtype, None, workers, readers=threads)
                assert refusal_of(lambda act=act, t=target: act(t)) == sentence(M, "M")
                assert slabs.open_now == 0


def test_streamed_an_overflow_goes_before():
    M = holed((40, 30), 3, 0.3)
    M[25, 7] = 1e60
    target = BlockTarget(ArraySlabs(M, 3), "float32")
    expected = "M has 1e+60 at row 25, column 7 (counted from 0), which overflows float32"
    assert refusal_of(lambda: target.norm) == f"{expected}: use float64"


def test_a_good_matrix_is_read_once():
    slabs = ArraySlabs(np.ones((9, 4)), 2)
    assert BlockTarget(slabs).norm == 6.0
    assert sorted(slabs.fetched) == list(range(5))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("turned", [False, True])
def test_a_file_says_the_same_streamed_as_whole(form, turned, tmp_path):
    M = holed((37, 23), 8, 0.01)
    spec = FORMS[form].write(tmp_path, M)
    source = open_matrix(spec, transpose=turned)
    said = refusal_of(source.read)
    assert said.endswith(sentence(M.T if turned else M, "", FORMS[form].sparse))
    if (slabs := source.slabs(500)) is not None:
        assert refusal_of(lambda: BlockTarget(slabs).norm) == said


@pytest.mark.parametrize("order", ["C", "F", "neither"])
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_a_dense_array(order, dtype, monkeypatch):
    monkeypatch.setattr("mfact.matrices.missing.BAND_ENTRIES", 100)
    M = holed((60, 25), 2, 0.002).astype(dtype)
    expected = sentence(M, "the matrix")
    given_as = M[::1] if order == "neither" else np.asarray(M, order=order)
    if order == "neither":
        given_as = np.repeat(np.repeat(M, 2, axis=0), 3, axis=1)[::2, ::3]
    given_as.setflags(write=False)
    assert refusal_of(lambda: DenseTarget(given_as).norm) == expected
    assert refusal_of(lambda: mfact.solve(given_as, 2)) == expected
    assert refusal_of(lambda: mfact.solve(M.tolist(), 2)) == sentence(M.astype(float), "the matrix")


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil"])
@pytest.mark.parametrize("bands", [1, 3])
def test_a_sparse_array(form, bands, monkeypatch):
    monkeypatch.setattr(grid, "SLICE_BYTES", 800)
    monkeypatch.setattr(grid, "SHARE_ENTRIES", 200)
    monkeypatch.setattr(grid, "REUSES", 1)
    monkeypatch.setattr(grid, "MOST_BANDS", bands)
    M = holed((60, 45), 2, 0.005)
    M[np.abs(M) < 0.6] = 0
    S = scipy.sparse.csr_array(M).asformat(form)
    expected = sentence(M, "the matrix", sparse=True)
    assert grid._bands(S.shape, S.nnz, 8) == (bands, bands)
    with Workers(2) as workers:
        assert refusal_of(lambda: SparseTarget(S, workers=workers)) == expected
    assert refusal_of(lambda: mfact.solve(S, 2)) == expected


def test_an_array_that_overflows_the_arithmetic():
    M = np.eye(3, 2)
    M[2, 0] = -1e60
    said = "the matrix has -1e+60 at row 2, column 0 (counted from 0), which overflows float32"
    assert refusal_of(lambda: held(M, "float32").target()) == f"{said}: use float64"
    assert held(M, "float64").target().norm == 1e60
    said = refusal_of(lambda: held(scipy.sparse.csr_array(M), "float32").target())
    assert "a value that is not finite in float32, -inf, at row 2, column 0 " in said
    assert ": use float64 if they are finite in it, else fill or remove missing values" in said
