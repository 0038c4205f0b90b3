"""mfact completion: the script that lets a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from mfact.cli.help import helpful_command
from mfact.cli.streams import emit

EXAMPLES = (
    ("mfact completion bash >> ~/.bash_completion", "for bash 4.4 or newer"),
    ("mfact completion fish > ~/.config/fish/completions/mfact.fish", "for fish"),
)


@helpful_command("completion", short_help="Print the shell's completion script.", examples=EXAMPLES)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def command(ctx: click.Context, /, shell: str) -> int:
    """Print the completion script of SHELL, to be read by the shell when it starts."""
    made = get_completion_class(shell)
    if made is None:
        ctx.fail(f"no completion for {shell}")
    emit(made(ctx.find_root().command, {}, "mfact", "_MFACT_COMPLETE").source())
    return 0
