"""README.md and the topics are true: their commands run and print what is shown (see tour)."""

from __future__ import annotations

import ast
import doctest
import re
import shutil

import agreement
import numpy as np
import pytest
import tables
import tour

from mfact.cli.claims import entries, explained
from mfact.cli.help import EXIT_CODES
from mfact.cli.main import COMMANDS
from mfact.core import Outcome, Verdict
from mfact.run.solve import solve
from mfact.settings import METHODS, SCHEDULES
from mfact.studies.check import recompute
from mfact.studies.diff import compare
from mfact.studies.requirements import Requirement, evaluate
from mfact.targets.door import held

DOCUMENTS = {path.stem: tour.Document.at(path) for path in tour.paths()}
README = DOCUMENTS["README"]


def words(topic: str) -> str:
    """The text of a topic, lines joined."""
    return " ".join(DOCUMENTS[topic].text.split())


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, one in DOCUMENTS.items() if one.commands])
def test_commands_run_and_print_what_the_document_shows(name, tmp_path):
    document = DOCUMENTS[name]
    told = []
    for command, (code, printed) in zip(
        document.commands, tour.run(document, tmp_path / "tour"), strict=True
    ):
        difference = agreement.first_difference(command.shown, printed)
        if code != command.exit_code or difference is not None:
            told += [f"$ {command.line}", f"exit {code}", str(difference), *printed]
    assert not told, "\n".join([*told, "(`make readme` renews)"])


def test_there_is_a_tour_and_nothing_in_it_is_left_without_output():
    assert len(README.commands) >= 8
    for document in DOCUMENTS.values():
        for command in document.commands:
            assert re.match(r"(MFACT_\w+=\S+ )?(mfact|python) ", command.line)
            silent = "--quiet" in command.line or " > " in command.line
            assert silent or any(line.strip() not in ("", agreement.GAP) for line in command.shown)


@pytest.mark.parametrize("block", README.blocks("python"))
def test_python_examples_run(block, tmp_path, monkeypatch):
    shutil.copytree(tour.ROOT / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    example = doctest.DocTestParser().get_doctest(block, {}, "README.md", "README.md", 0)
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


def test_tables_are_those_of_the_program():
    for document in DOCUMENTS.values():
        assert tables.renewed(document.text) == document.text, "`make readme` renews them"


@pytest.mark.parametrize("head", tables.TABLES)
def test_each_table_stands_in_one_document(head):
    assert sum(document.text.count(head) for document in DOCUMENTS.values()) == 1


def test_the_readme_fits_its_bounds():
    assert len(README.text.splitlines()) <= 250
    assert "](mfact/topics/run-file.txt)" in README.text


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name != "README"])
def test_a_topic_fits_a_terminal(name):
    heading, *rest = DOCUMENTS[name].text.splitlines()
    assert 20 <= len(heading) <= 80
    assert rest[0] == ""
    assert len(rest) < 120
    assert max(map(len, rest)) <= 100


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command):
    assert f"mfact {command}" in README.text


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_stands_beside_its_exit_code(outcome):
    (entry,) = re.findall(rf"^  {outcome.exit_code} .*(?:\n   .*)*", DOCUMENTS["batch"].text, re.M)
    assert outcome.sentence in " ".join(entry.split())


@pytest.mark.parametrize("code", [code for code, _ in EXIT_CODES if code.isdigit()])
def test_every_exit_code_is_explained(code):
    assert re.search(rf"^  {code} ", DOCUMENTS["batch"].text, re.MULTILINE)
    assert re.search(rf"\b{code} [a-z]", README.text[README.text.index("## Exit codes") :])


def claims_in_the_code() -> set[str]:
    """The first word of each call that makes a claim, where it stands there."""
    calls = (
        node
        for path in (tour.ROOT / "mfact").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1].endswith("laim")
    )
    first = [[*call.args, *(k.value for k in call.keywords if k.arg == "name")] for call in calls]
    return {
        words[0].value
        for words in first
        if words and isinstance(words[0], ast.Constant) and isinstance(words[0].value, str)
    }


def claims_of_runs() -> set[str]:
    """Those of a run that has an ε, of a centred one of rank 1, of its check and of a diff, and of
    one by each method.
    """
    M = np.load(tour.ROOT / "data" / "rank5.npy")
    centred = solve(M, rank=1, seed=1, center="columns")
    runs = [solve(M, rank=5, schedule="certified", seed=1), centred]
    runs += [solve(M, rank=1, seed=1, max_iter=9, method=name) for name in METHODS]
    found = recompute(held(M, "float64").centred("columns").target(), centred)
    required = evaluate([Requirement.parse("gap<1e-8")], found.numbers, found.claims)
    made = [*(claim for run in runs for claim in run.claims), *found.claims, *required]
    return {claim.name for run in runs for claim in [*made, *compare(run, run)]}


def test_every_claim_is_explained():
    names = claims_in_the_code() | claims_of_runs()
    assert {"ledger", "theorem-3.2-ratio", "stored-gap", "verdicts", "loss"} <= names
    assert "require gap<1e-8" in names
    topic = DOCUMENTS["claims"].text
    assert [name for name in sorted(names) if not explained(name.lower(), topic)] == []
    assert explained("kappa-2", topic)
    assert set(entries(topic)) <= {*names, *Verdict, "require WHAT", "COLUMN", "kappa-h"}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_is_explained(schedule):
    assert re.search(rf"^  {schedule} ", DOCUMENTS["schedules"].text, re.MULTILINE)


@pytest.mark.parametrize("command", ["flow", "sweep", "network", "balance"])
def test_every_option_of_its_own_is_in_the_topic_of_the_command(command):
    shared = {name for names in tables.options("solve").values() for name in names}
    own = {name for names in tables.options(command).values() for name in names} - shared
    assert own
    assert [name for name in sorted(own) if f"--{name}" not in DOCUMENTS[command].text] == []


def test_every_schema_is_named():
    code = "".join(p.read_text("utf-8") for p in (tour.ROOT / "mfact").rglob("*.py"))
    schemas = set(re.findall(r"mfact-[a-z-]+/\d", code))
    assert len(schemas) >= 6
    assert [schema for schema in sorted(schemas) if schema not in words("json")] == []


@pytest.mark.parametrize(
    ("shown", "printed", "agree"),
    [
        ("step  loss\n0  1.50e+02", "step loss\n   0   1.51e+02", True),
        ("step  loss\n0  1.50e+02", "step loss\n   0   2.51e+02", False),
        ("gap 1.2e-11", "gap 3.4e-16", True),
        ("gap 1.2e-11", "gap 3.4e-3", False),
        ("took 1.2 s", "took 9.9 s", True),
        ("2.5e+03 ⣇⣀⠀  6 ⡏⠉\n   ⠉⠓", "2.52e+03 ⣇⣄⠀  6 ⡏⠉⠉\n   ⠉⠓   ⡇", True),
        ("2.5e+03 ⣇⣀⠀  6 ⡏⠉", "2.5e+03 ⣇⣀⠀", False),
        ("took 1.2 s", "needed 9.9 s", False),
        ("one\n…\nthree", "one\ntwo\ntwo and a half\nthree", True),
        ("one\n…", "one\ntwo", True),
        ("one", "one\ntwo", False),
        ("one\n…\nthree", "one\ntwo", False),
    ],
)
def test_the_comparison_itself(shown, printed, agree):
    difference = agreement.first_difference(tuple(shown.splitlines()), printed.splitlines())
    assert (difference is None) == agree


@pytest.mark.parametrize(
    ("shown", "printed", "renewed"),
    [
        ("old 1", "new 2\nmore", "new 2\nmore"),
        ("…\nsum 1\nrest", "a\nsum 2\nb\nc", "…\nsum 2\nb\nc"),
        ("head 1\n…\nsum 1\n…", "head 2\na\nsum 2\nb", "head 2\n…\nsum 2\n…"),
        ("…\ngone 1\n…", "a\nb", "…\ngone 1\n…"),
        ("…\nholds  one-3  x\n…", "holds  b\nholds  one-4  x", "…\nholds  one-4  x\n…"),
    ],
)
def test_renewal_keeps_what_is_left_out(shown, printed, renewed):
    assert (
        agreement.renewed(tuple(shown.splitlines()), printed.splitlines()) == renewed.splitlines()
    )


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        (
            "a.md",
            "a\n```console\n$ mfact x \\\n  --y\nold 1\n$ mfact z\n```\nb\n",
            "a\n```console\n$ mfact x \\\n  --y\nnew 2\n\nmore\n$ mfact z\nz 3\n```\nb\n",
        ),
        (
            "a.txt",
            "a\n\n  $ mfact x \\\n    --y\n  old 1\n  $ mfact z\n\nb\n",
            "a\n\n  $ mfact x \\\n    --y\n  new 2\n\n  more\n  $ mfact z\n  z 3\n\nb\n",
        ),
    ],
)
def test_a_renewed_document_shows_what_is_printed(name, before, after):
    outputs = [(0, ["new 2", "", "more"]), (0, ["z 3"])]
    renewed = tour.Document(name, before).renewed(outputs)
    assert renewed.text == after
    assert [c.shown for c in renewed.commands] == [("new 2", "", "more"), ("z 3",)]
    assert [c.line for c in renewed.commands] == ["mfact x \\\n  --y", "mfact z"]


def test_a_topic_holds_files_and_folds_long_lines():
    topic = tour.Document("a.txt", "a\n\n  # b.toml\n  rank = 3\n\n  $ mfact x\n")
    assert topic.blocks("toml") == ["# b.toml\nrank = 3\n"]
    assert [c.line for c in topic.commands] == ["mfact x"]
    line = " ".join(["word"] * 30)
    assert topic.folded(f"{line}\n\nb  c\n") == [line[:84], line[85:], "", "b  c"]
    assert tour.Document("a.md", "").folded(line) == [line]
