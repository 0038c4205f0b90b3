"""Commands, options, keys and variables that mfact does not have: it says which of its own fits."""

from __future__ import annotations

import os
import subprocess
import sys

import click
import pytest
from conftest import ROOT

from mfact import __version__
from mfact.cli.main import COMMANDS, cli
from mfact.settings import METHODS
from mfact.words import foreign

NOTE = "mfact: note: {} is no variable of mfact: {}\n"


def known(command):
    """The long options of a command, as names of Python."""
    params = cli.get_command(click.Context(cli), command).params
    return {word[2:].replace("-", "_") for param in params for word in param.opts if "--" in word}


def refused(command, what, name, told):
    told = f": {told}" if told else ""
    line = f"mfact {command}".strip()
    return 2, "", f"{line}: no such {what} '{name}'{told}; see '{line} --help'\n"


def test_what_others_say_leads_to_what_there_is():
    assert set(foreign.COMMANDS.values()) <= set(COMMANDS)
    assert not set(foreign.COMMANDS) & set(COMMANDS)
    ours = set().union(*map(known, COMMANDS))
    assert {each.partition(" ")[0] for each in foreign.OPTIONS.values()} <= ours
    assert not set(foreign.OPTIONS) & known("solve")
    assert set(foreign.METHODS.values()) <= {*METHODS, foreign.ALS}
    assert not set(foreign.METHODS) & set(METHODS)


@pytest.mark.parametrize(
    ("line", "name", "told"),
    [
        ("solve M.npy -k 5", "-k", "mfact calls it '-r'"),
        ("solve M.npy -k5", "-k", "mfact calls it '-r'"),
        ("solve M.npy --k=5", "--k", "mfact calls it '--rank'"),
        ("solve M.npy --n-components 5", "--n-components", "mfact calls it '--rank'"),
        ("solve M.npy --N_Components 5", "--N_Components", "mfact calls it '--rank'"),
        ("solve M.npy --lr .1", "--lr", "mfact calls it '--step-size'"),
        ("solve M.npy -lr .1", "-lr", "mfact calls it '--step-size'"),
        ("solve M.npy --init pca", "--init", "mfact calls it '--start'"),
        ("solve M.npy --random-state 1", "--random-state", "mfact calls it '--seed'"),
        ("solve M.npy --out a.h5", "--out", "mfact calls it '--output'"),
        ("solve M.npy --stepsise 1", "--stepsise", "did you mean '--step-size'?"),
        ("solve M.npy --step_size 1", "--step_size", "did you mean '--step-size'?"),
        ("solve M.npy -max-iter 1", "-max-iter", "did you mean '--max-iter'?"),
        ("solve M.npy --no-timimg", "--no-timimg", "did you mean '--no-timing'?"),
        ("generate a.npy -k 5", "-k", "mfact calls it '-r'"),
        ("sweep --n-init 5", "--n-init", "mfact calls it '--seeds'"),
        ("flow M.npy --compare-gd", "--compare-gd", "mfact calls it '--compare gradient-descent'"),
        # Only what the command has.
        ("solve M.npy --n-init 5", "--n-init", ""),
        ("inspect M.npy --lr 1", "--lr", ""),
        ("solve M.npy -Z", "-Z", ""),
    ],
)
def test_options(mfact, line, name, told):
    assert mfact(*line.split()) == refused(line.split()[0], "option", name, told)


@pytest.mark.parametrize(
    ("name", "told"),
    [("fit", "mfact calls it 'solve'"), ("Cmp", "mfact calls it 'diff'"),
     ("slove", "did you mean 'solve'?"), ("SOLVE", "did you mean 'solve'?"),
     ("zzz", f"choose from {', '.join(COMMANDS)}")],
)  # fmt: skip
def test_commands(mfact, name, told):
    assert mfact(name) == refused("", "command", name, told)


def test_options_of_the_tool_itself(mfact):
    told = "did you mean '--version'?"
    assert mfact("--vresion") == refused("", "option", "--vresion", told)


METHODS_TOLD = [
    ("gd", "mfact calls it 'gradient-descent'"),
    ("SGD", "mfact calls it 'gradient-descent'"),
    ("heavy-ball", "mfact calls it 'momentum'"),
    ("nag", "mfact calls it 'nesterov'"),
    ("scaledgd", "mfact calls it 'scaled'"),
    ("als", "mfact calls it 'alternating-scaled' with --step-size 1"),
    ("nestrov", "did you mean 'nesterov'?"),
    ("gradient_descent", "did you mean 'gradient-descent'?"),
    ("zzz", f"choose one of {', '.join(METHODS)}"),
]


@pytest.mark.parametrize("where", ["flag", "environment", "config"])
@pytest.mark.parametrize(("name", "told"), METHODS_TOLD)
def test_methods(mfact, inputs, tmp_path, monkeypatch, name, told, where):
    words = ("--method", name) if where == "flag" else ()
    if where == "environment":
        monkeypatch.setenv("MFACT_METHOD", name)
    if where == "config":
        (tmp_path / "run.toml").write_text(f'method = "{name}"\n')
        words = ("--config", "run.toml")
    done = mfact("solve", "M.npy", "-r", "1", "--no-output", *words)
    assert done == (2, "", f"mfact: --method is '{name.casefold()}': {told}\n")


@pytest.mark.parametrize(
    ("key", "told"),
    [("n_components", "mfact calls it 'rank'"), ("lr", "mfact calls it 'step-size'"),
     ("max-itre", "did you mean 'max-iter'?"), ("n_init", "see --help for the options")],
)  # fmt: skip
def test_keys_of_a_config_file(mfact, inputs, tmp_path, key, told):
    (tmp_path / "run.toml").write_text(f"{key} = 1\n")
    code, out, err = mfact("solve", "M.npy", "--config", "run.toml")
    assert (code, out) == (2, "")
    assert err == f"mfact solve: run.toml: unknown key '{key}': {told}; see 'mfact solve --help'\n"


@pytest.mark.parametrize(
    ("name", "told"),
    [("MFACT_SEDE", "did you mean MFACT_SEED?"), ("MFACT_LR", "mfact calls it MFACT_STEP_SIZE"),
     ("MFACT_ZZZ", "see 'mfact inspect --help'"),
     ("MFACT_N\x1b[2J", "see 'mfact inspect --help'")],
)  # fmt: skip
def test_variables(mfact, inputs, monkeypatch, name, told):
    plain = mfact("inspect", "M.npy")
    monkeypatch.setenv(name, "1")
    shown = name.replace("\x1b", "\\x1b")
    assert mfact("inspect", "M.npy") == (*plain[:2], NOTE.format(shown, told))
    assert mfact("inspect", "M.npy", "--quiet") == (0, "", "")
    monkeypatch.setenv(name, "")
    assert mfact("inspect", "M.npy") == plain


def test_variables_of_other_commands_are_known(mfact, inputs, monkeypatch):
    for name in ("MFACT_SEEDS", "MFACT_SCHEDULE", "MFACT_POINTS"):
        monkeypatch.setenv(name, "1")
    assert mfact("inspect", "M.npy")[2] == ""
    monkeypatch.setenv("MFACT_SEDES", "1")
    assert mfact("inspect", "M.npy")[2] == NOTE.format("MFACT_SEDES", "did you mean MFACT_SEEDS?")
    assert mfact("help")[2] == ""  # which reads none


def test_python_dash_m_is_the_command(tmp_path):
    def run(*words):
        env = {k: v for k, v in os.environ.items() if not k.startswith("MFACT_")}
        done = subprocess.run(
            [sys.executable, "-m", "mfact", *words], env=env | {"PYTHONPATH": str(ROOT)},
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    assert run("--version") == (0, f"mfact {__version__}\n", "")
    assert run("solve", "--help")[1].startswith("Usage: mfact solve ")
    assert run("fit") == refused("", "command", "fit", "mfact calls it 'solve'")
