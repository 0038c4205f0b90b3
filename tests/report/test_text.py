"""Text for any terminal: ASCII spellings, harmless names, numbers."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from mfact.report.terminal import Look
from mfact.report.text import ascii_text, duration, exponent, number, step_text
from mfact.words import harmless, printable


@given(st.text())
def test_ascii_text_is_ascii(text):
    assert ascii_text(text).isascii()


@given(st.binary(max_size=30))
def test_any_file_name_becomes_one_printable_line(raw):
    text = printable(os.fsdecode(raw))
    assert text.isprintable()
    text.encode("utf-8")  # no surrogate is left


def test_readable_names_stay_as_they_are():
    assert printable("data/Grüße [1] β.npy") == "data/Grüße [1] β.npy"


def test_names_with_surrogates_that_stand_for_no_byte():
    assert printable("a\ud800b") == "a\\ud800b"


# Beyond 1e308 the rounded text may be no float any more.
@given(st.floats(-1e308, 1e308))
def test_a_column_number_is_right_to_four_digits(value):
    assert abs(float(exponent(value)) - value) <= 5.001e-4 * abs(value)
    assert len(exponent(value)) <= 11  # sign, 4 digits, point, e, sign, three digits


def test_numbers_of_every_json_kind():
    assert number([1, 2.5, None]) == "1, 2.5, -"
    assert number({"a": 1, "b": False}) == "a 1, b no"
    assert Look().symbols(number("x\ny")) == "x\\ny"


def test_steps_beyond_what_floats_count():
    assert step_text(1e14) == "100000000000000"
    assert step_text(2e20) == "10^20.30"
    assert step_text(float("inf"), 47714.0) == "10^47714.00"
    assert step_text(float("nan")) == "-"


def test_durations_do_not_round_up_to_sixty_seconds():
    assert duration(59.9) == "59.9 s"
    assert duration(3599.99) == "59 min 59 s"


@given(
    st.lists(st.sampled_from(["::", ":", " ", "##[", "#", "\n", "\r", "\x1b[2J", "a", "\u2028"]))
)
def test_no_line_of_any_text_is_obeyed(parts):
    for line in harmless("".join(parts)).split("\n"):
        assert line.isprintable()
        assert not line.lstrip().startswith("::")
        assert "##[" not in line


def test_colours_stay_where_they_are_wanted():
    assert harmless("\x1b[1mx\x1b[0m\x1b[2J", colour=True) == "\x1b[1mx\x1b[0m\\x1b[2J"
