"""How units moved between two checkpoints: brute force, the exact law of one step, rounding."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joints_by_hand import dense, sides_of, weights

from mfact.chains.kappa import HIDDEN, LEAST, moved
from mfact.tensors.state_dict import UNITS


def stored(W, kind):
    """W as a file of that kind gives it back; bfloat16 as float32 of the same value."""
    if kind != "bfloat16":
        return W.astype(kind)
    bits = W.astype("float32").view("uint32")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).view("float32")


def pair(chain, seed=0, size=1e-2):
    w = weights(chain, seed)
    step = weights(chain, seed + 1)
    return w, {name: W + size * step[name] for name, W in w.items()}


def between(joint, w, then, kinds=("float64", "float64")):
    named = [dict.fromkeys(w, kind) for kind in kinds]
    return moved(joint, w, then, (named[0], named[1]))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("degree", [1, 2])
def test_change_and_move_of_each_unit_are_those_counted_one_by_one(degree, bias):
    chain = dense([4, 5, 3, 2], degree, bias)
    w, then = pair(chain)
    for joint in chain.joints:
        found = between(joint, w, then)
        lengths = np.zeros(2)
        for unit in range(joint.units):
            into, out = sides_of(joint, w, unit)
            into_then, out_then = sides_of(joint, then, unit)
            change = into_then @ into_then - into @ into
            change -= degree * (out_then @ out_then - out @ out)
            step, step_out = into_then - into, out_then - out
            square = step @ step + degree * step_out @ step_out
            assert found.change[unit] == pytest.approx(change, abs=1e-13 * (into @ into + 9))
            assert found.square[unit] == pytest.approx(square, rel=1e-12)
            assert found.kappa[unit] == pytest.approx(abs(change) / square, rel=1e-9)
            if bias:
                own = into_then[-1] ** 2 - into[-1] ** 2
                less = abs(change - own) / (square - step[-1] ** 2)
                assert found.bias_change[unit] == pytest.approx(own, rel=1e-9)
                assert found.kappa_without_bias[unit] == pytest.approx(less, rel=1e-9)
            lengths += [step @ step + step_out @ step_out, into @ into + out @ out]
        assert found.relative == pytest.approx(np.sqrt(lengths[0] / lengths[1]), rel=1e-12)
        assert found.judged.all()


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_a_small_change_is_not_lost_to_cancellation(kind):
    chain = dense([40, 3, 30])
    w, then = pair(chain, size=1e-6)
    w, then = ({k: W.astype(kind) for k, W in each.items()} for each in (w, then))
    joint = chain.joints[0]
    found = between(joint, w, then, (kind, kind))
    for unit in range(3):
        sides = zip(sides_of(joint, w, unit), sides_of(joint, then, unit), strict=True)
        exact = [
            sum(Fraction(b) ** 2 - Fraction(a) ** 2 for a, b in zip(first, last, strict=True))
            for first, last in sides
        ]
        change = float(exact[0] - exact[1])
        # Sums of ‖w‖² are 40, with roundings of 1e-14: their difference has eight digits less.
        assert found.change[unit] == pytest.approx(change, rel=1e-12)


def one_step(chain, seed, size):
    """w, and w₊ = w − ηg with ⟨in_i, g_in⟩ = p⟨out_i, g_out⟩ in every unit of the first joint."""
    joint = chain.joints[0]
    w, step = weights(chain, seed), weights(chain, seed + 1)
    signs = {slot.tensor: -joint.degree if slot in joint.drawn else 1 for slot in joint.slots}
    first, normal = np.zeros((2, joint.units))
    for slot in joint.slots:
        W, c = w[slot.tensor], signs[slot.tensor]
        first += c * slot.sums(W, step[slot.tensor])
        normal += c**2 * slot.sums(W, W)
    for slot in joint.slots:
        W, c = w[slot.tensor], signs[slot.tensor]
        step[slot.tensor] = step[slot.tensor] - c * slot.scaled(W, first / normal)
    return w, {name: w[name] - size * step[name] for name in w}


SIZES = st.sampled_from([1.0, 1e-1, 1e-2, 1e-3, 1e-4])
KINDS = st.sampled_from(list(UNITS))


@given(st.integers(0, 10**6), SIZES, st.integers(1, 3), st.booleans())
def test_one_step_under_the_law_has_kappa_of_at_most_one(seed, size, degree, bias):
    chain = dense([4, 6, 3], degree, bias)
    w, then = one_step(chain, seed, size)
    found = between(chain.joints[0], w, then)
    assert found.judged.all()
    # first-order rounding of 1e-16 relative to ‖w‖‖Δw‖, seen against ‖Δw‖²
    assert np.all(found.kappa <= 1 + 1e-14 / size)
    assert not found.over.any()


@given(st.integers(0, 10**6), SIZES, st.sampled_from([1.0, 1e-5]), KINDS, KINDS)
def test_no_rounding_of_stored_weights_breaks_the_sure_bound(seed, size, scale, first, last):
    """scale: weights down to where float16 has no digits left."""
    chain = dense([4, 6, 3], 2)
    w, then = ({k: scale * W for k, W in each.items()} for each in one_step(chain, seed, size))
    w = {name: stored(W, first) for name, W in w.items()}
    then = {name: stored(W, last) for name, W in then.items()}
    found = between(chain.joints[0], w, then, (first, last))
    assert not found.over.any()


@pytest.mark.parametrize("kind", ["float32", "float16", "bfloat16"])
def test_the_typical_rounding_is_what_rounding_does(kind):
    chain = dense([60, 400, 60], bias=False)
    w, then = one_step(chain, 0, 1e-2)
    exact = between(chain.joints[0], w, then)
    w, then = ({k: stored(W, kind) for k, W in each.items()} for each in (w, then))
    found = between(chain.joints[0], w, then, (kind, kind))
    off = np.abs(found.change - exact.change)
    typical, sure = found.typical * found.square, found.sure * found.square
    assert 0.1 < np.median(off) / np.median(typical) < 1
    assert np.all(off < 4 * typical)
    assert np.all(off < sure)


def test_a_step_that_breaks_the_law_is_over_what_rounding_explains():
    chain = dense([4, 6, 3])
    w, _ = pair(chain)
    decayed = {name: 0.99 * W for name, W in w.items()}
    found = between(chain.joints[0], w, decayed)
    assert np.median(found.kappa) > 10
    assert found.over.sum() >= 5


def test_units_that_cannot_be_judged_are_told_apart():
    chain = dense([4, 5, 3])
    w, then = pair(chain, size=1e-3)
    then["0.weight"][0], then["0.bias"][0] = w["0.weight"][0], w["0.bias"][0]
    then["2.weight"][:, 0] = w["2.weight"][:, 0]
    then["0.weight"][1, 2] = np.nan
    w["2.weight"][0, 2] = np.inf
    found = between(chain.joints[0], w, then)
    assert list(found.still) == [True, False, False, False, False]
    assert list(found.finite) == [True, False, False, True, True]
    assert list(found.judged) == [False, False, False, True, True]
    assert np.isfinite(found.relative)
    assert np.isnan(found.kappa[0])
    hidden = between(chain.joints[0], w, then, ("bfloat16", "bfloat16"))
    assert list(hidden.hidden) == [False, False, False, True, True]
    assert np.all(hidden.typical[3:] > HIDDEN)


def test_what_did_not_move_at_all_has_no_kappa():
    chain = dense([4, 5, 3])
    w = weights(chain)
    found = between(chain.joints[0], w, w)
    assert found.still.all()
    assert found.relative == 0
    for units in (found.judged, found.hidden, found.over):
        assert not units.any()


def test_every_kind_has_its_least_number():
    assert LEAST.keys() == UNITS.keys()
    for kind in ("float32", "float16"):
        assert LEAST[kind] == 0.5 * float(np.finfo(kind).smallest_subnormal)
