"""What a run is given, on both sides of what it takes: scale, kinds, and names that meet."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfact.errors import DataError
from mfact.run.given import require_scale, target_of
from mfact.run.solve import solve
from mfact.targets.dense import DenseTarget

ENDS = [("float64", 1e-50, 1e50), ("float32", 1e-8, 1e8)]


def of_norm(norm, dtype, seed=0):
    M = np.random.default_rng(seed).standard_normal((5, 4))
    return (M * (norm / np.linalg.norm(M))).astype(dtype)


@pytest.mark.parametrize(("dtype", "least", "most"), ENDS)
@given(seed=st.integers(0, 1000))
def test_a_norm_within_the_limits_runs_and_one_beyond_is_refused(dtype, least, most, seed):
    for norm in (1.01 * least, 0.99 * most):
        require_scale(DenseTarget(of_norm(norm, dtype, seed)))
    for norm in (0.99 * least, 1.01 * most):
        with pytest.raises(DataError, match="the arithmetic needs it between") as error:
            require_scale(DenseTarget(of_norm(norm, dtype, seed)))
        assert f"{least:g} and {most:g}" in error.value.sentence
        # What it says to do mends it.
        factor = float(error.value.way_out.removeprefix("divide the matrix by "))
        require_scale(DenseTarget(of_norm(norm / factor, dtype, seed)))


@pytest.mark.parametrize(("dtype", "least", "most"), ENDS)
def test_a_run_refuses_what_the_limits_refuse_and_takes_what_they_take(dtype, least, most):
    for norm in (0.99 * least, 1.01 * most):
        with pytest.raises(DataError, match="‖M‖_F = "):
            solve(of_norm(norm, dtype), rank=1, seed=1, dtype=dtype)
    for norm in (1.01 * least, 0.99 * most):
        result = solve(of_norm(norm, dtype), rank=1, seed=1, dtype=dtype, max_iter=3)
        assert all(np.isfinite(factor).all() for factor in (result.U, result.V))
        assert np.isfinite(result.summary["loss"])


def test_zero_is_refused_as_zero():
    with pytest.raises(DataError, match="the matrix is zero"):
        require_scale(DenseTarget(np.zeros((3, 2))))


@pytest.mark.parametrize("kind", ["f8", "f4", "f2", "i1", "u8", "?"])
def test_real_numbers_of_every_kind_become_those_of_the_arithmetic(kind):
    M = np.array([[1, 0], [1, 1]]).astype(kind)
    for dtype in ("float64", "float32"):
        target, described = target_of(M, dtype)
        assert target.dtype == np.dtype(dtype)
        # The norm of (1 0; 1 1) is √3, in the arithmetic asked for.
        assert target.norm == pytest.approx(3**0.5, rel=2 * float(np.finfo(dtype).eps))
        assert described == {"name": "array"}


@pytest.mark.parametrize("kind", ["c16", "O", "U3"])
def test_what_is_not_a_real_number_is_refused_by_its_kind(kind):
    M = np.ones((2, 2)).astype(kind)
    with pytest.raises(DataError, match="pass real numbers") as error:
        target_of(M, "float64")
    assert str(M.dtype) in error.value.sentence


def test_a_target_is_taken_as_it_is():
    target = DenseTarget(np.eye(3))
    assert target_of(target, "float32")[0] is target
