"""What every target must do, whatever holds M: inherit TargetContract and say how to make one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from contracts.pass_contract import DTYPES, LARGE, SHAPES, PassContract, matrix, problem

from mfact.targets.dense import DenseTarget
from mfact.targets.fingerprint import fingerprint, probes, same_matrix


class TargetContract(PassContract):
    """The tests of Target, Normal and Summed. The truth is NumPy on the whole dense matrix."""

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("shape", SHAPES)
    def test_shape_and_dtype_are_those_of_the_matrix(self, shape, dtype):
        target = self.make(matrix(shape, dtype))
        assert tuple(target.shape) == shape
        assert np.dtype(target.dtype) == dtype

    @pytest.mark.parametrize("scale", [1.0, 1e200, 1e-200])
    @pytest.mark.parametrize("shape", SHAPES)
    def test_norm(self, shape, scale):
        M = matrix(shape, np.float64)
        # A sum of n squares has a relative error below n·eps, of which the root halves.
        tolerance = (M.size + 4) * float(np.finfo(np.float64).eps)
        assert self.make(M * scale).norm == pytest.approx(
            np.linalg.norm(M) * scale, rel=tolerance, abs=0
        )

    def test_norm_of_float32_does_not_lose_what_float64_would_keep(self):
        M = matrix(LARGE, np.float32)
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
        M = matrix(shape, dtype) * dtype(scale)
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
        M = matrix((40, 23), dtype)
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
    def test_residual_norm(self, shape, dtype):
        M, U, V = problem(shape, 5, dtype)
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
        M, U, V = problem((12, 9), 2, np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            norm = self.make(M).residual_norm(1e200 * U, 1e200 * V)
        assert not np.isfinite(norm)


def _exact_sums(M):
    """Σ w_i m_ik z_k, each term an exact product of two roundings, summed without any."""
    w, z = probes(M.shape)
    rows, columns = np.nonzero(M)
    terms = M[rows, columns].astype(float)[:, None] * (w[rows] * z[columns])
    return np.array([math.fsum(column) for column in terms.T])


def _small_integers(shape, dtype):
    rng = np.random.default_rng(5)
    U, V = (rng.integers(-4, 5, (length, 3)).astype(dtype) for length in shape)
    V[0] = (1, 2, -1)
    return U, V
