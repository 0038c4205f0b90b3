"""The page: compared as a whole with stored text, and held to what no page may do."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest
from handmade import handmade
from hypothesis import given
from hypothesis import strategies as st

from mfact.core import Claim, Outcome, Verdict
from mfact.options import options_of
from mfact.report.iterations import chosen_rows, rows_to_show
from mfact.report.run_page import RunPage
from mfact.report.terminal import Look
from mfact.settings import RunSettings

SNAPSHOTS = Path(__file__).parent / "snapshots"
LOOKS = {f"{width}": Look(width=width) for width in (40, 80, 100, 200)} | {
    "40-ascii": Look(width=40, ascii_only=True)
}
KINDS = {"short": RunPage(handmade()), "full": RunPage(handmade(), full=True)}


def page(look=LOOKS["100"], *, full=True, rows=None, timing=True, **changes):
    return RunPage(handmade(**changes), rows, timing, full).text(look)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LOOKS)
def test_page_is_the_stored_one(kind, name):
    stored = SNAPSHOTS / f"{kind}-{name}.txt"
    assert KINDS[kind].text(LOOKS[name]) == stored.read_text("utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_markdown_is_the_stored_one(kind):
    assert KINDS[kind].markdown() == (SNAPSHOTS / f"{kind}.md").read_text("utf-8")


@pytest.mark.parametrize("width", [20, 40, 80, 100, 200])
@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("full", [False, True])
def test_numbers_are_whole_and_no_line_is_cut(width, ascii_only, full):
    text = page(Look(width=width, ascii_only=ascii_only), full=full)
    assert "…" not in text
    assert "..." not in text
    assert "\x1b" not in text
    assert text.isascii() or not ascii_only
    for whole in ("3.5e-10", "0.0001111", "12.3457", "0.000796835"):
        assert whole in text
    # The iteration table holds whole cells whatever the width.
    cells = re.search(r"^[─-]{4}.*?\n(.*?)\n(?:  no|\n)", text, re.DOTALL | re.MULTILINE)[1]
    assert cells
    assert all(re.fullmatch(r"-|0|\d+|\d\.\d{3}e[+-]\d{2}", cell) for cell in cells.split())


@pytest.mark.parametrize("width", [40, 80, 100, 200])
@pytest.mark.parametrize("full", [False, True])
def test_no_line_is_longer_than_the_terminal(width, full):
    lines = page(Look(width=width), full=full).splitlines()
    assert max(map(len, lines)) <= width
    assert all(line == line.rstrip() for line in lines)


def claims_like(verdicts):
    return tuple(
        Claim(f"lemma-{i}.1-iii", "‖U_t‖_F², ‖V_t‖_F² ≤ 5√r ‖M‖_F for all t", verdict,
              "largest ‖D_t‖_F = 0.0007728 (step 0), at each of 1135 points; margin 0.09923", "")
        for i, verdict in enumerate(verdicts)
    )  # fmt: skip


@given(
    rows=st.integers(1, 3000),
    held=st.integers(0, 14),
    idle=st.integers(0, 8),
    rank=st.integers(1, 60),
    flags=st.integers(0, 12),
)
def test_the_short_page_is_read_to_its_end(rows, held, idle, rank, flags):
    # Whatever held of a run: 45 lines at 80 columns, the outcome last.
    trace = {
        name: np.resize(column, rows) for name, column in handmade().trace.items() if name != "step"
    }
    names = list(options_of(RunSettings))[:flags]
    given_too = {name: {"value": 0.0123456789, "source": "flag"} for name in names}
    made = handmade(
        trace={"step": np.arange(rows), **trace},
        claims=claims_like([Verdict.HOLDS] * held + [Verdict.NOT_MET] * idle),
        problem={**handmade().problem, "singular_values": [1 / 3 + i for i in range(rank + 1)]},
        settings={**handmade().settings, **given_too},
    )
    lines = RunPage(made).text(LOOKS["80"]).splitlines()
    assert len(lines) <= 45
    assert lines[-2] == made.outcome.sentence
    assert lines[-1].strip() == made.message


def test_curves_have_room_as_long_as_three_rows_are_left_beside_them():
    trace = {name: np.resize(column, 50) for name, column in handmade().trace.items()}
    trace["step"] = np.arange(50)
    pattern = re.compile(r"Iterations\n((?:  .*\n)*)step.*\n─.*\n((?:.+\n)+)")
    rows = {True: set(), False: set()}
    for held, told in itertools.product(range(6), range(9)):
        claims = claims_like([Verdict.HOLDS] * held + [Verdict.INCONCLUSIVE] * told)
        above, table = pattern.search(
            page(LOOKS["80"], full=False, claims=claims, trace=trace)
        ).groups()
        assert above.count("\n") in (0, 4)
        rows["gap" in above and "‖D‖" in above].add(table.count("\n"))
    assert min(rows[True]) == 3
    assert min(rows[False]) == 4
    assert max(rows[False]) < 3 + 4


def test_a_run_of_no_step_has_no_shape():
    one = {name: column[:1] for name, column in handmade().trace.items()}
    for full in (False, True):
        assert "Iterations\nstep" in page(LOOKS["80"], trace=one, full=full)


def test_what_fails_is_told_in_full_and_what_does_not_apply_by_name():
    verdicts = (Verdict.NOT_MET, Verdict.VIOLATED, Verdict.INCONCLUSIVE)
    text = " ".join(page(LOOKS["80"], full=False, claims=claims_like(verdicts)).split())
    assert "Claims violated lemma-1.1-iii ‖U_t‖_F², ‖V_t‖_F² ≤ 5√r ‖M‖_F for all t. largest" in text
    assert "Claims not decided lemma-2.1-iii largest" in text
    assert "not about this run: lemma-0.1-iii Summary" in text


@pytest.mark.parametrize("full", [False, True])
def test_colour_changes_nothing_but_escapes(full):
    plain, coloured = (page(Look(width=100, colour=on), full=full) for on in (False, True))
    assert "\x1b[" in coloured
    stripped = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in stripped.splitlines()] == plain.splitlines()


PALETTES = {
    # Of ANSI's red and magenta, plain and bright; from the terminals' own defaults.
    "xterm": [(205, 0, 0), (205, 0, 205), (255, 0, 0), (255, 0, 255)],
    "vga": [(170, 0, 0), (170, 0, 170), (255, 85, 85), (255, 85, 255)],
    "solarized": [(220, 50, 47), (211, 54, 130)],
    "windows": [(197, 15, 31), (136, 23, 152), (231, 72, 86), (180, 0, 158)],
}


def luminance(colour):
    """Relative luminance by the Web Content Accessibility Guidelines 2.1."""
    linear = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_no_page_uses_a_colour_that_a_light_or_a_dark_terminal_hides():
    used = set()
    for outcome in Outcome:
        for full in (False, True):
            text = page(
                Look(colour=True), full=full, outcome=outcome, claims=claims_like([*Verdict])
            )
            codes = re.findall(r"\x1b\[([\d;]*)m", text)
            used |= {int(code) for group in codes for code in group.split(";") if code}
    # 0 ends, 1 is bold and 2 dim; of the colours red and magenta are told from both backgrounds.
    assert {31, 35} <= used <= {0, 1, 2, 31, 35}
    for colours in PALETTES.values():
        for colour in colours:
            on_black, on_white = luminance(colour) + 0.05, 1.05
            assert min(on_black / 0.05, on_white / on_black) > 2


def test_rows_asks_for_all_or_few():
    look = LOOKS["200"]
    assert len(re.findall(r"1\.230e-02", page(look, rows=0))) == 5
    few = page(look, rows=2, full=False)
    assert len(re.findall(r"1\.230e-02", few)) == 2
    assert re.search(r"^ +0  1\.235e\+06", few, re.MULTILINE)
    assert re.search(r"^ +40  1\.500e-13", few, re.MULTILINE)


@pytest.mark.parametrize("full", [False, True])
def test_without_timing_no_clock_is_shown(full):
    timed = {"summary": {"seconds": 0.25, "wall_seconds": 0.25}, "full": full}
    assert "0.25 s" in page(**timed)
    assert "0.25 s" not in page(**timed, timing=False)


def test_a_value_that_a_run_file_cannot_hold_makes_the_same_page():
    # A run file stores null for what is not finite: `show` must print what `solve` did.
    with_nan = {"loss": 1.0, "gap": math.nan, "distance_bound": math.inf}
    with_none = {"loss": 1.0, "gap": None, "distance_bound": None}
    for full in (False, True):
        assert page(summary=with_nan, full=full) == page(summary=with_none, full=full)


@pytest.mark.parametrize("full", [False, True])
def test_hostile_names_cannot_write_markup_or_escapes(full):
    problem = {"name": "[bold]a[/] \x1b[2J\udcff [link=x]|*b*.npy"}
    assert "[bold]a[/] \\x1b[2J\\xff [link=x]|*b*.npy" in page(problem=problem, full=full)
    marked = RunPage(handmade(problem=problem), full=full).markdown()
    assert r"\[bold\]a\[/\] \\x1b\[2J\\xff \[link=x\]\|\*b\*.npy" in marked


def test_each_outcome_has_its_sentence_last():
    for outcome in Outcome:
        for full in (False, True):
            lines = page(outcome=outcome, full=full).splitlines()
            assert lines[-2:] == [outcome.sentence, f"  {handmade().message}"]


def test_steps_too_large_for_floats():
    trace = {"step": np.array([0.0, np.inf]), "log10_step": np.array([-np.inf, 12890.25])}
    assert "10^12890.25" in page(trace=trace)


@pytest.mark.parametrize("full", [False, True])
def test_a_result_with_nothing_recorded(full):
    text = page(trace={}, claims=(), settings={}, full=full)
    assert "Iterations" not in text
    assert "M is 6×4, U is 6×2, V is 4×2" in text


def test_unknown_entries_are_shown_under_their_own_name():
    assert re.search(r"restarts taken +3", page(summary={"restarts_taken": 3}))


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
