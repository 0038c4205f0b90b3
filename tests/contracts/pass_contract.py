"""How any target multiplies: the part of TargetContract that is about products of M."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import holed

from mfact.core import LEFT, RIGHT, Array, Summed
from mfact.host.threads import ALONE, Workers
from mfact.targets.counted import two_degrees

SHAPES = [(1, 1), (1, 7), (9, 1), (40, 23), (23, 40)]
# Larger than the tiles, bands and blocks that the targets cut M into.
LARGE = (530, 3100)
DTYPES = [np.float64, np.float32]


class PassContract(ABC):
    """The tests of products and normal. The truth is NumPy on the whole dense matrix."""

    @abstractmethod
    def make(self, M: Array, workers: Workers = ALONE) -> Summed:
        """A target that holds M, of M's own dtype, and shares its passes by these workers."""

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("shape", [*SHAPES, LARGE])
    def test_products_are_those_of_the_dense_matrix(self, shape, dtype):
        M, U, V = problem(shape, 5, dtype)
        _check_products(self.make(M), M, U, V)

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("shape", [*SHAPES, LARGE])
    def test_normal_takes_two_degrees(self, shape, dtype):
        M, U, V = problem(shape, 5, dtype)
        target = self.make(M)
        for side in (RIGHT, LEFT):
            for left, right in ((U, V), (U[:, :0], V), (U, V[:, :0])):
                MV, MtU, again, passes = two_degrees(target, left, right, side)
                assert passes == (1 if side == target.leads else 2)
                _check_product(MV, M, right)
                _check_product(MtU, M.T, left)
                if side == LEFT:
                    _check_product(again, M, np.asarray(MtU))
                else:
                    _check_product(again, M.T, np.asarray(MV))

    @pytest.mark.parametrize("shape", [*SHAPES, LARGE])
    def test_no_bit_depends_on_the_number_of_workers(self, shape):
        M, U, V = problem(shape, 5, np.float64)
        found = []
        for count in (1, 2, 4):
            with Workers(count) as workers:
                target = self.make(M, workers)
                starts = ((U, V), (U[:, :0], V), (U, V[:, :0]))
                normals = [two_degrees(target, *at, target.leads or RIGHT)[:3] for at in starts]
                numbers = [*target.sums, target.norm, target.residual_norm(U, V)]
                found.append([*target.products(U, V), *chain(*normals), *numbers])
        for other in found[1:]:
            for one, two in zip(found[0], other, strict=True):
                np.testing.assert_array_equal(one, two)

    def test_products_on_any_shape(self):
        # Within the method, because Hypothesis wants one class for each test that it runs.
        @given(
            shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
            k=st.integers(1, 6),
            seed=st.integers(0, 2**32 - 1),
        )
        def check(shape, k, seed):
            M, U, V = problem(shape, k, np.float64, seed)
            _check_products(self.make(M), M, U, V)

        check()

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_products_keep_the_dtype(self, dtype):
        M, U, V = problem((12, 9), 3, dtype)
        MV, MtU = self.make(M).products(U, V)
        assert np.asarray(MV).dtype == dtype
        assert np.asarray(MtU).dtype == dtype

    def test_products_scale_exactly_with_powers_of_two(self):
        M, U, V = problem((40, 23), 4, np.float64)
        target = self.make(M)
        MV, MtU = target.products(U, V)
        scaled = target.products(2 * U, 0.25 * V)
        np.testing.assert_array_equal(scaled[0], 0.25 * np.asarray(MV))
        np.testing.assert_array_equal(scaled[1], 2 * np.asarray(MtU))

    def test_products_are_additive(self):
        M, U, V = problem((40, 23), 4, np.float64)
        _, U2, V2 = problem((40, 23), 4, np.float64, seed=8)
        target = self.make(M)
        both, first, second = (target.products(*at) for at in ((U + U2, V + V2), (U, V), (U2, V2)))
        for whole, one, other in zip(both, first, second, strict=True):
            # Three products of at most 40 terms, each below 40·|m|·|v|, rounded once a term.
            tolerance = 40 * np.finfo(float).eps * 40 * np.abs(M).max() * 10
            np.testing.assert_allclose(whole, np.asarray(one) + other, rtol=0, atol=tolerance)

    def test_the_two_products_are_adjoint(self):
        M, U, V = problem((40, 23), 1, np.float64)
        MV, MtU = self.make(M).products(U, V)
        bound = (40 + 23) * np.finfo(float).eps * float(np.vdot(np.abs(U), np.abs(M) @ np.abs(V)))
        assert abs(float(np.vdot(U, MV)) - float(np.vdot(MtU, V))) <= bound

    @pytest.mark.parametrize("order", ["C", "F"])
    def test_any_memory_order_is_taken(self, order):
        M, U, V = problem((40, 23), 4, np.float64)
        target = self.make(np.asarray(M, order=order))
        for arrange in (np.ascontiguousarray, np.asfortranarray, _strided):
            _check_products(target, M, arrange(U), arrange(V))
            truth = np.linalg.norm(U @ V.T - M)
            assert target.residual_norm(arrange(U), arrange(V)) == pytest.approx(truth, rel=1e-12)

    def test_nothing_handed_in_or_out_is_changed(self):
        M, U, V = problem((40, 23), 4, np.float64)
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


def matrix(shape, dtype, seed=7):
    return holed(np.random.default_rng(seed), shape, dtype)


def problem(shape, k, dtype, seed=7):
    rng = np.random.default_rng((seed, 1))
    U, V = (rng.standard_normal((length, k)).astype(dtype) for length in shape)
    return matrix(shape, dtype, seed), U, V


def _strided(A):
    wide = np.zeros((2 * A.shape[0], 3 * A.shape[1]), A.dtype)
    wide[::2, ::3] = A
    return wide[::2, ::3]


def _check_products(target, M, U, V):
    """Against float64 products, within the error bound n·eps·|M||V| of any order of summation."""
    MV, MtU = target.products(U, V)
    _check_product(MV, M, V)
    _check_product(MtU, M.T, U)


def _check_product(product, left, right):
    eps = float(np.finfo(left.dtype).eps)
    left, right = left.astype(np.float64), np.asarray(right, np.float64)
    bound = (left.shape[1] + 2) * eps * (np.abs(left) @ np.abs(right))
    assert np.asarray(product).shape == (left.shape[0], right.shape[1])
    error = np.abs(np.asarray(product, np.float64) - left @ right)
    assert (error <= bound).all()
