"""Options and variables that mfact does not have, and which of its own may be meant."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import click

from mfact.words import shown
from mfact.words.foreign import OPTIONS, way_out

PREFIX = "MFACT_"


def no_such_option(name: str, ctx: click.Context, argv: Sequence[str]) -> str:
    """What to say of an option that the command does not have.

    argv: the command line, in which `name` may be the beginning of a word: click reads -lr as
    -l -r.
    """
    typed = next((word for word in argv if word.startswith(name)), name).partition("=")[0]
    known = {}
    for param in ctx.command.get_params(ctx):
        short = [word for word in param.opts if len(word) == len(name) == 2]
        for word in (*param.opts, *param.secondary_opts):
            if word.startswith("--"):
                known[_plain(word)] = f"'{(short or [word])[0]}'"
    for word in (typed, name):
        if found := way_out(_plain(word), known, OPTIONS):
            return f"no such option '{word}': {found}"
    return f"no such option '{name}'"


def _plain(word: str) -> str:
    return word.lstrip("-").replace("-", "_")


def unknown_variables(ctx: click.Context) -> list[str]:
    """What to say of variables that begin as those of mfact do, where no command has them."""
    own = _variables(ctx.command)
    strange = {name for name, value in os.environ.items() if name.startswith(PREFIX) and value}
    if not own or strange <= own:
        return []
    known = own.union(*map(_variables, _commands(ctx)))
    names = {variable.removeprefix(PREFIX).lower(): variable for variable in known}
    return [
        f"{shown(name, quoted=False)} is no variable of mfact: "
        + (way_out(name.removeprefix(PREFIX), names, OPTIONS) or f"see '{ctx.command_path} --help'")
        for name in sorted(strange - known)
    ]


def _commands(ctx: click.Context) -> Iterator[click.Command]:
    """All there are, each imported."""
    group = ctx.find_root().command
    if isinstance(group, click.Group):
        for name in group.list_commands(ctx):
            if command := group.get_command(ctx, name):
                yield command


def _variables(command: click.Command) -> set[str]:
    return {param.envvar for param in command.params if isinstance(param.envvar, str)}
