"""Requirements: read right, refused when they mean nothing, and strict about what is unknown."""

from __future__ import annotations

import math

import pytest

from mfact.core import Claim, Verdict
from mfact.errors import SettingsError
from mfact.studies.requirements import Requirement, evaluate

CLAIMS = [
    Claim("ledger", "", Verdict.HOLDS, "", ""),
    Claim("lemma-3.1-i", "", Verdict.HOLDS, "margin 1", ""),
    Claim("lemma-3.1-ii", "", Verdict.NOT_MET, "no ε", ""),
    Claim("late-rate", "", Verdict.INCONCLUSIVE, "too short", ""),
    Claim("theorem-3.1", "", Verdict.VIOLATED, "at step 4", ""),
]


def verdict(text, **numbers):
    return evaluate([Requirement.parse(text)], numbers, CLAIMS)[0].verdict


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("gap<1e-8", 1e-9, "holds"),
        ("gap<1e-8", 1e-8, "violated"),
        ("gap <= 1e-8", 1e-8, "holds"),
        ("gap>=2", 2.0, "holds"),
        ("gap > 2", 2.0, "violated"),
        ("gap==3", 3.0, "holds"),
        ("gap<inf", math.nan, "violated"),
        ("gap>-1", math.nan, "violated"),
    ],
)
def test_numbers_against_limits(text, value, expected):
    assert verdict(text, gap=value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ledger", "holds"),
        ("lemma-3.1-i", "holds"),
        ("lemma-3.1", "violated"),
        ("late-rate", "violated"),
        ("theorem-3.1", "violated"),
    ],
)
def test_claims_must_hold_and_nothing_less(text, expected):
    assert verdict(text) == expected


def test_the_reason_of_a_failure_is_told():
    claim = evaluate([Requirement.parse("lemma-3.1")], {}, CLAIMS)[0]
    assert claim.detail == "lemma-3.1-ii: hypotheses not met: no ε"


@pytest.mark.parametrize("text", ["gap<", "<1", "gap=1", "gap<1e", "", "gap<nan", "a b", "gap<1<2"])
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises(SettingsError, match="cannot read the requirement"):
        Requirement.parse(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gup<1", "did you mean gap"),
        ("ledgr", "did you mean ledger"),
        ("zzz", "choose from"),
        ("gap", "it is a number"),
    ],
)
def test_unknown_names_are_refused_with_the_known_ones(text, words):
    with pytest.raises(SettingsError, match=words):
        verdict(text, gap=1.0)
