"""What a stream can show, told from the stream and the environment."""

from __future__ import annotations

import io
import os
import pty

import pytest

from mfact.report.terminal import Look, is_terminal, look_of, takes_only_ascii


class Terminal(io.StringIO):
    """A stream that says it is a terminal; it has no size of its own."""

    encoding = "utf-8"

    def isatty(self):
        return True


def stream(encoding="utf-8"):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


@pytest.mark.parametrize(
    ("terminal", "environ", "colour"),
    [
        (True, {}, False),
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "dumb"}, False),
        (True, {"TERM": ""}, False),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "xterm", "NO_COLOR": ""}, True),
        (False, {"TERM": "xterm"}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour(terminal, environ, colour):
    assert look_of(Terminal() if terminal else stream(), environ).colour is colour


@pytest.mark.parametrize(
    ("encoding", "ascii_only"),
    [("utf-8", False), ("ascii", True), ("latin-1", True), ("cp1252", True), ("utf-16", False)],
)
def test_symbols_follow_the_encoding(encoding, ascii_only):
    assert takes_only_ascii(stream(encoding)) is ascii_only
    assert look_of(stream(encoding), {}).ascii_only is ascii_only


def test_width():
    assert look_of(stream(), {}) == Look(width=100)
    assert look_of(stream(), {"COLUMNS": "40"}).width == 40
    assert look_of(stream(), {"COLUMNS": "5"}).width == 20
    assert look_of(stream(), {"COLUMNS": "wide"}).width == 100
    assert look_of(Terminal(), {}).width == 80


def test_width_of_a_real_terminal():
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 57, 0, 0))
        with os.fdopen(theirs, "w", closefd=False) as terminal:
            assert is_terminal(terminal)
            assert look_of(terminal, {}).width == 57
    finally:
        os.close(ours)
        os.close(theirs)


def test_streams_that_are_gone_are_no_terminals():
    closed = stream()
    closed.close()
    assert not is_terminal(closed)
    assert not is_terminal(None)
    assert look_of(None, {}) == Look(ascii_only=True)
