"""The leading pair of what the factors do not reach, against an SVD."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfact.theory.residual_pair import leading_pair


def found(E):
    none = np.zeros((len(E), 0)), np.zeros((E.shape[1], 0))
    return leading_pair(lambda U, V: (E @ V, E.T @ U), E.shape, *none, lambda *_: True)


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    scale=st.sampled_from([1e-200, 1e-12, 1.0, 1e200]),
    equal=st.booleans(),
)
def test_a_small_matrix_whatever_its_scale(seed, shape, scale, equal):
    """Also where the largest value is there twice. √2 r bounds what each side is off by, and
    rounding of products of this length is below 1e-13 of the value.
    """
    rng = np.random.default_rng(seed)
    E = rng.standard_normal(shape)
    if equal:
        X, values, Yt = np.linalg.svd(E, full_matrices=False)
        values[:2] = values[0]
        E = (X * values) @ Yt
    E *= scale
    pair, largest = found(E), np.linalg.svd(E / scale, compute_uv=False)[0]
    assert pair.tau / scale == pytest.approx(largest, rel=1e-13)
    assert pair.residual <= 1e-13 * pair.tau
    assert np.linalg.norm(E / scale @ pair.y - pair.tau / scale * pair.x) <= 1e-13 * largest
    assert [np.linalg.norm(side) for side in (pair.x, pair.y)] == pytest.approx([1, 1])


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_of_many_equal_values_one_is_found(first):
    """As of a matrix all of whose singular values are equal: in one of eighty LAPACK finds none."""
    for seed in range(first, first + 100):
        rng = np.random.default_rng(seed)
        n, m = int(rng.integers(3, 40)), int(rng.integers(1, 40))
        left, right = (
            np.linalg.qr(rng.standard_normal((d, min(n, m))))[0] for d in (n + 3, max(n, m))
        )
        pair = found(left @ right.T)
        assert pair.tau == pytest.approx(1, rel=1e-13)
        assert pair.residual <= 1e-13


def test_of_nothing_the_pair_is_zero():
    pair = found(np.zeros((4, 3)))
    assert (pair.tau, pair.residual) == (0.0, 0.0)
    assert [np.linalg.norm(side) for side in (pair.x, pair.y)] == [1, 1]
