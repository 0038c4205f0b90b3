"""The transpose of every form of file is what NumPy makes of the matrix that was written."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from matrix_files import FORMS, sample

from mfact.errors import DataError
from mfact.host.threads import working
from mfact.matrices.source import open_matrix
from mfact.targets.door import held

TURNED = {"C": "F", "F": "C", "CSR": "CSC", "CSC": "CSR", "COO": "COO",
          "chunked (5, 23)": "chunked (23, 5)", "chunked (37, 1)": "chunked (1, 37)",
          "chunked (8, 5)": "chunked (5, 8)", "chunked (7, 6)": "chunked (6, 7)",
          "chunked (10, 23)": "chunked (23, 10)"}  # fmt: skip
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def whole(A):
    return A.toarray() if scipy.sparse.issparse(A) else A


def over_slabs(slabs):
    """The matrix put together of its slabs, each entry at the place that the slab says."""
    out, room = np.full(slabs.shape, np.nan), np.empty(slabs.room, np.uint8)
    with slabs.opened(1) as fetcher:
        for slab, (first, last) in enumerate(zip(slabs.cuts, slabs.cuts[1:], strict=False)):
            block = fetcher.fetch(slab, room)
            across = slabs.shape[not slabs.columns]
            lines = (across, last - first) if slabs.columns else (last - first, across)
            assert block.shape == lines
            for index in np.ndindex(block.shape):
                out[slabs.place(slab, index)] = block[index]
    return out


@each_form
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_form_of_file_is_turned(form, dtype, tmp_path):
    M = sample()
    spec = form.write(tmp_path, M)
    source, plain = open_matrix(spec, transpose=True), open_matrix(spec)
    assert (source.shape, source.order) == ((23, 37), TURNED[form.order])
    assert (source.transpose, source.sparse, source.entries) == (True, form.sparse, plain.entries)
    assert source.notes == (*plain.notes, f"M is the transpose of what {source.name} holds")
    assert source.describe()["transpose"]
    A = source.read(dtype)
    assert A.dtype == dtype
    np.testing.assert_array_equal(whole(A), M.T)
    if form.sparse:
        assert isinstance(A, scipy.sparse.csr_array)
        assert A.has_canonical_format
    # What is empty is left out of a sparse one alone: what is left is its entries, in their order.
    kept = whole(source.occupied().read(dtype))
    rows, columns = (M.T.any(axis=axis) if form.sparse else slice(None) for axis in (1, 0))
    np.testing.assert_array_equal(kept, M.T[rows][:, columns])


@each_form
def test_slabs_are_turned(form, tmp_path):
    M = sample()
    spec = form.write(tmp_path, M)
    slabs, plain = (open_matrix(spec, transpose=turn).slabs(700) for turn in (True, False))
    if plain is None:
        assert slabs is None
        return
    assert (slabs.columns, slabs.cuts, slabs.room) == (not plain.columns, plain.cuts, plain.room)
    np.testing.assert_array_equal(over_slabs(slabs), M.T)


@each_form
def test_a_value_that_is_none_is_at_its_place_in_the_transpose(form, tmp_path):
    M = sample()
    M[31, 17] = M[31, 3] = np.nan
    source = open_matrix(form.write(tmp_path, M), transpose=True)
    with pytest.raises(DataError, match=r"2 of 23 rows and 1 of 37 columns; the first is .*nan, at "
                                        r"row (3|17), column 31 "):  # fmt: skip
        source.read()
    if source.slabs(700) is not None:
        with pytest.raises(DataError, match=r"at row 3, column 31 |at row 17, column 31 "):
            _ = held(source, "float64").streamed().target().norm


@pytest.mark.parametrize(
    "name", [name for name, form in FORMS.items() if not form.sparse and name[:3] != "npz"]
)
@pytest.mark.parametrize("threads", [1, 3])
def test_a_pass_over_a_file_is_that_over_the_file_of_the_transpose(name, threads, tmp_path):
    rng = np.random.default_rng(4)
    M = rng.standard_normal((37, 23))
    U, V = rng.standard_normal((23, 2)), rng.standard_normal((37, 2))
    spec = FORMS[name].write(tmp_path, M)
    np.save(tmp_path / "T.npy", M.T)
    both = []
    with working(threads) as workers:
        for source in (open_matrix(spec, transpose=True), open_matrix(str(tmp_path / "T.npy"))):
            target = held(source, "float64").streamed().target(workers=workers)
            both.append((target.norm, *target.products(U, V), target.residual_norm(U, V)))
    for turned, there in zip(*both, strict=True):
        np.testing.assert_allclose(turned, there, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(both[0][1], M.T @ V, rtol=1e-13, atol=1e-13)


def test_the_same_cuts_give_the_same_bits(tmp_path):
    """A file in Fortran order, and the file of its transpose in C order, hold the same bytes."""
    M = np.random.default_rng(7).standard_normal((300, 41))
    np.save(tmp_path / "M.npy", np.asfortranarray(M))
    np.save(tmp_path / "T.npy", np.ascontiguousarray(M.T))
    U, V = np.random.default_rng(8).standard_normal((2, 300, 2))
    there = held(open_matrix(str(tmp_path / "M.npy")), "float64").streamed()
    turned = held(open_matrix(str(tmp_path / "T.npy"), transpose=True), "float64").streamed()
    one, other = (each.target().products(U, V[:41]) for each in (there, turned))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
