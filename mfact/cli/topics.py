"""mfact help: texts on what no single command's --help can tell."""

from __future__ import annotations

from importlib.resources import files

import click
from click.shell_completion import CompletionItem

from mfact.cli.help import helpful_command, shown_help
from mfact.cli.streams import emit

EXAMPLES = (
    ("mfact help run-file", "what a run records, column by column"),
    ("mfact help", "the topics"),
)


def texts() -> dict[str, str]:
    """Topic -> its text, in alphabetical order."""
    found = sorted((files("mfact") / "topics").iterdir(), key=lambda text: text.name)
    return {text.name.removesuffix(".txt"): text.read_text("utf-8") for text in found}


def descriptions() -> dict[str, str]:
    """Topic -> what it is about, the first line of its text."""
    return {name: text.partition("\n")[0] for name, text in texts().items()}


def _complete(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    topics = descriptions().items()
    return [CompletionItem(name, help=what) for name, what in topics if name.startswith(begun)]


@helpful_command("help", short_help="Print a text on a topic.", examples=EXAMPLES)
@click.argument("topic", metavar="[TOPIC]", required=False, shell_complete=_complete)
@click.pass_context
def command(ctx: click.Context, /, topic: str | None) -> int:
    """Print the text on TOPIC, or the topics there are."""
    topics = texts()
    if topic is None:
        width = max(map(len, topics))
        lines = [f"{name:{width}}  {what}\n" for name, what in descriptions().items()]
        emit(shown_help("".join(lines)))
        return 0
    if topic not in topics:
        ctx.fail(f"no topic '{topic}': choose from {', '.join(topics)}")
    emit(shown_help(topics[topic]))
    return 0
