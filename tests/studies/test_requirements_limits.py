"""Requirements below, at and above their limit, and whom a name stands for."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfact.core import Claim, Verdict
from mfact.errors import SettingsError
from mfact.studies.requirements import Requirement, evaluate

# What each relation says of a number below, at and above its limit.
TRUTH = {
    "<": (True, False, False),
    "<=": (True, True, False),
    "==": (False, True, False),
    ">=": (False, True, True),
    ">": (False, False, True),
}
FINITE = st.floats(-1e300, 1e300)


def holds(text, numbers, claims=()):
    (found,) = evaluate([Requirement.parse(text)], numbers, claims)
    assert found.verdict in ("holds", "violated")
    return found.verdict == "holds"


@pytest.mark.parametrize("relation", TRUTH)
@given(limit=FINITE)
def test_a_relation_is_exact(relation, limit):
    beside = (math.nextafter(limit, -math.inf), limit, math.nextafter(limit, math.inf))
    for value, expected in zip(beside, TRUTH[relation], strict=True):
        assert holds(f"gap{relation}{limit!r}", {"gap": value}) == expected
        assert holds(f" gap {relation} {limit!r} ", {"gap": value}) == expected


@pytest.mark.parametrize("relation", TRUTH)
def test_infinities_are_compared_and_what_is_no_number_meets_nothing(relation):
    below, at, above = TRUTH[relation]
    assert holds(f"gap{relation}1", {"gap": math.inf}) == above
    assert holds(f"gap{relation}1", {"gap": -math.inf}) == below
    assert holds(f"gap{relation}inf", {"gap": math.inf}) == at
    for limit in ("1", "inf", "-inf"):
        assert not holds(f"gap{relation}{limit}", {"gap": math.nan})


def test_one_claim_for_each_requirement_in_order_with_its_numbers():
    texts = ["gap<1", "loss>2", "gap>=1"]
    found = evaluate([Requirement.parse(t) for t in texts], {"gap": 1.0, "loss": 3.0}, [])
    assert [claim.name for claim in found] == [f"require {text}" for text in texts]
    assert [claim.verdict for claim in found] == ["violated", "holds", "holds"]
    assert found[1].numbers == {"loss": 3.0, "limit": 2.0}


def claims(**verdicts):
    return [Claim(n.replace("_", "-"), "", Verdict(v), f"of {n}", "") for n, v in verdicts.items()]


@pytest.mark.parametrize("verdict", ["violated", "hypotheses not met", "inconclusive"])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_name_stands_for_those_that_continue_it_and_each_must_hold(verdict, which):
    verdicts = ["holds"] * 3
    some = claims(a_i="holds", a_ii="holds", ab="violated", ab_i="violated")
    assert holds("a", {}, some)
    verdicts[which] = verdict
    some = claims(**dict(zip(("a_i", "a_ii", "a_iii"), verdicts, strict=True)))
    assert not holds("a", {}, some)
    (claim,) = evaluate([Requirement.parse("a")], {}, some)
    assert claim.detail == f"a-{'i' * (which + 1)}: {verdict}: of a_{'i' * (which + 1)}"


def test_a_claim_of_that_very_name_stands_alone():
    assert holds("a", {}, claims(a="holds", a_i="violated"))
    assert not holds("a", {}, claims(a="violated", a_i="holds"))
    with pytest.raises(SettingsError, match="is no claim"):
        holds("a", {}, claims(ab="holds", b_a="holds"))


def test_a_claim_is_no_number_and_a_number_no_claim():
    with pytest.raises(SettingsError, match="which is no number here"):
        holds("ledger<1", {"gap": 1.0}, claims(ledger="holds"))
    with pytest.raises(SettingsError, match="which is no claim here"):
        holds("gap", {"gap": 1.0}, claims(ledger="holds"))
