"""mfact help: texts on what no single command's --help can tell, and on single claims."""

from __future__ import annotations

import re
from importlib.resources import files

import click
from click.shell_completion import CompletionItem

from mfact.cli.claims import entries, explained
from mfact.cli.help import helpful_command, shown_help
from mfact.cli.streams import emit
from mfact.words.foreign import way_out

EXAMPLES = (
    ("mfact help run-file", "what a run records, column by column"),
    ("mfact help lemma-3.1", "what the claims of this name say, and what they need"),
    ("mfact help", "the topics"),
)


def texts() -> dict[str, str]:
    """Topic -> its text, in alphabetical order."""
    found = sorted((files("mfact") / "topics").iterdir(), key=lambda text: text.name)
    return {text.name.removesuffix(".txt"): text.read_text("utf-8") for text in found}


def descriptions() -> dict[str, str]:
    """Topic -> what it is about, the first line of its text."""
    return {name: text.partition("\n")[0] for name, text in texts().items()}


def names() -> dict[str, str]:
    """All of which there is a text, in one word -> what it is about."""
    topics, claims = descriptions(), entries(texts()["claims"])
    typed = re.compile(r"[a-z][a-z0-9.-]*")  # not the kinds of claims, `require WHAT` and COLUMN
    return topics | {n: claims[n] for n in claims if typed.fullmatch(n) and n not in topics}


def _complete(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    begun = begun.casefold()
    return [CompletionItem(each, help=what) for each, what in names().items()
            if each.startswith(begun)]  # fmt: skip


@helpful_command("help", short_help="Print a text on a topic or a claim.", examples=EXAMPLES)
@click.argument("asked", metavar="[TOPIC|CLAIM]", nargs=-1, shell_complete=_complete)
@click.pass_context
def command(ctx: click.Context, /, asked: tuple[str, ...]) -> int:
    """Print the text on TOPIC, what CLAIM says, or the topics there are."""
    topics = texts()
    if not asked:
        width = max(map(len, topics))
        lines = [f"{name:{width}}  {what}\n" for name, what in descriptions().items()]
        emit(shown_help("".join(lines)))
        return 0
    name = " ".join(asked).casefold()
    # A claim of diff has the name of a topic, settings.
    found = [text for text in (topics.get(name), explained(name, topics["claims"])) if text]
    if not found:
        ctx.fail(f"no topic or claim '{' '.join(asked)}': {_way_out(ctx, name)}")
    emit(shown_help("\n".join(found)))
    return 0


def _way_out(ctx: click.Context, name: str) -> str:
    root = ctx.find_root()
    if isinstance(root.command, click.Group) and name in root.command.list_commands(root):
        return f"did you mean 'mfact {name} --help'?"
    near = way_out(name, {each: f"'{each}'" for each in names()}, {})
    return near or f"choose from {', '.join(texts())}"
