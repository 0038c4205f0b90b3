"""What bases ask for again is answered from memory, with the bits that a pass would give."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from contracts.centred_contract import CentredContract
from contracts.holders import HOLDERS, Foreign
from contracts.target_contract import TargetContract
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from mfact.core import RIGHT
from mfact.host.threads import ALONE
from mfact.krylov.basis import Basis
from mfact.targets.counted import Counted, leads_of
from mfact.targets.dense import DenseTarget
from mfact.targets.remembered import Remembered
from mfact.targets.sparse import SparseTarget

MUCH = 1 << 24


class TestRemembered(TargetContract):
    def make(self, M, workers=ALONE):
        return Remembered(DenseTarget(M, None, workers), MUCH)


class TestRememberedSparse(TargetContract):
    def make(self, M, workers=ALONE):
        return Remembered(SparseTarget(csr_array(M), None, workers), MUCH)


class TestRememberedForeign(TargetContract):
    def make(self, M, workers=ALONE):
        return Remembered(Counted(Foreign(M)), MUCH)

    def sums_eps(self, dtype):
        return float(np.finfo(dtype).eps)


class TestLittleIsRemembered(TargetContract):
    def make(self, M, workers=ALONE):
        return Remembered(DenseTarget(M, None, workers), 2000)


class TestCentredRemembered(CentredContract):
    """Below what takes off the means, as in a comparison."""

    def hold(self, A, workers=ALONE):
        return Remembered(DenseTarget(A, None, workers), MUCH)


def blocks(shape, k, seed=3):
    rng = np.random.default_rng(seed)
    return [np.asfortranarray(rng.standard_normal((length, k))) for length in shape]


@pytest.mark.parametrize("holder", HOLDERS)
def test_bases_that_grow_again_take_no_pass_and_have_the_same_bits(holder):
    M, (U, V) = np.random.default_rng(1).standard_normal((30, 20)), blocks((30, 20), 2)

    def grown(target):
        basis = Basis.begin(U, V, target.norm, leads=leads_of(target), drawn=True)
        for _ in range(4):
            basis = basis.probed().extend(target)
        return basis

    target = Remembered(HOLDERS[holder](M), MUCH)
    alone, first = grown(HOLDERS[holder](M)), grown(target)
    asked, taken = target.asked, target.taken
    again = grown(target)
    # Of a target without normal() the first pass is of both sides, as a step would take it.
    assert target.taken - taken == (0 if target.held is None or leads_of_held(target) else 1)
    assert target.asked == 2 * asked
    for one in (first, again):
        for side, other in ((one.left, alone.left), (one.right, alone.right)):
            np.testing.assert_array_equal(side.whole, other.whole)
        np.testing.assert_array_equal(one.B, alone.B)


def leads_of_held(target):
    return getattr(target.held, "leads", "")


@given(
    shape=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    k=st.integers(1, 4),
    bit=st.integers(0, 63),
    data=st.data(),
)
def test_one_bit_makes_another_block(shape, k, bit, data):
    M = np.random.default_rng(0).standard_normal(shape)
    U, V = blocks(shape, k)
    target = Remembered(DenseTarget(M), MUCH)
    none = U[:, :0]
    target.normal(none, V)
    at = data.draw(st.integers(0, V.size - 1))
    other = V.copy()
    other.reshape(-1, order="A").view(np.uint64)[at] ^= np.uint64(1 << bit)
    with np.errstate(over="ignore", invalid="ignore"):
        found, truth = target.normal(none, other), DenseTarget(M).normal(none, other)
    assert target.taken == 2
    for one, two in zip(found, truth, strict=True):
        np.testing.assert_array_equal(one, two)
    target.normal(none, V)
    assert target.asked == 3


def test_a_zero_of_the_other_sign_is_another_block():
    target = Remembered(DenseTarget(np.eye(3)), MUCH)
    for zero in (0.0, -0.0):
        found = target.normal(np.zeros((3, 0)), np.full((3, 1), zero))[0]
        assert np.array_equal(np.signbit(found), np.signbit(np.eye(3) @ np.full((3, 1), zero)))
    assert target.taken == 2


def test_who_writes_into_what_was_found_changes_no_memory():
    M, (_, V) = np.random.default_rng(1).standard_normal((9, 6)), blocks((9, 6), 2)
    target, none = Remembered(DenseTarget(M), MUCH), np.zeros((9, 0))
    truth = DenseTarget(M).normal(none, V)
    for _ in range(3):
        for each, true in zip(target.normal(none, V), truth, strict=True):
            np.testing.assert_array_equal(each, true)
            each += 1.0
    assert (target.asked, target.taken) == (3, 1)


def test_what_a_product_begins_with_is_part_of_what_is_asked():
    M, (_, V) = np.random.default_rng(1).standard_normal((9, 6)), blocks((9, 6), 2)
    target, none = Remembered(DenseTarget(M), MUCH), np.zeros((9, 0))
    for start in (1.0, 2.0, 1.0):
        begin = np.full((9, 2), start)
        found = target.normal(none, V, begin)
        truth = DenseTarget(M).normal(none, V, np.full((9, 2), start))
        for each, true in zip(found, truth, strict=True):
            np.testing.assert_array_equal(each, true)
    assert (target.asked, target.taken) == (3, 2)


def test_steps_on_the_factors_are_never_kept():
    M, (U, V) = np.random.default_rng(1).standard_normal((9, 6)), blocks((9, 6), 2)
    target = Remembered(DenseTarget(M), MUCH)
    for _ in range(3):
        target.products(U, V)
        target.residual_norm(U, V)
    assert (target.asked, target.taken, target.bytes) == (6, 6, 0)


def test_no_more_is_kept_than_may_be_and_what_is_older_goes_first():
    M = np.random.default_rng(1).standard_normal((40, 30))
    of = [blocks((40, 30), 2, seed)[1] for seed in range(5)]
    each = 8 * 2 * (30 + 40 + 30)
    target, none = Remembered(DenseTarget(M), 3 * each + 7), np.zeros((40, 0))
    for V in of:
        target.normal(none, V)
        assert target.bytes <= 3 * each
    assert (target.bytes, target.taken) == (3 * each, 5)
    target.normal(none, of[2])  # is there, and is the newest now
    target.normal(none, of[0])
    target.normal(none, of[2])
    assert target.taken == 6
    target.normal(none, of[3])
    assert target.taken == 7
    target.forget()
    assert target.bytes == 0
    target.normal(none, of[2])
    assert target.taken == 8


def test_a_target_has_what_it_holds_and_nothing_else():
    dense, foreign = (Remembered(each(np.ones((4, 3))), 0) for each in (DenseTarget, Foreign))
    assert dense.leads == RIGHT
    assert len(inspect.signature(dense.normal).parameters) == 3
    assert len(inspect.signature(Remembered(Counted(foreign), 0).normal).parameters) == 2
    for name in ("leads", "normal", "slices", "means", "look"):
        assert not hasattr(foreign, name)
    assert foreign.stored_eps == np.finfo(float).eps
