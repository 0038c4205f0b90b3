"""Singular values of UVᵀ from Gram matrices, against an SVD of it in other arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfact.problems.product import KNOWN, gram_rounding, product_values


def truth(U, V):
    """By QR: off by rounding of ‖U‖‖V‖, where Gram matrices may be off by its root."""
    left, right = (np.linalg.qr(W.astype(float), "r") for W in (U, V))
    return np.linalg.svd(left @ right.T, compute_uv=False)


def told(U, V):
    grams = np.array([[U.T @ U, V.T @ V]])
    return product_values(grams, gram_rounding(U.dtype, max(len(U), len(V))))[0]


@given(
    seed=st.integers(0, 2**32 - 1),
    r=st.integers(1, 6),
    spread=st.sampled_from([0.0, 3.0, 8.0]),
    lean=st.sampled_from([0.0, 2.0]),
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_what_is_told_is_right_and_what_is_hidden_is_small(seed, r, spread, lean, dtype):
    """Columns of all sizes, of U and V alike or each its own, U larger than V by any factor."""
    rng = np.random.default_rng(seed)
    own = rng.integers(2)
    sizes = 10.0 ** (-spread * rng.random((2, r)))
    U, V = (
        (10.0**sign * size * rng.standard_normal((d, r))).astype(dtype)
        for d, size, sign in ((40, sizes[0], lean), (25, sizes[own], -lean))
    )
    values, exact, eps = told(U, V), truth(U, V), float(np.finfo(dtype).eps)
    known = ~np.isnan(values)
    # The QR is off by a few roundings of this, which is less than KNOWN of what is told.
    size = np.linalg.norm(U) * np.linalg.norm(V)
    assert np.all(np.abs(values - exact)[known] <= KNOWN * exact[known] + 1e-15 * size)
    assert np.all(np.diff(known.astype(int)) <= 0)
    # What is hidden is below √ε, with the 4 roundings of a Gram matrix and what KNOWN asks.
    assert np.all(exact[~known] <= 20 * np.sqrt(4 * eps / KNOWN) * size)


@given(seed=st.integers(0, 2**32 - 1), r=st.integers(1, 6))
def test_of_balanced_factors_all_is_told_down_to_rounding(seed, r):
    rng = np.random.default_rng(seed)
    sigma = np.sort(10.0 ** -rng.uniform(0, 12, r))[::-1]
    Q = np.linalg.qr(rng.standard_normal((r, r)))[0]
    U, V = (np.linalg.qr(rng.standard_normal((d, r)))[0] * np.sqrt(sigma) @ Q.T for d in (30, 20))
    # 1e-12 of the largest is 50 times what 4 roundings over KNOWN hide.
    assert np.abs(told(U, V) - sigma).max() <= 50 * 2.0**-52 * sigma[0] * r


def test_zero_is_told_and_what_is_no_number_is_not():
    good = np.array([np.eye(2), np.eye(2)])
    zero = np.array([np.zeros((2, 2)), np.eye(2)])
    bad = np.array([np.diag([1.0, -1.0]), np.eye(2)])
    found = product_values(np.array([good, zero, bad, good * np.nan, 4 * good]), 1e-15)
    assert found[:2].round(12).tolist() == [[1, 1], [0, 0]]
    assert np.isnan(found[2:4]).all()
    assert found[4].round(12).tolist() == [4, 4]
    assert product_values(np.zeros((0, 2, 3, 3)), 1e-15).shape == (0, 3)


@pytest.mark.parametrize("scale", [1e-140, 1e-40, 1e70])
def test_no_size_is_too_small_or_too_large(scale):
    U = np.random.default_rng(1).standard_normal((9, 3))
    values = told(scale * U, scale * U) if scale < 1e70 else told(scale * U, U)
    unit = scale**2 if scale < 1e70 else scale
    assert values == pytest.approx(unit * truth(U, U), rel=1e-12)


@pytest.mark.parametrize("rows", [100, 10_000, 300_000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gram_matrices_round_by_less_than_is_said(rows, dtype):
    """Of columns in one direction, where no rounding cancels."""
    rng = np.random.default_rng(rows)
    U = (np.abs(rng.standard_normal((rows, 1))) * rng.uniform(0.3, 1, 3)).astype(dtype)
    exact = U.astype(np.longdouble).T @ U.astype(np.longdouble)
    off = np.linalg.norm((U.T @ U - exact).astype(float), 2)
    assert off <= gram_rounding(np.dtype(dtype), rows) * np.trace(U.T @ U)
