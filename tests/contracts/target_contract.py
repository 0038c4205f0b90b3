"""What every target must do, whatever holds M: inherit TargetContract and say how to make one."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import holed

from mfact.core import Array, Summed
from mfact.targets.dense import DenseTarget
from mfact.targets.fingerprint import fingerprint, probes, same_matrix

SHAPES = [(1, 1), (1, 7), (9, 1), (40, 23), (23, 40)]
# Larger than the tiles and blocks that the targets cut M into.
LARGE = (530, 3100)
DTYPES = [np.float64, np.float32]


class TargetContract(ABC):
    """The tests of Target and Summed. The truth is NumPy on the whole dense matrix."""

    @abstractmethod
    def make(self, M: Array) -> Summed:
        """A target that holds M, of M's own dtype."""

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("shape", SHAPES)
    def test_shape_and_dtype_are_those_of_the_matrix(self, shape, dtype):
        target = self.make(_matrix(shape, dtype))
        assert tuple(target.shape) == shape
        assert np.dtype(target.dtype) == dtype

    @pytest.mark.parametrize("scale", [1.0, 1e200, 1e-200])
    @pytest.mark.parametrize("shape", SHAPES)
    def test_norm(self, shape, scale):
        M = _matrix(shape, np.float64)
        # A sum of n squares has a relative error below n·eps, of which the root halves.
        tolerance = (M.size + 4) * float(np.finfo(np.float64).eps)
        assert self.make(M * scale).norm == pytest.approx(
            np.linalg.norm(M) * scale, rel=tolerance, abs=0
        )

    def test_norm_of_float32_does_not_lose_what_float64_would_keep(self):
        M = _matrix(LARGE, np.float32)
        truth = np.linalg.norm(M.astype(np.float64))
        # 1.6e6 squares summed in float32 alone could be wrong by far more than one rounding.
        assert self.make(M).norm == pytest.approx(truth, rel=8 * float(np.finfo(np.float32).eps))

    def test_norm_of_zero(self):
        assert self.make(np.zeros((3, 4))).norm == 0.0

    @pytest.mark.parametrize(
        ("dtype", "scale"),
        [(np.float64, 1.0), (np.float64, 1e150), (np.float64, 1e-150), (np.float32, 1.0)],
    )
    @pytest.mark.parametrize("shape", [*SHAPES, (1, 9000), (9000, 1), (130, 1600)])
    def test_sums(self, shape, dtype, scale):
        M = _matrix(shape, dtype) * dtype(scale)
        sums, rounding = self.make(M).sums
        # In float64 whatever the dtype: the truth is rounded to a fiftieth of the bound.
        truth = _exact_sums(M)
        assert np.abs(sums - truth).max() <= rounding
        norm = float(np.linalg.norm(M.astype(float)))
        eps = self.sums_eps(dtype)
        assert rounding == pytest.approx(
            4 * eps * sum(shape) ** 0.5 * max(norm, np.abs(truth).max()), rel=1e-4
        )

    def sums_eps(self, dtype):
        """ε of the arithmetic that the sums are accumulated in."""
        return float(np.finfo(float).eps)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_fingerprints_tell_another_matrix_and_only_another(self, dtype):
        M = _matrix((40, 23), dtype)
        told = fingerprint(self.make(M))
        for same in (DenseTarget(M), DenseTarget(np.asfortranarray(M))):
            assert same_matrix(told, fingerprint(same)) == ""
            assert same_matrix(fingerprint(same), told) == ""
        doubled, swapped = M.copy(), M.copy()
        doubled[0, 2], swapped[[4, 9]] = 2 * M[0, 2], M[[9, 4]]
        assert not np.array_equal(doubled, M)
        for other in (-M, doubled, swapped, M[:, ::-1].copy()):
            assert same_matrix(told, fingerprint(self.make(other))) != ""

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("shape", [*SHAPES, LARGE])
    def test_products_are_those_of_the_dense_matrix(self, shape, dtype):
        M, U, V = _problem(shape, 5, dtype)
        _check_products(self.make(M), M, U, V)

    def test_products_on_any_shape(self):
        # Within the method, because Hypothesis wants one class for each test that it runs.
        @given(
            shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
            k=st.integers(1, 6),
            seed=st.integers(0, 2**32 - 1),
        )
        def check(shape, k, seed):
            M, U, V = _problem(shape, k, np.float64, seed)
            _check_products(self.make(M), M, U, V)

        check()

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_products_keep_the_dtype(self, dtype):
        M, U, V = _problem((12, 9), 3, dtype)
        MV, MtU = self.make(M).products(U, V)
        assert np.asarray(MV).dtype == dtype
        assert np.asarray(MtU).dtype == dtype

    def test_products_scale_exactly_with_powers_of_two(self):
        M, U, V = _problem((40, 23), 4, np.float64)
        target = self.make(M)
        MV, MtU = target.products(U, V)
        scaled = target.products(2 * U, 0.25 * V)
        np.testing.assert_array_equal(scaled[0], 0.25 * np.asarray(MV))
        np.testing.assert_array_equal(scaled[1], 2 * np.asarray(MtU))

    def test_products_are_additive(self):
        M, U, V = _problem((40, 23), 4, np.float64)
        _, U2, V2 = _problem((40, 23), 4, np.float64, seed=8)
        target = self.make(M)
        both, first, second = (target.products(*at) for at in ((U + U2, V + V2), (U, V), (U2, V2)))
        for whole, one, other in zip(both, first, second, strict=True):
            # Three products of at most 40 terms, each below 40·|m|·|v|, rounded once a term.
            tolerance = 40 * np.finfo(float).eps * 40 * np.abs(M).max() * 10
            np.testing.assert_allclose(whole, np.asarray(one) + other, rtol=0, atol=tolerance)

    def test_the_two_products_are_adjoint(self):
        M, U, V = _problem((40, 23), 1, np.float64)
        MV, MtU = self.make(M).products(U, V)
        bound = (40 + 23) * np.finfo(float).eps * float(np.vdot(np.abs(U), np.abs(M) @ np.abs(V)))
        assert abs(float(np.vdot(U, MV)) - float(np.vdot(MtU, V))) <= bound

    @pytest.mark.parametrize("order", ["C", "F"])
    def test_any_memory_order_is_taken(self, order):
        M, U, V = _problem((40, 23), 4, np.float64)
        target = self.make(np.asarray(M, order=order))
        for arrange in (np.ascontiguousarray, np.asfortranarray, _strided):
            _check_products(target, M, arrange(U), arrange(V))
            truth = np.linalg.norm(U @ V.T - M)
            assert target.residual_norm(arrange(U), arrange(V)) == pytest.approx(truth, rel=1e-12)

    def test_nothing_handed_in_or_out_is_changed(self):
        M, U, V = _problem((40, 23), 4, np.float64)
        kept = M.copy(), U.copy(), V.copy()
        target = self.make(M)
        for array in (U, V):
            array.flags.writeable = False  # a write would raise
        first = [np.array(product) for product in target.products(U, V)]
        again = target.products(U, V)
        target.products(2 * U, 2 * V)
        target.residual_norm(U, V)
        for before, after in zip(kept, (M, U, V), strict=True):
            np.testing.assert_array_equal(before, after)
        for before, after in zip(first, again, strict=True):
            np.testing.assert_array_equal(before, after)

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("shape", [*SHAPES, LARGE])
    def test_residual_norm(self, shape, dtype):
        M, U, V = _problem(shape, 5, dtype)
        wide = [A.astype(np.float64) for A in (M, U, V)]
        truth = np.linalg.norm(wide[1] @ wide[2].T - wide[0])
        # In float64 at worst a rounding a term; float32 rounds each cell of the difference,
        # and may sum a tile of squares in float32.
        tolerance = 1e-12 if dtype == np.float64 else 1e-4
        assert self.make(M).residual_norm(U, V) == pytest.approx(truth, rel=tolerance)

    @pytest.mark.parametrize(("dtype", "bits"), [(np.float64, 40), (np.float32, 12)])
    @pytest.mark.parametrize("shape", [(40, 23), LARGE])
    def test_residual_norm_near_zero(self, shape, dtype, bits):
        U, V = _small_integers(shape, dtype)
        target = self.make(U @ V.T)
        assert target.residual_norm(U, V) == 0.0
        # All cells of (U + δe)Vᵀ − M fit in the mantissa, so the residual δ·V[:, 1] is exact,
        # where ‖UVᵀ‖² − 2⟨U, MV⟩ + ‖M‖² would lose every digit.
        delta = 2.0**-bits
        U[3, 1] += delta
        truth = delta * np.linalg.norm(V[:, 1].astype(np.float64))
        assert target.residual_norm(U, V) == pytest.approx(truth, rel=1e-6)

    def test_residual_norm_between_near_and_far(self):
        """Relative accuracy over sixteen decades of the residual, against extended precision."""
        U, V = _small_integers((40, 23), np.float64)
        target = self.make(U @ V.T)
        noise = np.random.default_rng(3).standard_normal(U.shape)
        for exponent in range(0, -52, -4):
            W = U + 2.0**exponent * noise
            cells = W.astype(np.longdouble) @ V.T - U.astype(np.longdouble) @ V.T
            truth = float(np.sqrt((cells**2).sum()))
            # Each cell is rounded at the size of UVᵀ, here below 256.
            rounding = 256 * np.finfo(float).eps * np.sqrt(cells.size)
            assert target.residual_norm(W, V) == pytest.approx(truth, rel=1e-12, abs=rounding)

    def test_a_diverged_point_gives_a_number_that_is_not_finite(self):
        M, U, V = _problem((12, 9), 2, np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            norm = self.make(M).residual_norm(1e200 * U, 1e200 * V)
        assert not np.isfinite(norm)


def _matrix(shape, dtype, seed=7):
    return holed(np.random.default_rng(seed), shape, dtype)


def _exact_sums(M):
    """Σ w_i m_ik z_k, each term an exact product of two roundings, summed without any."""
    w, z = probes(M.shape)
    rows, columns = np.nonzero(M)
    terms = M[rows, columns].astype(float)[:, None] * (w[rows] * z[columns])
    return np.array([math.fsum(column) for column in terms.T])


def _problem(shape, k, dtype, seed=7):
    rng = np.random.default_rng((seed, 1))
    U, V = (rng.standard_normal((length, k)).astype(dtype) for length in shape)
    return _matrix(shape, dtype, seed), U, V


def _small_integers(shape, dtype):
    rng = np.random.default_rng(5)
    U, V = (rng.integers(-4, 5, (length, 3)).astype(dtype) for length in shape)
    V[0] = (1, 2, -1)
    return U, V


def _strided(A):
    wide = np.zeros((2 * A.shape[0], 3 * A.shape[1]), A.dtype)
    wide[::2, ::3] = A
    return wide[::2, ::3]


def _check_products(target, M, U, V):
    """Against float64 products, within the error bound n·eps·|M||V| of any order of summation."""
    wide = M.astype(np.float64)
    eps = float(np.finfo(M.dtype).eps)
    MV, MtU = target.products(U, V)
    pairs = ((MV, wide, V), (MtU, wide.T, U))
    for product, left, right in pairs:
        bound = (left.shape[1] + 2) * eps * (np.abs(left) @ np.abs(right).astype(np.float64))
        assert np.asarray(product).shape == (left.shape[0], right.shape[1])
        error = np.abs(np.asarray(product, np.float64) - left @ right.astype(np.float64))
        assert (error <= bound).all()
