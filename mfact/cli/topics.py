"""mfact help: texts on what no single command's --help can tell."""

from __future__ import annotations

from importlib.resources import files

import click

from mfact.cli.help import helpful_command, shown_help
from mfact.cli.streams import emit

TOPICS = {"changes": "what changed from version to version"}
EXAMPLES = (
    ("mfact help changes", "what changed"),
    ("mfact help", "the topics"),
)


@helpful_command("help", short_help="Print a text on a topic.", examples=EXAMPLES)
@click.argument("topic", metavar="[TOPIC]", required=False)
@click.pass_context
def command(ctx: click.Context, /, topic: str | None) -> int:
    """Print the text on TOPIC, or the topics there are."""
    if topic is None:
        width = max(map(len, TOPICS))
        emit(shown_help("".join(f"{name:{width}}  {what}\n" for name, what in TOPICS.items())))
        return 0
    if topic not in TOPICS:
        ctx.fail(f"no topic '{topic}': choose from {', '.join(TOPICS)}")
    emit(shown_help(files("mfact").joinpath(f"topics/{topic}.txt").read_text("utf-8")))
    return 0
