"""Files that anyone sealed: every view of them is right, or one line that says what is wrong."""

from __future__ import annotations

import copy
import json
import os
import random
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from mfact.storage import checkpoints, runs
from mfact.storage.images import make_image, read_image

pytestmark = pytest.mark.slow

MISSING = object()
DEEP = json.loads("[" * 301 + "]" * 301)
TEXTS = ["", "::error::x", "a\n::error::x", "\x1b[2J\x1b]0;x\x07", "]]>&<\"'", "a\0b", "\ud800",
         "\udcff", "\u202eabc", "\uffff\ufffe", "\r##[error]x", " \u2028 ::warning::y",
         "%0A::error::z", "[bold]x[/bold] [link=x]", "x" * 300 + " ::error::w" * 20]  # fmt: skip
VALUES = [*TEXTS, None, True, -1, 0, 1.5, 10**400, -(10**30), 1e308, 5e-324, float("nan"),
          float("inf"), [], {}, [1, 2], ["a", 2], [[[]]], {"value": 1}, {"value": 1, "source": 2},
          {"a\n::error::": "\x1b[31m"}, DEEP, MISSING]  # fmt: skip
ARRAYS = {
    "1-D": lambda a: np.ones(3),
    "0-D": lambda a: np.array(2.0),
    "3-D": lambda a: np.ones((2, 2, 2)),
    "empty": lambda a: np.ones((0,) * a.ndim),
    "wider": lambda a: np.ones((*a.shape[:-1], a.shape[-1] + 1)) if a.ndim else np.ones(2),
    "shorter": lambda a: a[:-1] if a.ndim else a,
    "complex": lambda a: a.astype(complex),
    "whole": lambda a: np.ones(a.shape, int),
    "bool": lambda a: np.ones(a.shape, bool),
    "half": lambda a: np.zeros(a.shape, "f2"),
    "big-endian": lambda a: a.astype(">f8"),
    "nan": lambda a: np.full(a.shape, np.nan),
    "-inf": lambda a: np.full(a.shape, -np.inf),
    "huge": lambda a: np.full(a.shape, 1e300),
    "tiny": lambda a: np.full(a.shape, 1e-300),
    "zero": lambda a: np.zeros(a.shape),
    "reversed": lambda a: a[::-1].copy() if a.ndim else a,
    "missing": lambda a: None,
}
ANNOTATION = re.compile(r"::(notice|warning|error) title=[^:,]*::.*")
FORMATS = ("table", "json", "jsonl", "junit", "github", "markdown", "csv")
VIEWS = [
    *((name, ("show", "F", "--format", name)) for name in FORMATS),
    ("table", ("show", "F", "--rows", "0", "--no-timing")),
    ("json", ("show", "F", "--format", "json", "--reproducible")),
    ("table", ("show", "F", "--command")),
    *((name, ("check", "F", "M.npy", "--format", name)) for name in FORMATS if name != "jsonl"),
    *((name, ("diff", "F", "run.h5", "--format", name)) for name in FORMATS if name != "jsonl"),
    *((name, ("diff", "run.h5", "F", "--format", name)) for name in FORMATS if name != "jsonl"),
    ("table", ("check", "F")),
    ("table", ("solve", "M.npy", "-r2", "--start", "F", "--no-output", "--max-iter=9",
               "--schedule=constant", "--force", "-q")),
]  # fmt: skip
RESUME = [("table", ("resume", "F", "--max-iter=40", "-o", "o.h5"))]
FLY = [("table", ("resume", "F", "--max-iter=4000", "-o", "o.h5"))]
VERSIONS = {"run": runs.FORMAT_VERSION, "checkpoint": checkpoints.FORMAT_VERSION}
SOURCES = {
    "run": ("run.h5", "run", VIEWS),
    "reduced": ("reduced.h5", "checkpoint", RESUME),
    "direct": ("direct.h5", "checkpoint", RESUME),
    "flight": ("flight.h5", "checkpoint", FLY),
}


def places(value, at=()):
    """Every place of a document; of a list the first two."""
    yield at
    if isinstance(value, dict):
        for key, part in value.items():
            yield from places(part, (*at, key))
    elif isinstance(value, list):
        for index, part in enumerate(value[:2]):
            yield from places(part, (*at, index))


def changed(document, at, value):
    document = copy.deepcopy(document)
    here = document
    for key in at[:-1]:
        here = here[key]
    if value is MISSING:
        del here[at[-1]]
    else:
        here[at[-1]] = value
    return document


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a matrix, a run on it, and checkpoints of each kind."""
    from mfact.matrices.source import open_matrix
    from mfact.run.solve import solve
    from mfact.storage.runs import write_run

    path = tmp_path_factory.mktemp("foreign")
    rng = np.random.default_rng(5)
    np.save(path / "M.npy", rng.standard_normal((7, 3)) @ rng.standard_normal((3, 5)))
    source = open_matrix(str(path / "M.npy"))
    options = {"rank": 2, "seed": 1, "schedule": "constant", "max_iter": 12}
    write_run(path / "run.h5", solve(source, **options))
    for name, more in (
        ("reduced", {}),
        ("direct", {"engine": "direct"}),
        ("flight", {"schedule": "power", "max_iter": 3000}),
    ):
        solve(source, **{**options, **more}, checkpoint=str(path / f"{name}.h5"))
    return path


@pytest.fixture(scope="module")
def sources(folder):
    """Arrays and document of each of the files."""
    made = {}
    for name, (file, kind, _) in SOURCES.items():
        arrays, document, _ = read_image(folder / file, kind, VERSIONS[kind])
        made[name] = arrays, document if kind == "run" else document["document"]
    return made


@pytest.fixture
def look(folder, monkeypatch, capsys):
    """Seal a file and look at it in every view; what is wrong, if anything is."""
    from mfact.cli.main import run

    monkeypatch.chdir(folder)

    def faults(name, arrays, document):
        _, kind, views = SOURCES[name]
        try:
            body = document if kind == "run" else {"document": document}
            image = make_image(kind, VERSIONS[kind], arrays, body)
        except Exception:  # no file can hold that
            return []
        found = []
        for format, words in views:
            (folder / "F").write_bytes(image)
            with np.errstate(all="ignore"):
                code = run(list(words))
            out, err = capsys.readouterr()
            if (fault := wrong(code, out, err, format)) is not None:
                found.append((words, fault))
        return found

    return faults


def wrong(code, out, err, format):
    """What is wrong with what a view said, None if nothing."""
    if "internal error" in err or code not in (0, 1, 2, 3, 4, 5):
        return f"code {code}: {err}"
    # Numbers that only the run can tell to be others are told by its end, which is written.
    faulty = "failed: the factors are not those of the last step" in err
    if (
        not faulty
        and code in (1, 2)
        and (out or err.count("\n") != 1 or not err.startswith("mfact"))
    ):
        return f"no one line: {out}{err}"
    lines = [*out.split("\n"), *err.split("\n")]
    if odd := [line for line in lines if not line.isprintable()]:
        return f"control characters: {odd}"
    if format == "github" and code in (0, 3, 4, 5):
        lines = [] if all(ANNOTATION.fullmatch(line) for line in out.splitlines()) else lines
    if obeyed := [line for line in lines if re.match(r"\s*(::|##\[)", line)]:
        return f"commands: {obeyed}"
    try:
        if out and format == "json":
            json.loads(out, parse_constant=float.fromhex)
        if out and format == "jsonl":
            [json.loads(line, parse_constant=float.fromhex) for line in out.splitlines()]
        if out and format == "junit":
            ElementTree.fromstring(out)
    except Exception as error:
        return f"{format}: {error}"
    return None


@pytest.mark.filterwarnings("ignore")
# Each is a sample: MFACT_FUZZ asks for more of them.
@pytest.mark.parametrize("seed", range(1 + int(os.environ.get("MFACT_FUZZ", "0")) // 200))
@pytest.mark.parametrize(
    ("name", "tries"), [(name, 10 if name == "run" else 40) for name in SOURCES]
)
def test_any_place_of_any_kind(look, sources, name, tries, seed):
    arrays, document = sources[name]
    rng = random.Random(seed)
    spots = [at for at in places(document) if at]
    found = []
    for _ in range(tries):
        if rng.random() < 0.7:
            at, value = rng.choice(spots), rng.choice(VALUES)
            found.append((at, str(value)[:50], look(name, arrays, changed(document, at, value))))
        else:
            array, how = rng.choice(sorted(arrays)), rng.choice([*ARRAYS])
            others = {key: value for key, value in arrays.items() if key != array}
            made = ARRAYS[how](arrays[array])
            made = others if made is None else {**others, array: made}
            found.append((array, how, look(name, made, document)))
    assert [faults for faults in found if faults[-1]] == []


TOLD = [  # places where a text is shown
    ("message",), ("problem", "name"), ("problem", "objective"), ("problem", "new"),
    ("settings", "tol", "source"), ("settings", "start", "value"), ("summary", "notes", 0),
    ("summary", "new"), ("claims", 0, "name"), ("claims", 0, "statement"), ("claims", 0, "detail"),
    ("provenance", "mfact"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("at", TOLD, ids=lambda at: ".".join(map(str, at)))
def test_no_text_is_obeyed(look, sources, at):
    arrays, document = sources["run"]
    document = changed(document, ("summary", "notes"), ["", ""])
    document["claims"][0]["verdict"] = "violated"
    text = " ::error::\n\x1b[2J::error::\u202e##[error]]]>&\udcff\uffff%0A"
    assert look("run", arrays, changed(document, at, text)) == []


REFUSED = {
    ("problem", "norm"): ("x", "problem.norm is 'x', and not a number"),
    ("settings", "rank"): (3, "settings.rank is 3, and not an object"),
    ("settings", "tol", "value"): ("x", "settings.tol.value is 'x', and not a number"),
    ("summary", "loss"): (10**400, "and not a number of 64 bits"),
    ("summary", "notes"): ("x", "summary.notes is 'x', and not a list"),
    ("claims", 0, "verdict"): ("fine", "is 'fine', and not one of holds, violated"),
    ("claims", 0, "numbers"): ([], "is [], and not an object"),
    ("outcome",): ("\x1b[2J", r"outcome is '\x1b[2J', and not one of GLOBAL_OPTIMUM"),
    ("problem", "new"): (DEEP, "is nested too deeply"),
}


@pytest.mark.parametrize("at", REFUSED, ids=lambda at: ".".join(map(str, at)))
def test_the_line_says_what_is_wrong_where(folder, sources, mfact, tmp_path, at):
    value, words = REFUSED[at]
    arrays, document = sources["run"]
    (tmp_path / "F").write_bytes(make_image("run", 2, arrays, changed(document, at, value)))
    code, out, err = mfact("show", "F")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "F is not a run file: " in err
    assert words in err
    assert "run `mfact solve` again" in err
