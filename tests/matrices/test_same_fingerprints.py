"""One matrix has one fingerprint, in whatever file it lies and however it is held."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from contracts.reader_contract import ReaderContract
from hypothesis import given
from hypothesis import strategies as st
from matrix_files import FORMS, Form, sample

from mfact.host.threads import Workers
from mfact.matrices.source import open_matrix
from mfact.targets.dense import DenseTarget
from mfact.targets.door import held
from mfact.targets.fingerprint import fingerprint, probes, same_matrix

EPS = float(np.finfo(float).eps)
ORDERS = {"C": np.ascontiguousarray, "F": np.asfortranarray}


def rounded() -> np.ndarray:
    """Of entries whose sums are rounded, float32 among the kinds that hold them."""
    return (sample() * np.random.default_rng(7).standard_normal((37, 23))).astype("f4").astype("f8")


def bits() -> np.ndarray:
    """Of zeros and ones: their signed sums, of 42 bits and 851 terms, are exact in any order."""
    return (sample() > 30).astype(float)


def every_form() -> dict[str, Form]:
    """Of all readers there are: those that the tests of their contract write."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if "(ReaderContract)" in path.read_text(encoding="utf-8"):
            importlib.import_module(path.stem)
    found = {
        f"{each.__module__}.{each.__name__}: {name}": form
        for each in ReaderContract.__subclasses__()
        for name, form in each.forms.items()
    }
    return dict(sorted(found.items()))


EVERY_FORM = every_form()


def kept(M: np.ndarray, form: str, folder, dtype: str = "float64", turned: bool = False):
    """The matrix in a file of that form, looked at: whole, and in its file where it can stay."""
    written = M.astype(FORMS[form].kinds[0])
    whole = held(open_matrix(FORMS[form].write(folder, written), transpose=turned), dtype)
    streamed = whole.streamed()
    return [whole] if streamed is None else [whole, streamed]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_container_holds_the_same_matrix(form, dtype, tmp_path):
    M = rounded()
    known = fingerprint(DenseTarget(M))
    for found in kept(M, form, tmp_path, dtype):
        now = fingerprint(found.target())
        assert now["norm"] == pytest.approx(np.linalg.norm(M), rel=8 * EPS)
        assert same_matrix(known, now) == same_matrix(now, known) == ""


@pytest.mark.parametrize("form", EVERY_FORM)
def test_whatever_reader_there_is_reads_the_same_matrix(form, tmp_path):
    """Of whole numbers, which each form holds."""
    M, written = sample(), EVERY_FORM[form]
    spec = written.write(tmp_path, M.astype(written.kinds[0]))
    for turned, truth in ((False, M), (True, np.ascontiguousarray(M.T))):
        now = fingerprint(held(open_matrix(spec, transpose=turned), "float64").target())
        assert now["norm"] == pytest.approx(np.linalg.norm(M), rel=8 * EPS)
        assert same_matrix(fingerprint(DenseTarget(truth)), now) == ""


def test_all_kinds_of_file_are_among_them():
    assert {form.format for form in EVERY_FORM.values()} == {
        "npy", "npz", "sparse-npz", "safetensors", "hdf5", "h5ad", "10x", "matlab", "matlab-5",
        "matrix-market", "10x-folder", "text", "zarr",
    }  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_another_matrix_in_any_container_is_another(form, tmp_path):
    known, other = fingerprint(DenseTarget(rounded())), rounded()
    row, column = np.argwhere(other)[-1]
    other[row, column] = -other[row, column]  # of the same norm
    for found in kept(other, form, tmp_path):
        assert "a signed sum of its entries" in same_matrix(known, fingerprint(found.target()))


@pytest.mark.parametrize("form", FORMS)
def test_transposed_it_is_the_transpose(form, tmp_path):
    known = fingerprint(DenseTarget(np.ascontiguousarray(rounded().T)))
    for found in kept(rounded(), form, tmp_path, turned=True):
        assert same_matrix(known, fingerprint(found.target())) == ""


@pytest.mark.parametrize("form", FORMS)
def test_sums_that_are_exact_are_bit_for_bit_the_same(form, tmp_path):
    w, z = probes((37, 23))
    exact = np.einsum("ij,ij->j", w, bits() @ z).tolist()
    for found in kept(bits(), form, tmp_path):
        now = fingerprint(found.target())
        assert now["sums"] == exact
        assert now["norm"] == pytest.approx(np.sqrt(np.count_nonzero(bits())), rel=2 * EPS)


@pytest.mark.parametrize("form", FORMS)
def test_read_whole_the_order_in_memory_alone_decides_the_bits(form, tmp_path):
    """Of sparse matrices, all of which become rows, and of dense ones in either order."""
    M, read = rounded(), open_matrix(FORMS[form].write(tmp_path, rounded())).read()
    if FORMS[form].sparse:
        alike = scipy.sparse.csr_array(M)
    else:
        alike = ORDERS["C" if read.flags.c_contiguous else "F"](M)
    found = held(open_matrix(FORMS[form].write(tmp_path, M)), "float64").target()
    truth = held(alike, "float64").target()
    assert fingerprint(found) == fingerprint(truth)


@pytest.mark.parametrize("form", FORMS)
def test_no_bit_depends_on_who_shares_the_pass(form, tmp_path):
    for found in kept(rounded(), form, tmp_path):
        with Workers(3) as workers:
            assert fingerprint(found.target(workers=workers)) == fingerprint(found.target())


def test_some_of_them_stay_in_their_files(tmp_path):
    staying = {form for form in FORMS if len(kept(rounded(), form, tmp_path)) == 2}
    assert {"npy", "npy fortran", "contiguous", "column chunks", "tiles", "matlab"} <= staying


@pytest.mark.slow
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 2**32),
    order=st.sampled_from("CF"),
    kind=st.sampled_from(["f8", ">f8", "f4", "f2", ">i2", "u1"]),
    chunked=st.booleans(),
)
def test_fresh_matrices_in_files_and_in_memory(shape, seed, order, kind, chunked, tmp_path_factory):
    import h5py

    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(seed)
    M = (rng.standard_normal(shape) * 50 * (rng.random(shape) < 0.7)).clip(-100, 100)
    M = abs(M).astype(kind) if kind == "u1" else M.astype(kind)
    np.save(folder / "M.npy", ORDERS[order](M))
    with h5py.File(folder / "M.h5", "w") as file:
        file.create_dataset("M", data=M, chunks=True if chunked else None)
    scipy.sparse.save_npz(folder / "M.npz", scipy.sparse.csc_array(M.astype("f8")))
    known = fingerprint(held(M, "float64").target())
    for name in ("M.npy", "M.h5", "M.npz"):
        whole = held(open_matrix(str(folder / name)), "float64")
        for found in filter(None, (whole, whole.streamed())):
            assert same_matrix(known, fingerprint(found.target())) == ""
