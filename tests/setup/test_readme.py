"""README.md is true: its commands run, and print what it shows.

Each ```console block is run by bash, in order, in one folder that holds a copy of data/; ```toml
blocks named by the comment in their first line become files there. A command ends with exit
code 0 unless a comment on its line says `# exit N`.

What must agree with the text shown: every word, in order, with runs of rule characters and of
spaces taken as one. Numbers must agree to 5 %; two numbers under 1e-6 count as equal (they are
rounding, and differ between processors), and so do two times and two sizes of memory. A line with
`…` alone stands for any lines.
"""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from mfact.core import Outcome
from mfact.trace import COLUMNS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MACHINE_DEPENDENT = r"(?:ns|µs|ms|s|min|h|[kMG]i?B)"
NUMBER = re.compile(rf"[-+−]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(\s?{MACHINE_DEPENDENT}\b)?", re.IGNORECASE)
RULES = re.compile(r"[─━═┄╌\-]{3,}")


@dataclass(frozen=True)
class Command:
    """One `$ ` line of the README, and what the README shows below it."""

    line: str
    shown: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        stated = re.search(r"#\s*exit (\d+)\s*$", self.line)
        return int(stated.group(1)) if stated else 0


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[Command]:
    """The commands of one console block; a line that ends in a backslash goes on."""
    found = []
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        line, _, shown = part.replace("\\\n", " ").partition("\n")
        found.append(Command(line, tuple(shown.rstrip().splitlines())))
    return found


def shape(line: str) -> str:
    """The words of a line, with # for each number."""
    return " ".join(RULES.sub("---", NUMBER.sub("#", line)).split())


def same_numbers(shown: str, printed: str) -> bool:
    """Whether numbers that should not depend on the machine agree to 5 %."""
    for a, b in zip(NUMBER.finditer(shown), NUMBER.finditer(printed), strict=True):
        if a.group(1) and b.group(1):
            continue
        x, y = (float(re.sub("−", "-", m.group().split()[0])) for m in (a, b))
        if max(abs(x), abs(y)) >= 1e-6 and abs(x - y) > 0.05 * max(abs(x), abs(y)):
            return False
    return True


def first_difference(shown: tuple[str, ...], printed: list[str]) -> str | None:
    """None, or a sentence that says where the output departs from the README."""
    at, anywhere = 0, False
    wanted = [line for line in shown if line.strip()]
    present = [line for line in printed if line.strip()]
    for line in wanted:
        if line.strip() == "…":
            anywhere = True
            continue
        while True:
            if at == len(present):
                return f"not printed: {line!r}"
            agrees = shape(line) == shape(present[at]) and same_numbers(line, present[at])
            at += 1
            if agrees:
                break
            if not anywhere:
                return f"README: {line!r}\nprinted: {present[at - 1]!r}"
        anywhere = False
    if wanted and not anywhere and at < len(present):
        return f"not in README: {present[at]!r}"
    return None


TOUR = [command for block in blocks("console") for command in commands(block)]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Exit code and output of every command, run once and in order."""
    folder = tmp_path_factory.mktemp("tour")
    shutil.copytree(ROOT / "data", folder / "data")
    for text in blocks("toml"):
        name = text.splitlines()[0].removeprefix("# ").strip()
        (folder / name).write_text(text, encoding="utf-8")
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("MFACT_", "COLUMNS"))
    } | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "100",
    }
    return [
        subprocess.run(
            ["bash", "-c", command.line],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        for command in TOUR
    ]


@pytest.mark.parametrize("index", range(len(TOUR)), ids=[c.line[:60] for c in TOUR])
def test_command_runs_and_prints_what_the_readme_shows(index, outputs):
    command, done = TOUR[index], outputs[index]
    assert done.returncode == command.exit_code, done.stdout
    if command.shown:
        difference = first_difference(command.shown, done.stdout.splitlines())
        assert difference is None, f"{difference}\n\nall that was printed:\n{done.stdout}"


@pytest.mark.parametrize("block", blocks("python"))
def test_python_examples_run(block, tmp_path, monkeypatch):
    shutil.copytree(ROOT / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    example = doctest.DocTestParser().get_doctest(block, {}, "README.md", "README.md", 0)
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


def test_there_is_a_tour():
    assert len(TOUR) >= 10
    assert all(command.line.startswith("mfact ") for command in TOUR)


@pytest.mark.parametrize("column", COLUMNS)
def test_every_trace_column_is_explained_in_the_words_of_the_program(column):
    assert f"| `{column}` | {COLUMNS[column].replace('|', chr(92) + '|')} |" in README


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_stands_beside_its_exit_code(outcome):
    assert re.search(
        rf"^\| {outcome.exit_code} \|.*{re.escape(outcome.sentence)}", README, re.MULTILINE
    )


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
    difference = first_difference(tuple(shown.splitlines()), printed.splitlines())
    assert (difference is None) == agree
