"""What is claimed of moves between checkpoints: each verdict only where it is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joints_by_hand import dense

from mfact.chains.kappa import Moved
from mfact.core import Verdict
from mfact.studies.requirements import Requirement, evaluate
from mfact.theory.checkpoint_claims import claims

CHAIN = dense([2, 3, 4, 2])


def move(joint, kappa, relative=0.01, typical=1e-6, sure=1e-4, square=1.0):
    """Units of these κ_i; the bias has moved by a tenth of it all."""
    n = joint.units
    kappa, square, typical = (np.broadcast_to(x, n).astype(float) for x in (kappa, square, typical))
    return Moved(
        joint, kappa * square, square, relative, typical, np.full(n, sure),
        0.1 * kappa * square, 0.1 * square,
    )  # fmt: skip


def told(*intervals, steps_apart=None, chain=CHAIN):
    """Claims of intervals, of which each is the options of move(), the same for all joints."""
    moves = [[move(joint, **each) for joint in chain.joints] for each in intervals]
    names = [f"{t}.pt" for t in range(len(intervals) + 1)]
    return claims(chain, moves, steps_apart, names)


def test_a_single_checkpoint_claims_nothing():
    assert claims(CHAIN, [], 1, ["a.pt"]) == []


def test_there_is_a_claim_for_each_joint_and_one_name_stands_for_all():
    found = told({"kappa": 0.1})
    assert [claim.name for claim in found] == ["kappa-1", "kappa-2"]
    (required,) = evaluate([Requirement.parse("kappa")], {}, found)
    assert required.verdict is Verdict.HOLDS
    assert "layer 0 – layer 2" in found[0].statement
    broken = [found[0], told({"kappa": 9})[1]]
    assert evaluate([Requirement.parse("kappa")], {}, broken)[0].verdict is Verdict.VIOLATED


@pytest.mark.parametrize(
    ("kappa", "verdict"),
    [(0.01, "holds"), (0.99, "holds"), (1.01, "inconclusive"), (4, "inconclusive"),
     (4.01, "violated"), (200, "violated")],
)  # fmt: skip
@pytest.mark.parametrize("steps_apart", [None, 10])
def test_the_median_decides_between_near_checkpoints(kappa, verdict, steps_apart):
    for claim in told({"kappa": kappa}, steps_apart=steps_apart):
        assert claim.verdict == verdict
        assert claim.numbers["kappa"] == pytest.approx(kappa)
        assert claim.numbers["without_bias"] == pytest.approx(kappa)


def test_the_median_is_over_units_and_near_intervals_only():
    (first, _) = told(
        {"kappa": 0.2}, {"kappa": 0.4}, {"kappa": 0.6}, {"kappa": 90, "relative": 0.2}
    )
    assert first.numbers["kappa"] == pytest.approx(0.4)
    assert "9 of 9 moves of a unit" in first.detail
    assert first.verdict is Verdict.HOLDS
    one = dense([2, 3, 2])
    (claim,) = told({"kappa": [0.1, 0.3, 50]}, chain=one)
    assert claim.numbers["kappa"] == pytest.approx(0.3)


@pytest.mark.parametrize("kappa", [0.01, 2, 100])
@pytest.mark.parametrize("steps_apart", [None, 250])
def test_checkpoints_that_are_far_apart_are_not_judged(kappa, steps_apart):
    for claim in told({"kappa": kappa, "relative": 0.11}, steps_apart=steps_apart):
        assert claim.verdict is Verdict.NOT_MET
        assert "checkpoints too far apart to say: ‖Δw‖ is 0.11‖w‖, above 0.1‖w‖" in claim.detail
        assert claim.numbers == {"relative_move": 0.11}


def test_one_step_is_judged_however_large_it_is():
    for claim in told({"kappa": 0.9, "relative": 3.0}, steps_apart=1):
        assert claim.verdict is Verdict.HOLDS
        assert "the largest κ_i is 0.9" in claim.detail


def test_one_unit_above_one_is_enough_after_one_step():
    chain = dense([2, 3, 2])
    (claim,) = told({"kappa": 0.5}, {"kappa": [0.5, 0.5, 2.5]}, steps_apart=1, chain=chain)
    assert claim.verdict is Verdict.VIOLATED
    assert "κ_i is 2.5 in unit 2, counted from 0, between 1.pt and 2.pt" in claim.detail
    assert "1 of 6 moves of a unit" in claim.detail
    (median,) = told({"kappa": [0.5, 0.5, 2.5]}, chain=chain)
    assert median.verdict is Verdict.HOLDS


def test_what_rounding_can_explain_is_no_violation():
    chain = dense([2, 3, 2])
    options = {"kappa": [0.5, 0.5, 2.5], "sure": 1.6, "typical": 0.01}
    (claim,) = told(options, steps_apart=1, chain=chain)
    assert claim.verdict is Verdict.INCONCLUSIVE
    assert "rounding of the stored weights can explain" in claim.detail
    (near,) = told({**options, "kappa": [0.5, 0.5, 1.1]}, steps_apart=1, chain=chain)
    assert near.verdict is Verdict.HOLDS


@pytest.mark.parametrize("steps_apart", [None, 1])
def test_rounding_that_hides_most_moves_leaves_it_open(steps_apart):
    chain = dense([2, 4, 2])
    hidden = {"kappa": 0.5, "typical": [1.0, 1.0, 1.0, 1e-6], "sure": 10.0}
    (claim,) = told(hidden, steps_apart=steps_apart, chain=chain)
    assert claim.verdict is Verdict.INCONCLUSIVE
    assert "hides it in 3 of 4 moves of a unit" in claim.detail
    fewer = {**hidden, "typical": [1.0, 1e-6, 1e-6, 1e-6]}
    (claim,) = told(fewer, steps_apart=steps_apart, chain=chain)
    assert claim.verdict is Verdict.HOLDS
    assert "3 of 4 moves of a unit, 1 below rounding" in claim.detail
    # What even the sure bound does not explain is violated, hidden by the typical one or not.
    (claim,) = told({**hidden, "kappa": 12.0}, steps_apart=1, chain=chain)
    assert claim.verdict is Verdict.VIOLATED


@pytest.mark.parametrize("steps_apart", [None, 1])
def test_weights_that_did_not_move_meet_no_hypothesis(steps_apart):
    for claim in told({"kappa": 1, "square": 0.0, "relative": 0.0}, steps_apart=steps_apart):
        assert claim.verdict is Verdict.NOT_MET
        assert claim.detail == "no weight of these units moved"


def test_still_and_odd_units_are_counted_and_left_out():
    chain = dense([2, 4, 2])
    options = {"kappa": 0.5, "square": [1.0, 0.0, np.nan, 1.0]}
    (claim,) = told(options, {**options, "square": 0.0}, chain=chain)
    assert "2 of 4 moves of a unit, 1 still, 1 not finite" in claim.detail
    assert claim.numbers["kappa"] == pytest.approx(0.5)
    assert all(np.isfinite(list(claim.numbers.values())))


@pytest.mark.parametrize("steps_apart", [None, 1])
def test_where_biases_alone_moved_there_is_no_number_without_them(steps_apart):
    joint = CHAIN.joints[0]
    one, part = np.ones(joint.units), move(joint, 0.5)
    alone = Moved(joint, 0.5 * one, one, 0.01, part.typical, part.sure, 0.5 * one, one)
    (claim,) = claims(dense([2, 3, 2]), [[alone]], steps_apart, ["a", "b"])
    assert "without_bias" not in claim.numbers
    assert claim.verdict is Verdict.HOLDS


def test_a_violation_names_its_causes_and_the_degree():
    (claim,) = told({"kappa": 25.0}, chain=dense([2, 3, 2], degree=2, bias=False))
    assert "2‖Δout_i‖²" in claim.statement
    for cause in ("momentum", "adaptive", "weight decay", "activation", "edge of stability"):
        assert cause in claim.detail
    assert "averages" in claim.detail
    assert "without_bias" not in claim.numbers
    assert "bias were" not in claim.detail


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "kappa": st.floats(0, 1e3),
                "relative": st.floats(0, 1),
                "typical": st.floats(0, 1),
                "sure": st.floats(0, 10),
                "square": st.sampled_from([0.0, 1.0, np.nan]),
            }
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([None, 1, 5]),
)
def test_no_claim_fails_or_holds_without_a_number(intervals, steps_apart):
    for claim in told(*intervals, steps_apart=steps_apart):
        assert all(np.isfinite(list(claim.numbers.values())))
        assert "\n" not in claim.detail
        if claim.verdict is Verdict.HOLDS:
            limit = 1.25 if steps_apart == 1 else 1
            assert claim.numbers["kappa"] <= limit
