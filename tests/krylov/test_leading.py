"""Leading singular values, against LAPACK on the whole matrix, whatever target holds it."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.holders import HOLDERS
from matrices import gaussian, matrix

from mfact.errors import DataError
from mfact.krylov import values as leading
from mfact.krylov.leading import largest_value
from mfact.krylov.values import all_values, leading_values
from mfact.targets.dense import DenseTarget


def of_shape(shape):
    rng = np.random.default_rng(52)
    M = rng.standard_normal((shape[0], 6)) @ rng.standard_normal((6, shape[1]))
    return M + 0.1 * rng.standard_normal(shape)


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (90, 60), (60, 90)])
def test_leading_values_are_those_of_the_svd(shape, holder):
    M = of_shape(shape)
    values, error = leading_values(HOLDERS[holder](M), 5, all_up_to=40)
    exact = np.linalg.svd(M, compute_uv=False)
    assert len(values) == (20 if min(shape) == 20 else 5)
    assert np.all(np.abs(values - exact[: len(values)]) <= error)
    assert error < 1e-8 * exact[0]


def test_beyond_the_limit_one_value_is_left_to_lapack():
    M = of_shape((8, 9))
    assert len(leading_values(DenseTarget(M), 99, all_up_to=7)[0]) == 7
    assert len(leading_values(DenseTarget(M), 1, all_up_to=8)[0]) == 8


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("shape", [(3, 7), (500, 4), (4, 500)])
def test_all_values_leave_the_matrix_as_it_was(shape, holder, monkeypatch):
    monkeypatch.setattr(leading, "SLICE_CELLS", 40)
    M = of_shape(shape)
    target, before = HOLDERS[holder](M), M.copy()
    np.testing.assert_allclose(all_values(target), np.linalg.svd(M, compute_uv=False), rtol=1e-12)
    assert np.array_equal(M, before)


def test_what_arpack_cannot_do_is_said():
    with pytest.raises(DataError, match="scale the matrix"):
        leading_values(DenseTarget(1e-200 * of_shape((8, 9))), 2, all_up_to=7)


@pytest.mark.parametrize("sigma", [np.ones(20), 0.99 ** np.arange(20), np.r_[1.0, 1 - 1e-9]])
def test_sigma_1_where_it_is_not_alone(sigma):
    A, _, _ = matrix(np.random.default_rng(1), (40, 30), sigma)
    start = gaussian(np.random.default_rng(2), (40, 30), 2, 1.0)
    _, sigma_1, _ = largest_value(DenseTarget(A), start, drawn=True)
    assert sigma_1 == pytest.approx(1.0, rel=1e-3)
