"""What may stand in place of a rank: read in any case, kept in one form, refused in words."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfact.errors import SettingsError
from mfact.ranges import MOST_INDEX
from mfact.run.refusals import check, idle, resolved_schedule
from mfact.settings import COUNTED_RANK, RANK, RunSettings
from mfact.wishes import Found, share_of, wish_of


@given(st.decimals("1e-9", 100, places=9), st.sampled_from(["", " ", "\t"]), st.integers(0, 3))
def test_a_share_is_kept_in_one_form_and_is_the_one_that_was_typed(percent, space, zeros):
    typed = f"{percent:f}{'0' * zeros}{space}%"
    kept = Found().read(typed)
    assert Found().admits(kept)
    assert Found().read(kept) == kept
    assert Fraction(Decimal(kept[:-1])) == Fraction(percent)
    assert share_of(kept) == float(Fraction(percent) / 100)
    assert not re.search(r"\.\d*0%$|\.%|^0\d", kept)


@pytest.mark.parametrize("typed", ["auto", "AUTO", " Auto "])
def test_auto_is_meant_in_any_case(typed):
    assert Found().read(typed) == "auto"
    assert share_of("auto") is None


@pytest.mark.parametrize(("typed", "count"), [("12", 12), ("1e3", 1000), (7, 7), ("2.0", 2)])
def test_a_count_stays_one(typed, count):
    assert Found().read(typed) == count
    assert wish_of(count) is None


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("0.95", "'0.95' is not a whole number: of a share write 95%."),
        (0.125, "0.125 is not a whole number: of a share write 12.5%."),
        (".5", "'.5' is not a whole number: of a share write 50%."),
        ("0%", "'0%' is no share: write 95%, or another up to 100%."),
        ("100.1%", "'100.1%' is no share: "),
        ("-5%", "'-5%' is no share: "),
        ("1e1%", "'1e1%' is no share: "),
        ("95%%", "'95%%' is no share: "),
        ("99.99999999999999999%", "'99.99999999999999999%' is no share: "),
        ("95 percent", "'95 percent' is not a whole number."),
        ("0", "0 is not at least 1."),
        (True, "True is not a whole number."),
        (str(MOST_INDEX + 1), f"{MOST_INDEX + 1} is not at most {MOST_INDEX}."),
    ],
)
def test_what_is_neither_is_refused(typed, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Found().read(typed)


@given(st.integers(1, 999), st.integers(1, 3))
def test_the_share_that_a_fraction_is_said_to_be_is_read(digits, places):
    typed = f"0.{digits:0{places}d}"[: 2 + places].rstrip("0")
    if Decimal(typed) == 0:
        return
    with pytest.raises(ValueError) as refused:
        Found().read(typed)
    way_out = re.search(r"write (\S+)\.$", str(refused.value))[1]
    assert share_of(Found().read(way_out)) == float(typed)


@pytest.mark.parametrize("value", ["95.0%", "AUTO", "0%", "", "200%", 0.95, 0, True, None, b"95%"])
def test_of_python_only_the_form_that_is_kept_is_taken(value):
    assert not RANK.kind.admits(value)
    with pytest.raises(SettingsError, match='a share as "95%", or "auto"'):
        check(RunSettings(rank=value), (5, 4))


def test_where_a_number_is_needed_a_wish_is_refused_in_words():
    with pytest.raises(ValueError, match="'95%' is not a whole number"):
        COUNTED_RANK.kind.read("95%")
    assert not COUNTED_RANK.kind.admits("95%")


def test_what_hangs_on_a_rank_that_is_not_known_is_not_judged():
    asked = RunSettings(rank="95%", delta=0.1)
    assert resolved_schedule(asked) == "auto"
    assert idle(asked, ["delta", "c_step", "balance_weight"]) == ["balance_weight"]
    check(asked, (5, 4), ["delta"])
    check(RunSettings(rank="95%", schedule="theorem-3.2"), (5, 4))
    with pytest.raises(SettingsError, match="balance-weight has no meaning"):
        check(asked, (5, 4), ["balance_weight"])
    with pytest.raises(SettingsError, match="delta has no meaning"):
        check(RunSettings(rank="95%", schedule="constant"), (5, 4), ["delta"])
