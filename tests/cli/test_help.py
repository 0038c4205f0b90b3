"""The help of every command, and what is loaded to print it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import fields

import click
import pytest

from mfact.cli.config import read_config
from mfact.cli.help import GROUPS, GroupedOption, HelpfulCommand
from mfact.cli.main import COMMANDS, LazyGroup, cli
from mfact.settings import RunSettings
from mfact.trace import COLUMNS

SLOW = ("numpy", "scipy", "h5py", "rich", "matplotlib", "threadpoolctl")


def commands():
    context = click.Context(cli)
    return {name: cli.get_command(context, name) for name in COMMANDS}


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_every_command(mfact, flag):
    code, out, err = mfact(flag)
    assert (code, err) == (0, "")
    for name, what in COMMANDS.items():
        assert re.search(rf"^  {name} +\w", out, re.MULTILINE)
        assert what.split()[0] in out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_has_groups_examples_and_exit_codes(mfact, name):
    code, out, err = mfact(name, "--help")
    assert (code, err) == (0, "")
    assert out == mfact(name, "-h")[1]
    assert out.startswith(f"Usage: mfact {name} ")
    assert "Exit codes:" in out
    assert f"  mfact {name} " in out.partition("Examples:")[2]
    assert max(map(len, out.partition("Examples:")[0].splitlines())) <= 80


def test_help_of_the_tool_loads_nothing_slow(process):
    probe = (
        "import sys, json\n"
        "from mfact.cli.main import run\n"
        "assert run(['--help']) == 0 and run(['--version']) == 0\n"
        "print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "click" in loaded
    assert not loaded & set(SLOW)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_group_a_help_and_a_variable(name):
    for param in commands()[name].params:
        if isinstance(param, click.Option):
            assert isinstance(param, GroupedOption)
            assert param.group in GROUPS
            assert param.help
            assert param.help.endswith((".", ")"))


def test_every_field_of_the_settings_is_an_option_with_its_default(mfact):
    params = {p.name: p for p in commands()["solve"].params}
    for field in fields(RunSettings):
        option = params[field.name]
        assert f"--{field.name.replace('_', '-')}" in option.opts
        assert option.envvar == f"MFACT_{field.name.upper()}"
        if field.name != "rank":
            assert option.default == field.default
    assert params["rank"].required


def test_solve_help_shows_defaults_variables_and_columns(mfact):
    _, out, _ = mfact("solve", "--help")
    flat = " ".join(out.split())
    assert "[env var: MFACT_TOL; default: 1e-10]" in flat
    assert "[env var: MFACT_SEED; default: (drawn)]" in flat
    titles = [f"\n{group}:\n" for group in GROUPS]
    assert all(title in out for title in titles)
    assert [out.index(t) for t in titles] == sorted(out.index(t) for t in titles)
    for column in COLUMNS:
        assert re.search(rf"^  {column} ", out, re.MULTILINE)


def test_help_in_ascii(process):
    done = process("solve", "--help", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert b"1/2||UV' - M||^2" in done.stdout


def test_version(mfact):
    from mfact import __version__

    assert mfact("--version") == (0, f"mfact {__version__}\n", "")


def test_an_unknown_command_names_the_nearest(mfact):
    code, out, err = mfact("slove")
    assert (code, out) == (2, "")
    assert err == "mfact: no such command 'slove': did you mean 'solve'?; see 'mfact --help'\n"


def test_no_command_at_all_prints_the_help(mfact):
    code, out, err = mfact()
    assert (code, out) == (2, "")
    assert "\nCommands:\n" in err


def test_commands_are_of_the_kinds_that_are_tested_here():
    assert isinstance(cli, LazyGroup)
    assert all(isinstance(command, HelpfulCommand) for command in commands().values())
    assert any(p.callback is read_config for p in commands()["solve"].params)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_loads_nothing_slow(name, process):
    probe = (
        "import sys\n"
        "from mfact.cli.main import run\n"
        f"assert run(['{name}', '--help']) == 0\n"
        "print({'numpy', 'scipy', 'h5py'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
