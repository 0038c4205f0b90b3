"""Text that fits its room, of a font in which every character is a tenth of an inch wide."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mfact.report.canvas.measure import Ruler

RULER = Ruler(lambda text, size: len(text) / 10, lambda character: ord(character) < 500)
WORDS = st.text("ab σ数\n", max_size=60)


@given(WORDS, st.floats(1.0, 4.0))
def test_no_line_is_wider_than_its_room_and_no_word_is_lost(text, room):
    lines = RULER.wrapped(text, 10, room, most=100).split("\n")
    assert all(RULER.width(line, 10) <= room for line in lines)
    assert "".join(lines).replace(" ", "") == RULER.plain(text).replace(" ", "")


@given(WORDS, st.floats(1.0, 4.0), st.integers(1, 3))
def test_of_a_text_that_is_too_long_the_beginning_and_the_end_are_kept(text, room, most):
    lines = RULER.wrapped(text, 10, room, most=most).split("\n")
    assert len(lines) <= most
    assert all(RULER.width(line, 10) <= room for line in lines)
    told = " ".join(RULER.plain(text).split())
    assert told[:3] == "".join(lines)[:3] or " " in told[:4] + lines[0][:4]
    assert told.endswith(lines[-1][-2:])


def test_a_long_name_is_shortened_in_the_middle():
    assert RULER.short("layer2.0.downsample.weight", 10, 1.3) == "layer2…eight"
    assert RULER.short("conv1", 10, 1.2) == "conv1"


def test_what_the_font_lacks_is_written_as_an_escape():
    assert RULER.plain("数 ½\x1b") == "\\u6570 ½\\x1b"
