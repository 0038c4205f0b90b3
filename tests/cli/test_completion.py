"""Tab in bash, zsh and fish: commands, options, values and files are completed."""

from __future__ import annotations

import shutil

import click
import pytest
from typing_shell import BEGINNINGS, Typist

from mfact.cli.completion import SHELLS
from mfact.cli.main import COMMANDS, cli
from mfact.cli.types import Named

FILES = ("digits.npy", "my matrix.npy", "[1] b.npy", "gauss.npz", "Zero.npz", "runs/one.run.h5")

LINES = {
    "mfact so": "mfact solve ",
    "MFACT_SEED=1 mfact so": "MFACT_SEED=1 mfact solve ",
    "mfact solve --fast": "mfact solve --fast-forward ",
    "mfact solve f.h5:/X --fast": "mfact solve f.h5:/X --fast-forward ",
    "mfact solve --no-o": "mfact solve --no-o",  # --no-optimum or --no-output
    # Values, in any case and after a sign of equality.
    "mfact solve --schedule con": "mfact solve --schedule constant ",
    "mfact solve --schedule CON": "mfact solve --schedule constant ",
    "mfact solve --schedule=con": "mfact solve --schedule=constant ",
    "mfact solve --method MOM": "mfact solve --method momentum ",
    "mfact solve --method=sc": "mfact solve --method=scaled ",
    "mfact solve --method alternating": "mfact solve --method alternating",  # and -scaled
    "mfact completion f": "mfact completion fish ",
    # Files.
    "mfact solve dig": "mfact solve digits.npy ",
    "mfact solve my": "mfact solve my\\ matrix.npy ",
    'mfact solve "my': 'mfact solve "my matrix.npy" ',
    "mfact show ru": "mfact show runs/",
    "mfact show runs/": "mfact show runs/one.run.h5 ",
    "mfact solve digits.npy -o runs/o": "mfact solve digits.npy -o runs/one.run.h5 ",
    "mfact solve ~/dig": "mfact solve ~/digits.npy ",
    "mfact solve --output=dig": "mfact solve --output=digits.npy ",
    "mfact solve --config my": "mfact solve --config my\\ matrix.npy ",
    "mfact diff digits.npy my": "mfact diff digits.npy my\\ matrix.npy ",
    # Words and files: "gaussian" and "gauss.npz" have this in common.
    "mfact solve --start ga": "mfact solve --start gauss",
    "mfact solve --start BAL": "mfact solve --start balanced ",
    "mfact solve --start Ze": "mfact solve --start Zero.npz ",
    "mfact solve --start=Ze": "mfact solve --start=Zero.npz ",
    "mfact help sched": "mfact help schedules ",
    "mfact help cert": "mfact help certified ",
    "mfact help LEMMA-3.2": "mfact help lemma-3.2 ",
    # What is not there is left alone, without a word.
    "mfact slove ": "mfact slove ",
    "mfact solve --dataset dig": "mfact solve --dataset dig",
    "mfact solve digits.npy no": "mfact solve digits.npy no",
}


@pytest.fixture(scope="module", params=BEGINNINGS)
def typist(request, tmp_path_factory):
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "runs").mkdir()
    for name in FILES:
        (folder / name).touch()
    one = Typist(request.param, folder)
    yield one
    one.close()


@pytest.mark.parametrize("line", LINES)
def test_tab_completes(typist, line):
    assert typist.completed(line) == LINES[line]
    assert b"mfact: " not in typist.shown


def test_there_is_a_script_for_each_shell_that_is_tried(mfact):
    assert set(SHELLS) == set(BEGINNINGS)
    for shell in SHELLS:
        code, out, err = mfact("completion", shell.upper())
        assert (code, err) == (0, "")
        assert f"_MFACT_COMPLETE={shell}_complete" in out


def parameters():
    context = click.Context(cli)
    return [(name, param) for name in COMMANDS for param in cli.get_command(context, name).params]


def test_every_file_is_known_as_one():
    """By the words that help has for it: what has a value of another kind than text is none."""
    text = {(n, p.name) for n, p in parameters() if p.type in (click.STRING, None)}
    assert text == {
        *(
            (name, "dataset")
            for name in (
                "solve",
                "check",
                "inspect",
                "sweep",
                "flow",
                "figure",
                "generate",
                "compare",
                "plot",
            )
        ),
        *((name, "scheduler") for name in ("solve", "resume", "compare")),
        ("solve", "checkpoint_every"),
        ("network", "checkpoint_every"),
        ("check", "require"),
        ("balance", "require"),
        ("balance", "chain"),
        ("diff", "ignore"),
        ("help", "asked"),
    }
    files = {p.name for _, p in parameters() if isinstance(p.type, Named)}
    assert files == {
        "matrix", "checkpoint", "run_file", "first", "second", "output", "config", "start",
        "factors_npy", "factors_csv", "factors_tsv", "log_file",
        "x", "y", "layers", "checkpoints", "rescale", "files", "things", "data", "picture",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["f.h5:/X", "none.npy", "a b", "", "\udcff", "Gaussian", "."])
def test_a_file_is_handed_on_as_it_was_typed(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Gaussian").touch()
    for _, param in parameters():
        if isinstance(param.type, Named):
            assert param.type.convert(name, param, None) == name
