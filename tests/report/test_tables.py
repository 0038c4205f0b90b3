"""The page: compared as a whole with stored text, and held to what no page may do."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from handmade import handmade
from hypothesis import given
from hypothesis import strategies as st

from mfact.core import Outcome
from mfact.report.iterations import chosen_rows, rows_to_show
from mfact.report.tables import page
from mfact.report.terminal import Look

SNAPSHOTS = Path(__file__).parent / "snapshots"
LOOKS = {
    "40-ascii": Look(width=40, ascii_only=True),
    "100": Look(width=100),
    "200": Look(width=200),
    "100-ascii": Look(width=100, ascii_only=True),
}


@pytest.mark.parametrize("name", LOOKS)
def test_page_is_the_stored_one(name):
    assert page(handmade(), LOOKS[name]) == (SNAPSHOTS / f"page-{name}.txt").read_text("utf-8")


@pytest.mark.parametrize("width", [20, 40, 80, 100, 200])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_numbers_are_whole_and_no_line_is_cut(width, ascii_only):
    text = page(handmade(), Look(width=width, ascii_only=ascii_only))
    assert "…" not in text
    assert "..." not in text
    assert "\x1b" not in text
    assert text.isascii() or not ascii_only
    for whole in ("1.5e-13", "3.5e-10", "0.0001111", "12.3457", "0.000796835"):
        assert whole in text
    # The iteration table holds whole cells whatever the width.
    cells = re.search(r"Iterations\n.*?\n.*?\n(.*?)\n(?:  no|\n)", text, re.DOTALL)[1].split()
    assert cells
    assert all(re.fullmatch(r"-|0|\d+|\d\.\d{3}e[+-]\d{2}", cell) for cell in cells)


@pytest.mark.parametrize("width", [40, 100, 200])
def test_no_line_is_longer_than_the_terminal(width):
    lines = page(handmade(), Look(width=width)).splitlines()
    assert max(map(len, lines)) <= width
    assert all(line == line.rstrip() for line in lines)


def test_colour_changes_nothing_but_escapes():
    plain = page(handmade(), Look(width=100))
    coloured = page(handmade(), Look(width=100, colour=True))
    assert "\x1b[" in coloured
    stripped = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in stripped.splitlines()] == plain.splitlines()


def test_rows_asks_for_all_or_few():
    assert len(re.findall(r"1\.230e-02", page(handmade(), LOOKS["200"], rows=0))) == 5
    few = page(handmade(), LOOKS["200"], rows=2)
    assert len(re.findall(r"1\.230e-02", few)) == 2
    assert re.search(r"^ +0  1\.235e\+06", few, re.MULTILINE)
    assert re.search(r"^ +40  1\.500e-13", few, re.MULTILINE)


def test_without_timing_no_clock_is_shown():
    assert "0.25 s" in page(handmade(), LOOKS["100"])
    assert "0.25 s" not in page(handmade(), LOOKS["100"], timing=False)


def test_a_value_that_a_run_file_cannot_hold_makes_the_same_page():
    # A run file stores null for what is not finite: `show` must print what `solve` did.
    with_nan = handmade(summary={"loss": 1.0, "gap": math.nan, "distance_bound": math.inf})
    with_none = handmade(summary={"loss": 1.0, "gap": None, "distance_bound": None})
    assert page(with_nan, LOOKS["100"]) == page(with_none, LOOKS["100"])


def test_hostile_names_cannot_write_markup_or_escapes():
    problem = {"name": "[bold]a[/] \x1b[2J\udcff [link=x].npy"}
    text = page(handmade(problem=problem), LOOKS["100"])
    assert "[bold]a[/] \\x1b[2J\\xff [link=x].npy" in text


def test_each_outcome_has_its_sentence():
    for outcome in Outcome:
        assert outcome.sentence in page(handmade(outcome=outcome), LOOKS["100"])


def test_steps_too_large_for_floats():
    trace = {"step": np.array([0.0, np.inf]), "log10_step": np.array([-np.inf, 12890.25])}
    assert "10^12890.25" in page(handmade(trace=trace), LOOKS["100"])


def test_a_result_with_nothing_recorded():
    text = page(handmade(trace={}, claims=(), settings={}), LOOKS["100"])
    assert "Iterations" not in text
    assert "M is 6×4, U is 6×2, V is 4×2" in text


def test_unknown_entries_are_shown_under_their_own_name():
    text = page(handmade(summary={"restarts_taken": 3}), LOOKS["100"])
    assert re.search(r"restarts taken +3", text)


def test_rows_after_a_fast_forward_are_even_in_flow_time():
    # A thousand plain steps cover a thousandth of the flow time, fifty leaps the rest.
    flow_time = np.concatenate([np.linspace(0, 0.01, 1000), np.linspace(0.2, 10, 50)])
    steps = np.concatenate([np.arange(1000.0), np.logspace(6, 300, 49), [np.inf]])
    rows = rows_to_show({"step": steps, "flow_time": flow_time}, 11)
    np.testing.assert_allclose(flow_time[rows], np.arange(11), atol=0.11)
    assert rows[0] == 0
    assert rows[-1] == 1049
    plain = {"step": np.arange(1000.0), "flow_time": flow_time[:1000]}
    assert rows_to_show(plain, 11) == chosen_rows(1000, 11)
    assert len(rows_to_show({"step": steps, "flow_time": flow_time}, 0)) == 1050


@given(st.integers(1, 500), st.integers(0, 40))
def test_chosen_rows_keep_both_ends_in_order(count, most):
    rows = chosen_rows(count, most)
    assert rows[0] == 0
    assert rows[-1] == count - 1
    assert rows == sorted(set(rows))
    assert most == 0 or len(rows) <= max(most, 2)
