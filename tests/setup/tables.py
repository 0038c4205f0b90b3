"""The tables in README.md and the topics that the program itself can make."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable

import click

from mfact.cli.help import GROUPS
from mfact.cli.main import cli
from mfact.cli.topics import descriptions
from mfact.report.labels import SUMMARY
from mfact.trace import COLUMNS

WIDTH = 80


def options(command: str) -> dict[str, list[str]]:
    """The options of a command, without their dashes, by group."""
    found: dict[str, list[str]] = {group: [] for group in GROUPS}
    for param in cli.get_command(click.Context(cli), command).params:
        if isinstance(param, click.Option):
            longest = max((word for word in param.opts if word.startswith("--")), key=len)
            found[param.group].append(longest.removeprefix("--"))
    return found


def plain(pairs: Iterable[tuple[str, str]], width: int) -> str:
    """Two columns of plain text, the first of this width."""
    return "".join(
        textwrap.fill(
            f"  {name:{width}}  {text}",
            WIDTH,
            subsequent_indent=" " * (width + 4),
            break_long_words=False,
            break_on_hyphens=False,
        )
        + "\n"
        for name, text in pairs
    )


def _settings() -> str:
    grouped = options("solve").items()
    return plain(((group, ", ".join(names)) for group, names in grouped), 11)


def _columns() -> str:
    return plain(((name, column.words) for name, column in COLUMNS.items()), 18)


def _topics() -> str:
    return "".join(f"| [`mfact help {name}`](mfact/topics/{name}.txt) | {text} |\n"
                   for name, text in descriptions().items())  # fmt: skip


TABLES: dict[str, Callable[[], str]] = {
    "| topic | what it tells |\n| --- | --- |\n": _topics,
    "  column              meaning\n": lambda: plain(
        ((name, column.words) for name, column in COLUMNS.items()), 18
    ),
    "  entry of summary           what it is\n": lambda: plain(SUMMARY.items(), 25),
    "  group        settings\n": _settings,
}
"""The head of each table, and its rows; an empty line follows them."""


def renewed(text: str) -> str:
    """The text with the rows of its tables as the program has them."""
    for head, rows in TABLES.items():
        if head in text:
            before, after = text.split(head)
            text = before + head + rows() + after[after.index("\n\n") + 1 :]
    return text
