"""README.md is true: its commands run, and print what it shows (see readme_tour)."""

from __future__ import annotations

import doctest
import re
import shutil

import pytest
import readme_tour as tour

from mfact.cli.main import COMMANDS
from mfact.core import Outcome
from mfact.trace import COLUMNS

TEXT = tour.README.read_text(encoding="utf-8")
TOUR = tour.commands(TEXT)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Exit code and output of every command, run once and in order."""
    return tour.run(TEXT, tmp_path_factory.mktemp("tour"))


@pytest.mark.parametrize("index", range(len(TOUR)), ids=[c.line[:60] for c in TOUR])
def test_command_runs_and_prints_what_the_readme_shows(index, outputs):
    command, (code, printed) = TOUR[index], outputs[index]
    everything = "\n".join(printed)
    assert code == command.exit_code, everything
    difference = tour.first_difference(command.shown, printed)
    assert difference is None, f"{difference}\n(`make readme` renews)\n\n{everything}"


def test_there_is_a_tour_and_nothing_in_it_is_left_without_output():
    assert len(TOUR) >= 10
    for command in TOUR:
        assert command.line.startswith("mfact ")
        silent = "--quiet" in command.line or " > " in command.line
        assert silent or any(line.strip() not in ("", tour.GAP) for line in command.shown)


@pytest.mark.parametrize("block", tour.blocks(TEXT, "python"))
def test_python_examples_run(block, tmp_path, monkeypatch):
    shutil.copytree(tour.ROOT / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    example = doctest.DocTestParser().get_doctest(block, {}, "README.md", "README.md", 0)
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command):
    assert f"mfact {command} " in TEXT


@pytest.mark.parametrize("column", COLUMNS)
def test_every_trace_column_is_explained_in_the_words_of_the_program(column):
    meaning = COLUMNS[column].replace("|", "\\|")
    assert f"| `{column}` | {meaning} |" in TEXT, "`make readme` renews the table"


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_stands_beside_its_exit_code(outcome):
    sentence = re.escape(outcome.sentence)
    assert re.search(rf"^\| {outcome.exit_code} \|.*{sentence}", TEXT, re.MULTILINE)


@pytest.mark.parametrize(
    ("shown", "printed", "agree"),
    [
        ("step  loss\n0  1.50e+02", "step loss\n   0   1.51e+02", True),
        ("step  loss\n0  1.50e+02", "step loss\n   0   2.51e+02", False),
        ("gap 1.2e-11", "gap 3.4e-16", True),
        ("gap 1.2e-11", "gap 3.4e-3", False),
        ("took 1.2 s", "took 9.9 s", True),
        ("took 1.2 s", "needed 9.9 s", False),
        ("one\n…\nthree", "one\ntwo\ntwo and a half\nthree", True),
        ("one\n…", "one\ntwo", True),
        ("one", "one\ntwo", False),
        ("one\n…\nthree", "one\ntwo", False),
    ],
)
def test_the_comparison_itself(shown, printed, agree):
    difference = tour.first_difference(tuple(shown.splitlines()), printed.splitlines())
    assert (difference is None) == agree


@pytest.mark.parametrize(
    ("shown", "printed", "renewed"),
    [
        ("old 1", "new 2\nmore", "new 2\nmore"),
        ("…\nsum 1\nrest", "a\nsum 2\nb\nc", "…\nsum 2\nb\nc"),
        ("head 1\n…\nsum 1\n…", "head 2\na\nsum 2\nb", "head 2\n…\nsum 2\n…"),
        ("…\ngone 1\n…", "a\nb", "…\ngone 1\n…"),
    ],
)
def test_renewal_keeps_what_is_left_out(shown, printed, renewed):
    assert tour.renewed(tuple(shown.splitlines()), printed.splitlines()) == renewed.splitlines()


def test_a_renewed_readme_shows_what_is_printed():
    text = "a\n```console\n$ mfact x \\\n  --y\nold 1\n$ mfact z\n```\nb\n"
    renewed = tour.renew(text, [(0, ["new 2", "", "more"]), (0, ["z 3"])])
    assert renewed == (
        "a\n```console\n$ mfact x \\\n  --y\nnew 2\n\nmore\n$ mfact z\nz 3\n```\nb\n"
    )
    assert [c.shown for c in tour.commands(renewed)] == [("new 2", "", "more"), ("z 3",)]
