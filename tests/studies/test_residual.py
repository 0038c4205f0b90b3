"""Which rows and columns fit badly: the dense formula, however M is held."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from mfact.errors import DataError
from mfact.run.solve import solve
from mfact.studies import residual
from mfact.targets.door import held


def run_of(M, rank=1):
    return solve(M, rank=rank, seed=1, schedule="constant", max_iter=3, force=True)


@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    seed=st.integers(0, 2**32 - 1),
    entries=st.sampled_from([1, 7, 1 << 20]),
    sparse=st.booleans(),
)
def test_norms_are_those_of_the_dense_difference(shape, seed, entries, sparse):
    rng = np.random.default_rng(seed)
    M = rng.standard_normal(shape) * (rng.random(shape) < 0.7)
    M[0, 0] = 1.0
    run = run_of(M)
    given_as = scipy.sparse.csr_array(M) if sparse else M
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(residual, "BLOCK_ENTRIES", entries)
        found = residual.residual_of(held(given_as, "float64"), run)
    R = M - run.U @ run.V.T
    # A few roundings of numbers of the size of M.
    for along, axis in ((found.rows, 1), (found.columns, 0)):
        assert np.allclose(along.sizes, np.linalg.norm(M, axis=axis), atol=1e-13)
        assert np.allclose(along.residuals, np.linalg.norm(R, axis=axis), atol=1e-13)
        zero = ~M.any(axis=axis)
        assert np.array_equal(np.isnan(along.relative), zero)
    assert np.isclose(found.relative, np.linalg.norm(R) / np.linalg.norm(M), rtol=1e-12)


def test_the_row_that_was_spoilt_is_the_worst():
    rng = np.random.default_rng(3)
    M = np.outer(rng.standard_normal(30), rng.standard_normal(20))
    M[17] += 0.3 * rng.standard_normal(20)
    run = solve(M, rank=1, seed=1, schedule="constant")
    found = residual.residual_of(held(M, "float64"), run)
    assert found.rows.worst(1) == [17]
    assert len(found.rows.worst(99)) == 30


def test_another_matrix_is_refused():
    M = np.diag([3.0, 2.0, 1.0])
    run = run_of(M)
    for other, word in ((M[:2], "3×3 matrix, this one is 2×3"), (-M, "not that of the run")):
        with pytest.raises(DataError, match=word):
            residual.residual_of(held(other, "float64"), run)
