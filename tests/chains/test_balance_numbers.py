"""The numbers of each unit in one checkpoint are those counted one by one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joints_by_hand import dense, numbers_of, sides_of, weights
from scipy.optimize import minimize_scalar

from mfact.chains.balance import excess, standing
from mfact.chains.blocks import places, sums
from mfact.chains.joints import Joint, Slot

CLOSE = 1e-13
"""Sums of up to some hundred squares, each rounded to 1e-16."""

CHANNELS = Joint(
    "conv", "fc", 3,
    (Slot("conv.weight", (3, 8), (0,)),),
    (Slot("fc.weight", (5, 3, 4), (1,)),),
    Slot("conv.bias", (3,), (0,)), 1, "4 columns a channel",
)  # fmt: skip
GROUPED = Joint(
    "one", "two", 6,
    (Slot("one.weight", (6, 10), (0,)),),
    (Slot("two.weight", (2, 4, 3, 9), (0, 2)),), None, 2, "in 2 groups",
)  # fmt: skip
STREAM = Joint(
    "writers", "readers", 4,
    (Slot("a.weight", (4, 3), (0,)), Slot("b.weight", (4, 5), (0,)), Slot("b.bias", (4,), (0,))),
    (Slot("c.weight", (2, 4), (1,)), Slot("d.weight", (3, 4), (1,))), Slot("a.bias", (4,), (0,)),
)  # fmt: skip
JOINTS = {
    "dense": dense([4, 5, 3]).joints[0],
    "no bias": dense([4, 5, 3], degree=3, bias=False).joints[0],
    "channels": CHANNELS,
    "grouped": GROUPED,
    "stream": STREAM,
}


def values_of(joint, seed=0):
    rng = np.random.default_rng(seed)
    return {slot.tensor: rng.standard_normal(slot.shape) for slot in joint.slots}


@pytest.mark.parametrize("name", JOINTS)
def test_the_squares_of_each_unit_are_those_counted_one_by_one(name):
    joint = JOINTS[name]
    values = values_of(joint)
    found = standing(joint, values)
    for unit in range(joint.units):
        into, out = sides_of(joint, values, unit)
        assert found.into[unit] == pytest.approx(into @ into, rel=CLOSE)
        assert found.out[unit] == pytest.approx(out @ out, rel=CLOSE)
        if joint.bias is not None:
            fed = into[:-1]
            without = standing(replace(joint, bias=None), values)
            assert without.into[unit] == pytest.approx(fed @ fed, rel=CLOSE)
        Q = into @ into - joint.degree * out @ out
        assert found.Q[unit] == pytest.approx(Q, abs=CLOSE * (into @ into + out @ out))
    assert found.total_in == pytest.approx(found.into.sum(), rel=CLOSE)
    assert found.difference == pytest.approx(found.Q.sum(), rel=1e-10)
    assert found.ratio == pytest.approx(found.into.sum() / found.out.sum(), rel=CLOSE)
    assert (found.skipped, found.dead) == (0, 0)
    worst = int(np.argmax(np.abs(found.Q)))
    whole = found.into[worst] + joint.degree * found.out[worst]
    assert found.worst == (worst, found.Q[worst], abs(found.Q[worst]) / whole)


@pytest.mark.parametrize("kind", ["float16", "float32"])
def test_weights_of_lower_kinds_are_summed_in_float64(kind):
    joint = dense([300, 20, 30]).joints[0]
    values = {name: W.astype(kind) for name, W in weights(dense([300, 20, 30])).items()}
    found = standing(joint, values)
    W = values["0.weight"].astype(float)
    truth = (W**2).sum(1) + values["0.bias"].astype(float) ** 2
    np.testing.assert_allclose(found.into, truth, rtol=CLOSE)


@given(st.data())
def test_sums_and_scales_of_slots_are_of_each_unit(data):
    shape = tuple(data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4)))
    axes = data.draw(st.permutations(range(len(shape))))
    axes = tuple(axes[: data.draw(st.integers(0, len(shape)))])
    slot = Slot("w", shape, axes)
    rng = np.random.default_rng(0)
    P, Q = rng.standard_normal((2, *shape))
    (found,) = sums(slot, lambda p, q: [(p, q)], P, Q)
    units = range(slot.units)
    truth = [numbers_of(slot, P, unit) @ numbers_of(slot, Q, unit) for unit in units]
    np.testing.assert_allclose(found, truth, atol=CLOSE)
    np.testing.assert_allclose(slot.sums(P, Q), truth, atol=CLOSE)
    scaled = slot.scaled(P, np.arange(1.0, slot.units + 1))
    for unit in units:
        np.testing.assert_array_equal(
            numbers_of(slot, scaled, unit), (unit + 1) * numbers_of(slot, P, unit)
        )


@given(
    st.lists(st.integers(0, 6), min_size=0, max_size=4).map(tuple), st.integers(1, 40)
)  # fmt: skip
def test_blocks_cover_an_array_once_and_are_small(shape, numbers):
    seen = np.zeros(shape, int)
    for place in places(shape, numbers):
        seen[place] += 1
        assert seen[place].size <= numbers
    assert np.all(seen == 1)


@pytest.mark.parametrize("axis", [0, 1])
def test_sums_of_more_than_one_block_are_whole(axis):
    W = np.random.default_rng(0).standard_normal((301, 701)).astype("float32")
    (found,) = sums(Slot("w", W.shape, (axis,)), lambda w: [(w, w)], W)
    np.testing.assert_allclose(found, (W.astype(float) ** 2).sum(1 - axis), rtol=CLOSE)


SQUARES = st.floats(1e-6, 1e6)


@given(SQUARES, SQUARES, st.integers(1, 4))
def test_the_excess_is_what_the_best_scale_saves(into, out, degree):
    def size(s):
        return np.exp(2 * s) * into + np.exp(-2 * degree * s) * out

    best = minimize_scalar(size, (-1, 1), tol=1e-12).fun
    (found,) = excess(np.array([into]), np.array([out]), degree)
    assert found == pytest.approx(into + out - best, abs=1e-12 * (into + out))
    c = (degree * out / into) ** (1 / (2 * degree + 2))
    assert size(np.log(c)) == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("off", [1e-3, 1e-6])
def test_the_excess_of_units_near_balance_keeps_its_digits(degree, off):
    into, out = 3.0 * (1 + off), 3.0 / degree
    with localcontext() as context:
        context.prec = 60
        a, b, p = Decimal(into), Decimal(out), Decimal(degree)
        least = (1 + 1 / p) * (a**p * p * b) ** (1 / (p + 1))
        truth = float(a + b - least)
    (found,) = excess(np.array([into]), np.array([out]), degree)
    # α − β is a difference of roundings of 1e-16, at a distance of about off/(p + 1).
    assert found == pytest.approx(truth, rel=1e-14 / off)
    assert excess(np.array([2.0 * degree]), np.array([2.0]), degree) < 1e-30


def test_dead_units_are_counted_and_what_they_hold_is_told_apart():
    chain = dense([4, 5, 3])
    values = weights(chain)
    values["0.weight"][1], values["0.bias"][1] = 0, 0
    values["2.weight"][:, 3] = 0
    found = standing(chain.joints[0], values)
    assert (found.dead, found.skipped) == (2, 0)
    assert list(found.live) == [True, False, True, False, True]
    lost = (values["2.weight"][:, 1] ** 2).sum() + (values["0.weight"][3] ** 2).sum()
    idle = (found.into + found.out)[~found.live].sum()
    assert idle == pytest.approx(lost + values["0.bias"][3] ** 2, rel=CLOSE)
    alone = (np.sqrt(found.into) - np.sqrt(found.out)) ** 2
    assert found.excess == pytest.approx(alone[found.live].sum(), rel=CLOSE)
    # The limit of c → 0 or ∞, which excess() gives for a dead unit.
    np.testing.assert_allclose(
        excess(found.into, found.out, 1)[[1, 3]], [found.out[1], found.into[3]], rtol=CLOSE
    )


@pytest.mark.parametrize("odd", [np.nan, np.inf, 1e200])
def test_units_that_are_not_finite_are_skipped_and_counted(odd):
    chain = dense([4, 5, 3])
    values = weights(chain)
    clean = standing(chain.joints[0], values)
    values["0.weight"][2, 1] = odd
    values["2.weight"][0, 4] = odd
    found = standing(chain.joints[0], values)
    assert found.skipped == 2
    kept = [0, 1, 3]
    assert found.total_in == pytest.approx(clean.into[kept].sum(), rel=CLOSE)
    assert found.total_out == pytest.approx(clean.out[kept].sum(), rel=CLOSE)
    assert found.worst.unit in kept
    assert np.isfinite([found.difference, found.ratio, found.excess, *found.worst]).all()


def test_where_no_unit_can_be_judged_nothing_is_claimed():
    joint = dense([2, 2, 2]).joints[0]
    values = {slot.tensor: np.full(slot.shape, np.nan) for slot in joint.slots}
    found = standing(joint, values)
    assert found.worst is None
    assert (found.skipped, found.total_in, found.excess) == (2, 0, 0)
    assert np.isnan(found.ratio)
    zero = standing(joint, {name: np.zeros_like(W) for name, W in values.items()})
    assert zero.worst == (0, 0, 0)
    assert zero.dead == 2
