"""Which figures and panels the paper has, and what their files are called; loads nothing."""

from __future__ import annotations

from collections.abc import Mapping

PANELS: Mapping[str, str] = {"1": "ab", "2": "abcd"}
"""Figure -> its panels."""

ALL = "all"
WHICH = (*PANELS, ALL, *(f"{number}{panel}" for number, each in PANELS.items() for panel in each))


def panels_of(which: str) -> dict[str, str]:
    """The figures that are meant, and of each the panels.

    >>> panels_of("all"), panels_of("1"), panels_of("2c")
    ({'1': 'ab', '2': 'abcd'}, {'1': 'ab'}, {'2': 'c'})
    """
    if which == ALL:
        return dict(PANELS)
    return {which[0]: which[1:] or PANELS[which]}


def stem(number: str, panels: str, data: str = "") -> str:
    """What a file of these panels of a figure is called; data: what they are of, where not of the
    paper's own.

    >>> stem("1", "ab"), stem("2", "c"), stem("1", "a", "digits")
    ('figure-1', 'figure-2c', 'figure-1a-digits')
    """
    some = "" if panels == PANELS[number] else panels
    return f"figure-{number}{some}{'-' if data else ''}{data}"
