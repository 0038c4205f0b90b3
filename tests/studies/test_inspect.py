"""What inspect_matrix finds, against matrices whose singular values were chosen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array, random_array

from mfact.errors import DataError
from mfact.krylov import values as leading
from mfact.run import seen
from mfact.studies.generate import chosen_spectrum, generate_matrix, geometric_spectrum
from mfact.studies.inspect import inspect_matrix

# Singular values from LAPACK are right to a small multiple of ε·σ₁.
CLOSE = 1e-13


@given(
    st.tuples(st.integers(1, 30), st.integers(1, 30)),
    st.data(),
    st.integers(0, 2**32),
    st.booleans(),
)
def test_a_chosen_spectrum_is_found(shape, data, seed, sparse):
    spectrum = data.draw(
        st.lists(st.floats(0.01, 100), min_size=1, max_size=min(shape)), label="spectrum"
    )
    M = generate_matrix(shape, spectrum, seed=seed)
    found = inspect_matrix(csr_array(M) if sparse else M)
    expected = sorted(spectrum, reverse=True) + [0.0] * (min(shape) - len(spectrum))
    np.testing.assert_allclose(found.singular_values, expected, atol=CLOSE * max(spectrum) * 30)
    assert found.complete
    assert found.norm == pytest.approx(np.linalg.norm(spectrum), rel=1e-12)
    assert found.suggested_step == pytest.approx(0.5 / max(spectrum), rel=1e-12)
    assert 1 <= found.suggested_rank <= found.numerical_rank <= min(shape)
    assert found.energy[-1] == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("shape", [(60, 40), (40, 60)])
def test_exact_rank_is_the_suggestion(shape):
    found = inspect_matrix(generate_matrix(shape, [5.0, 4.0, 3.0], seed=3))
    assert (found.numerical_rank, found.rank_is_exact) == (3, True)
    assert (found.suggested_rank, found.reason) == (
        3, "the numerical rank: the rest is rounding")  # fmt: skip


def test_a_gap_above_noise_is_the_suggestion():
    M = generate_matrix((60, 40), [5.0, 4.0, 3.0, 2.0], noise=0.1, seed=3)
    found = inspect_matrix(M)
    assert found.numerical_rank == 40
    assert found.suggested_rank == 4
    assert "σ_4/σ_5" in found.reason


def test_without_a_gap_energy_decides():
    # Shares of 1, 1/2, 1/3 …: no ratio of neighbours is above 2.
    values = 1 / np.arange(1, 31)
    found = inspect_matrix(generate_matrix((50, 30), values, seed=1))
    share = np.cumsum(values**2) / np.sum(values**2)
    assert found.suggested_rank == int(np.argmax(share >= 0.95)) + 1
    assert "95 %" in found.reason


def test_large_matrices_get_the_leading_values(monkeypatch):
    monkeypatch.setattr(seen, "FULL_UP_TO", 20)
    M = generate_matrix((60, 40), geometric_spectrum(40, 1e3), seed=2)
    for form in (M, csr_array(M), np.asfortranarray(M)):
        found = inspect_matrix(form, leading=6)
        assert not found.complete
        # ARPACK stops at working precision of the eigenvalues of MᵀM.
        np.testing.assert_allclose(
            found.singular_values, geometric_spectrum(40, 1e3)[:6], rtol=1e-10
        )
        assert (found.numerical_rank, found.rank_is_exact) == (6, False)


def test_large_matrices_give_the_same_digits_twice(monkeypatch):
    monkeypatch.setattr(seen, "FULL_UP_TO", 20)
    M = generate_matrix((60, 40), geometric_spectrum(40), seed=2)
    assert inspect_matrix(M) == inspect_matrix(M)


@pytest.mark.parametrize("shape", [(3000, 30), (30, 3000)])
def test_long_matrices_are_folded(shape, monkeypatch):
    monkeypatch.setattr(leading, "SLICE_CELLS", 1000)
    M = csr_array(random_array(shape, density=0.05, rng=np.random.default_rng(1)))
    expected = np.linalg.svd(M.toarray(), compute_uv=False)
    for form in (M, M.toarray(), np.asfortranarray(M.toarray())):
        found = inspect_matrix(form)
        np.testing.assert_allclose(found.singular_values, expected, rtol=1e-12)
        assert found.nonzeros == M.nnz


def test_the_zero_matrix():
    found = inspect_matrix(np.zeros((3, 2)))
    assert found.suggested_rank is None
    assert found.suggested_step is None
    assert found.numerical_rank == 0
    assert found.energy == (0.0, 0.0)


def test_a_matrix_below_the_normal_floats_has_no_step():
    found = inspect_matrix(np.full((3, 2), 1e-310))
    assert found.suggested_rank == 1
    assert found.suggested_step is None


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_norms_whose_squares_leave_the_floats(scale):
    found = inspect_matrix(scale * np.diag([4.0, 3.0]))
    assert found.norm == pytest.approx(5 * scale, rel=1e-15)


def test_an_empty_matrix_is_refused():
    with pytest.raises(DataError, match="empty"):
        inspect_matrix(np.zeros((0, 3)))


def test_stored_precision_sets_what_counts_as_zero():
    M = generate_matrix((60, 40), [5.0, 4.0, 3.0], seed=3).astype(np.float32)
    assert inspect_matrix(M.astype(float)).numerical_rank > 3
    assert inspect_matrix(M).numerical_rank == 3


def test_geometric_spectrum_has_equal_ratios():
    values = np.array(geometric_spectrum(6, 32.0))
    np.testing.assert_allclose(values[:-1] / values[1:], 2.0, rtol=1e-14)
    assert chosen_spectrum((6, 6), rank=6, condition=32.0) == tuple(values)
