"""Commands whose help has groups of options, examples and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from mfact.cli.log import Log
from mfact.cli.unknown import unknown_variables
from mfact.report.terminal import takes_only_ascii
from mfact.report.text import ascii_text

GROUPS = ("Input", "Model", "Step size", "Start", "Stopping", "Computation", "Checkpoint", "Output")
EXIT_CODES = (
    ("0", "done: converged, or the check holds"),
    ("1", "failed: a file, the memory, unusable data"),
    ("2", "usage: an option is wrong"),
    ("3", "a limit was reached before the tolerance; the result is written"),
    ("4", "diverged; the last finite result is written"),
    ("5", "a requested check does not hold"),
    ("signal", "on SIGINT, SIGTERM, SIGHUP or SIGXCPU, unless ignored: the result is written, then "
               "the process dies by it"),
)  # fmt: skip


class GroupedOption(click.Option):
    """An option that knows its group, its environment variable, and when its default is shown."""

    def __init__(self, *args: Any, group: str, **kwargs: Any) -> None:
        self.group = group
        super().__init__(*args, **kwargs)


def option(*words: str, **kwargs: Any) -> Callable[[Any], Any]:
    """A click option: its names, then its group, then its help.

    The environment variable is MFACT_ and the option's name. The default is shown; for
    a default of None say with `show_default="…"` where the value comes from.
    """
    *names, group, text = words
    longest = max((n.split("/")[0] for n in names if n.startswith("-")), key=len)
    variable = "MFACT_" + longest.lstrip("-").upper().replace("-", "_")
    kwargs = {"show_default": True, "show_envvar": True, "envvar": variable} | kwargs
    return click.option(*names, cls=GroupedOption, group=group, help=text, **kwargs)


class HelpfulCommand(click.Command):
    """A command whose options are grouped and whose examples and exit codes end its help.

    examples: command lines that run, each with what it does, in order.
    exit_codes: the codes that this command can end with; notes: (title, pairs) sections.
    """

    def __init__(
        self,
        *args: Any,
        examples: tuple[tuple[str, str], ...] = (),
        exit_codes: tuple[str, ...] = ("0", "1", "2"),
        notes: Callable[[], list[tuple[str, list[tuple[str, str]]]]] = list,
        **kwargs: Any,
    ) -> None:
        self.examples = examples
        self.exit_codes = exit_codes
        self.notes = notes
        kwargs.setdefault("context_settings", {})
        kwargs["context_settings"].setdefault("help_option_names", ["-h", "--help"])
        super().__init__(*args, **kwargs)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {name: [] for name in GROUPS}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            # Arguments stand in the usage line and the description.
            if record is not None and isinstance(param, click.Option):
                groups.setdefault(getattr(param, "group", "Other"), []).append(record)
        for name, records in groups.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records, col_max=26)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, pairs in self.notes():
            with formatter.section(title):
                formatter.write_dl(pairs, col_max=26)
        if self.examples:
            with formatter.section("Examples"):
                for line, what in self.examples:
                    # Not through the formatter's wrapping: a command line is copied whole.
                    formatter.write(f"  {line}\n      {what}\n")
        with formatter.section("Exit codes"):
            formatter.write_dl([pair for pair in EXIT_CODES if pair[0] in self.exit_codes])

    def invoke(self, ctx: click.Context) -> Any:
        for text in unknown_variables(ctx):
            ctx.ensure_object(Log).note(f"mfact: note: {text}")
        return super().invoke(ctx)

    def get_help(self, ctx: click.Context) -> str:
        return shown_help(super().get_help(ctx))


def shown_help(text: str) -> str:
    """The help text in symbols that standard output can take."""
    return ascii_text(text) if takes_only_ascii(sys.stdout) else text


def helpful_command(name: str, **kwargs: Any) -> Callable[[Any], HelpfulCommand]:
    """The decorator that makes a function the `command` of its file."""
    return click.command(name, cls=HelpfulCommand, **kwargs)
