"""What a matrix less its means must do, whatever holds the matrix: inherit it and say how to hold.

The truth is the matrix made by hand in extended precision. How far a result may be from it is told
by the size of A, which is what is multiplied, never by its square.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import chain

import numpy as np
import pytest
from centred_by_hand import KINDS, by_hand, means, offset
from contracts.pass_contract import LARGE

from mfact.core import RIGHT, Array, Target
from mfact.host.threads import ALONE, Workers
from mfact.targets.centred import Centred
from mfact.targets.counted import two_degrees
from mfact.targets.dense import DenseTarget
from mfact.targets.fingerprint import fingerprint, same_matrix

SHAPES = [(1, 7), (9, 1), (40, 23), (23, 40)]
OFFSETS = [(np.float64, 0.0), (np.float64, 1e6), (np.float32, 300.0)]
EVERY = [(kind, shape, *kept) for kind in KINDS for shape in SHAPES for kept in OFFSETS]
EVERY += [
    pytest.param("columns", LARGE, np.float64, 1e6, marks=pytest.mark.slow),
    pytest.param("rows", LARGE, np.float32, 300.0, marks=pytest.mark.slow),
]
BANDS = (280, 2000)
"""Of a matrix that several bands, blocks and slabs are made of."""
SOME = [(kind, (40, 23), *kept) for kind in KINDS for kept in OFFSETS]


class CentredContract(ABC):
    """The tests of Centred around a target."""

    @abstractmethod
    def hold(self, A: Array, workers: Workers = ALONE) -> Target:
        """A target that holds A, of A's own dtype, and shares its passes by these workers."""

    narrow = False
    """Whether norm and sums are taken in the arithmetic, not in float64."""

    @pytest.mark.parametrize(("kind", "shape", "dtype", "mean"), EVERY)
    def test_products_are_those_of_the_matrix_made_by_hand(self, kind, shape, dtype, mean):
        A, U, V = problem(shape, dtype, mean)
        M = by_hand(A, kind)
        MV, MtU = Centred(self.hold(A), kind).products(U, V)
        assert MV.dtype == MtU.dtype == dtype
        near(MV, M @ V, rounding(A) * sizes(V))
        near(MtU, M.T @ U, rounding(A) * sizes(U))

    @pytest.mark.parametrize(("kind", "shape", "dtype", "mean"), EVERY)
    def test_two_degrees_lose_the_mean_once_and_not_its_square(self, kind, shape, dtype, mean):
        A, U, V = problem(shape, dtype, mean)
        M, target = by_hand(A, kind), Centred(self.hold(A), kind)
        size, off = float(np.linalg.norm(M.astype(float))), rounding(A)
        for side in (RIGHT, "left"):
            for left, right in ((U, V), (U[:, :0], V), (U, V[:, :0])):
                MV, MtU, again, passes = two_degrees(target, left, right, side)
                assert passes == (1 if side == target.leads else 2)
                near(MV, M @ right, off * sizes(right))
                near(MtU, M.T @ left, off * sizes(left))
                truth = M.T @ (M @ right) if side == RIGHT else M @ (M.T @ left)
                # ε‖A‖ in each of the two products, the second of what is as large as M.
                near(again, truth, off * (2 * size + off) * sizes(right if side == RIGHT else left))

    @pytest.mark.parametrize(("kind", "shape", "dtype", "mean"), EVERY)
    def test_norm_sums_and_mean(self, kind, shape, dtype, mean):
        A, _, _ = problem(shape, dtype, mean)
        M, target = by_hand(A, kind), Centred(self.hold(A), kind)
        eps = float(np.finfo(dtype if self.narrow else float).eps)
        whole, size = float(np.linalg.norm(A.astype(float))), float(np.linalg.norm(M.astype(float)))
        assert abs(target.norm - size) <= eps * (4 * whole + (A.size + 4) * size)
        assert target.offset == pytest.approx(offset(A, kind), rel=(sum(shape) + 4) * eps)
        truth = means(A, kind).ravel()
        assert target.mean.shape == truth.shape
        assert target.mean.dtype == np.float64
        line = A.size // truth.size if self.narrow else 4
        assert np.abs(target.mean - truth).max() <= line * eps * np.abs(A).max()
        told = fingerprint(target)
        # Each entry of the matrix by hand is rounded by itself, of this one by those of A.
        hand = fingerprint(DenseTarget(M.astype(float)))
        hand |= {name: told[name] for name in ("dtype", "offset")}
        assert same_matrix(told, hand) == ""
        if size == 0:  # of one line
            return
        other = np.array(A)
        other[-1, -1] += (1 + size) / 4
        assert same_matrix(told, fingerprint(Centred(self.hold(other), kind))) != ""

    @pytest.mark.parametrize(("kind", "shape", "dtype", "mean"), SOME)
    def test_residual_norm_is_of_the_differences_themselves(self, kind, shape, dtype, mean):
        A, U, V = problem(shape, dtype, mean)
        M, target, off = by_hand(A, kind), Centred(self.hold(A), kind), rounding(A)
        left, sigma, right = np.linalg.svd(M.astype(float), full_matrices=False)
        left, right = left * np.sqrt(sigma), right.T * np.sqrt(sigma)
        for X, Y in ((U, V), (U[:, :0], V[:, :0]), (left[:, :9], right[:, :9]), (left, right)):
            X, Y = X.astype(dtype), Y.astype(dtype)
            truth = float(np.linalg.norm((X.astype(np.longdouble) @ Y.T - M).astype(float)))
            assert abs(target.residual_norm(X, Y) - truth) <= off + 1e-5 * truth

    @pytest.mark.parametrize(("kind", "shape", "dtype", "mean"), SOME)
    @pytest.mark.parametrize("height", [7, 100])
    def test_slices(self, kind, shape, dtype, mean, height):
        A, _, _ = problem(shape, dtype, mean)
        kept, eps = A.copy(), float(np.finfo(dtype).eps)
        found = list(Centred(self.hold(A), kind).slices(height))
        assert all(rows.dtype == dtype and rows.flags.c_contiguous for rows in found)
        tall = by_hand(A, kind)
        tall = tall if shape[0] >= shape[1] else tall.T
        assert np.abs(np.vstack(found) - tall).max() <= 4 * eps * np.abs(A).max()
        np.testing.assert_array_equal(A, kept)

    @pytest.mark.parametrize(
        "kind",
        ["columns", *(pytest.param(each, marks=pytest.mark.slow) for each in ("mean", "rows"))],
    )
    def test_no_bit_depends_on_the_number_of_workers_and_nothing_is_changed(self, kind):
        A, U, V = problem(BANDS, np.float64, 1e3)
        kept, found = A.copy(), []
        for array in (A, U, V):
            array.flags.writeable = False
        for count in (1, 2, 4):
            with Workers(count) as workers:
                target = Centred(self.hold(A, workers), kind)
                starts = ((U, V), (U[:, :0], V), (U, V[:, :0]))
                normals = [two_degrees(target, *at, target.leads or RIGHT)[:3] for at in starts]
                numbers = [*target.sums, target.norm, target.residual_norm(U, V), target.mean]
                found.append([*target.products(U, V), *chain(*normals), *numbers])
        for other in found[1:]:
            for one, two in zip(found[0], other, strict=True):
                np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(A, kept)

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_matrix_without_means_is_left_as_it_is(self, kind):
        A = np.array([[1.0, -1.0], [-1.0, 1.0]])
        target, U = Centred(self.hold(A), kind), np.eye(2)
        np.testing.assert_array_equal(target.products(U, U)[0], A)
        assert (target.norm, target.offset) == (2.0, 0.0)
        assert not target.mean.any()


def problem(shape, dtype, mean, seed=7):
    rng = np.random.default_rng(seed)
    A = (mean + rng.standard_normal(shape) + np.arange(shape[1]) / shape[1]).astype(dtype)
    A[rng.random(shape) < 1 / 3] = mean
    U, V = (rng.standard_normal((length, 5)).astype(dtype) for length in shape)
    return A, U, V


def rounding(A):
    """ε‖A‖_F of a product with so many terms."""
    terms = max(A.shape) + 4
    return terms * float(np.finfo(A.dtype).eps) * float(np.linalg.norm(A.astype(float)))


def sizes(factor):
    """‖column‖ of each."""
    return np.linalg.norm(factor.astype(float), axis=0)


def near(product, truth, allowed):
    """Whether each column is within its own bound."""
    assert product.shape == truth.shape
    error = np.linalg.norm((np.asarray(product, np.longdouble) - truth).astype(float), axis=0)
    assert (error <= allowed).all(), (error / np.maximum(allowed, 1e-300)).max()
