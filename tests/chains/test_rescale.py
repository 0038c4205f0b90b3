"""Rescaled weights are balanced, the least there are, and all else is left as it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joints_by_hand import badly_scaled, dense, sides_of, weights
from scipy.optimize import minimize

from mfact.chains.balance import standing
from mfact.chains.cells import cells
from mfact.chains.joints import Chain, Joint, Slot
from mfact.chains.rescale import BALANCED, ROUNDED, rescaled
from mfact.chains.whole import layer_scales
from mfact.errors import DataError

CLOSE = 1e-13
"""What sums of some hundred squares and a handful of scales are rounded to."""


def square(values):
    return sum(float(np.sum(W**2)) for W in values.values())


def at_scales(chain, values, logs):
    """Rescaled by e^logs, of all units one after the other."""
    values, at = dict(values), 0
    for joint in chain.joints:
        c = np.exp(logs[at : at + joint.units])
        at += joint.units
        for slot in joint.slots:
            factors = c ** -float(joint.degree) if slot in joint.drawn else c
            values[slot.tensor] = slot.scaled(values[slot.tensor], factors)
    return values


def mixed():
    """Channels in groups that feed channels that are flattened, by slots of unequal shapes."""
    first = Joint(
        "one", "two", 6, (Slot("one.weight", (6, 8), (0,)),),
        (Slot("two.weight", (2, 4, 3, 5), (0, 2)),), Slot("one.bias", (6,), (0,)), 2,
    )  # fmt: skip
    second = Joint(
        "two", "three", 8, (Slot("two.weight", (8, 15), (0,)),),
        (Slot("three.weight", (3, 8, 4), (1,)),), Slot("two.bias", (8,), (0,)),
    )  # fmt: skip
    return Chain((first, second), (), "by hand")


def chain_of(degrees, sizes=(4, 5, 6, 3, 2)):
    joints = [dense(sizes, degree).joints[at] for at, degree in enumerate(degrees)]
    return Chain(tuple(joints), (), "by hand")


CHAINS = {
    "one joint": dense([4, 5, 3]),
    "deep": dense([4, 5, 6, 3, 4, 2]),
    "no bias": dense([4, 5, 6, 3], bias=False),
    "degree 2": dense([4, 5, 6, 3], degree=2),
    "degrees": chain_of([1, 2, 3]),
    "groups": mixed(),
}


@pytest.mark.parametrize("name", CHAINS)
def test_every_unit_is_balanced_and_the_scales_are_what_was_done(name):
    chain = CHAINS[name]
    values = badly_scaled(chain, weights(chain), 1.5)
    found = rescaled(chain, values)
    assert found.settled
    assert found.left == 0
    after = {**values, **found.values}
    for joint in chain.joints:
        for unit in range(joint.units):
            into, out = sides_of(joint, after, unit)
            assert into @ into == pytest.approx(joint.degree * out @ out, rel=CLOSE)
    done = at_scales(chain, values, np.log(np.concatenate(found.scales)))
    for tensor, W in found.values.items():
        assert W.dtype == np.float64
        np.testing.assert_allclose(W, done[tensor], rtol=CLOSE)
    assert found.before == pytest.approx(square(values), rel=CLOSE)
    assert found.after == pytest.approx(square(after), rel=CLOSE)
    assert found.saved == found.before - found.after > 0


@pytest.mark.parametrize("name", CHAINS)
def test_no_rescaling_gives_less(name):
    chain = CHAINS[name]
    values = weights(chain, spread=0.5)
    found = rescaled(chain, values)
    units = sum(joint.units for joint in chain.joints)
    best = minimize(
        lambda logs: square(at_scales(chain, values, logs)), np.zeros(units), tol=1e-9
    ).fun
    assert found.after == pytest.approx(best, rel=1e-8)
    assert found.after <= best * (1 + CLOSE)
    # The derivative over log-scales is 2Q, and the function of them is convex.
    balanced = {**values, **found.values}
    for at in range(units):
        for shift in (-1e-3, 1e-3):
            logs = np.eye(units)[at] * shift
            assert square(at_scales(chain, balanced, logs)) > found.after


@given(st.integers(0, 10**6), st.floats(0.01, 3))
def test_any_other_scales_give_more(seed, spread):
    chain = CHAINS["degrees"]
    balanced = weights(chain)
    balanced |= rescaled(chain, balanced).values
    rng = np.random.default_rng(seed)
    logs = spread * rng.standard_normal(sum(joint.units for joint in chain.joints))
    assert square(at_scales(chain, balanced, logs)) > square(balanced)


@given(st.integers(0, 10**6), st.floats(0, 3), st.sampled_from(list(CHAINS)))
def test_all_networks_of_one_function_come_to_the_same_weights(seed, decades, name):
    chain = CHAINS[name]
    values = weights(chain)
    first = rescaled(chain, values).values
    second = rescaled(chain, badly_scaled(chain, values, decades, seed)).values
    for tensor, W in first.items():
        np.testing.assert_allclose(second[tensor], W, rtol=1e-11)


def test_a_single_joint_saves_its_excess_in_one_sweep():
    for degree in (1, 2, 3):
        chain = dense([4, 5, 3], degree)
        values = weights(chain)
        found = rescaled(chain, values)
        told = standing(chain.joints[0], values).excess
        assert found.saved == pytest.approx(told, rel=1e-12)
        assert found.sweeps <= 2


def test_what_is_balanced_stays():
    chain = CHAINS["deep"]
    values = weights(chain)
    values |= rescaled(chain, values).values
    again = rescaled(chain, values)
    assert again.sweeps == 1
    assert abs(again.saved) < CLOSE * again.before
    for tensor, W in again.values.items():
        np.testing.assert_allclose(W, values[tensor], rtol=CLOSE)


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("sizes", [[8] * 52, [3] * 12, [10, 32, 24, 4], [40, 200, 7, 150, 9]])
def test_scales_a_million_apart_take_tens_of_sweeps(sizes, degree):
    chain = dense(sizes, degree)
    values = badly_scaled(chain, weights(chain), 3 / degree)
    found = rescaled(chain, values)
    assert found.sweeps <= 50
    assert found.settled
    assert found.worst < 10 * BALANCED
    assert found.after < 0.01 * found.before


def test_layers_as_wholes_come_to_one_norm():
    """Of bias-free layers of degree 1, the least Σ‖W_h‖² of a given product of the norms."""
    chain = dense([6] * 9, bias=False)
    values = badly_scaled(chain, weights(chain), 3)
    live = [np.ones(joint.units, bool) for joint in chain.joints]
    ones = [np.ones(joint.units) for joint in chain.joints]
    shifts = layer_scales(cells(chain, values, live), ones)
    logs = np.repeat(np.log(shifts), [joint.units for joint in chain.joints])
    norms = [np.linalg.norm(W) for W in at_scales(chain, values, logs).values()]
    np.testing.assert_allclose(norms, norms[0], rtol=1e-12)


def test_dead_and_odd_units_stay_bit_for_bit_and_the_others_are_balanced():
    chain = dense([4, 5, 6, 3])
    values = badly_scaled(chain, weights(chain), 2)
    values["0.weight"][1], values["0.bias"][1] = 0, 0
    values["4.weight"][:, 2] = 0
    values["2.weight"][4, 3] = np.nan
    given_before = {tensor: W.copy() for tensor, W in values.items()}
    found = rescaled(chain, values)
    # Unit 1 of the first joint and 2 of the second are dead; the NaN feeds 4 and draws from 3.
    assert found.left == 4
    after = {**values, **found.values}
    left = [{1, 3}, {2, 4}]
    for joint, odd, c in zip(chain.joints, left, found.scales, strict=True):
        assert np.all(c[list(odd)] == 1)
        for unit in set(range(joint.units)) - odd:
            into, out = sides_of(joint, after, unit)
            assert into @ into == pytest.approx(out @ out, rel=CLOSE)
    assert after["2.weight"][2, 1] == values["2.weight"][2, 1]
    assert np.isnan(after["2.weight"][4, 3])
    assert found.settled
    for tensor, W in given_before.items():
        np.testing.assert_array_equal(values[tensor], W)


def test_where_no_unit_is_live_nothing_changes():
    chain = dense([2, 3, 2])
    found = rescaled(chain, {name: np.zeros_like(W) for name, W in weights(chain).items()})
    assert (found.values, found.left, found.saved, found.worst) == ({}, 3, 0, 0)
    assert found.settled


def test_a_limit_of_sweeps_is_kept_and_told():
    chain = dense([3] * 12)
    found = rescaled(chain, badly_scaled(chain, weights(chain), 3), limit=2)
    assert found.sweeps == 2
    assert not found.settled
    assert found.worst > ROUNDED


def test_squares_that_underflow_spoil_no_weight():
    chain = dense([2, 3, 2])
    values = weights(chain)
    values["0.weight"][0] *= 1e-160
    values["0.bias"][0] *= 1e-160
    found = rescaled(chain, values)
    assert all(np.isfinite(W).all() for W in found.values.values())
    assert standing(chain.joints[0], {**values, **found.values}).live.all()


def test_weights_of_float32_are_balanced_in_float64():
    chain = dense([30, 20, 40, 5])
    values = {k: W.astype("float32") for k, W in badly_scaled(chain, weights(chain), 1).items()}
    found = rescaled(chain, values)
    assert found.settled
    assert found.worst < 10 * BALANCED
    assert {W.dtype for W in found.values.values()} == {np.dtype("float64")}


def test_what_cuts_a_tensor_across_is_refused():
    one = Joint("a", "b", 4, (Slot("w", (4, 6), (0,)),), (Slot("v", (2, 4), (1,)),))
    two = Joint("c", "d", 6, (Slot("u", (6, 2), (0,)),), (Slot("w", (6, 4), (0,)),))
    rng = np.random.default_rng(0)
    values = {"w": rng.random((4, 6)), "v": rng.random((2, 4)), "u": rng.random((6, 2))}
    with pytest.raises(DataError, match="cut w across each other"):
        rescaled(Chain((one, two), (), ""), values)
