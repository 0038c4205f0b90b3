"""The `mfact` command: finds the subcommand, and turns every error into one line."""

from __future__ import annotations

import gc
import os
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

import click

from mfact import __version__
from mfact.cli import BEGAN
from mfact.cli.help import shown_help
from mfact.cli.log import Log
from mfact.cli.streams import discard, flush_streams, open_streams
from mfact.errors import MfactError, SettingsError
from mfact.host.signals import die
from mfact.words import shown

# Name -> what it does. Command `a-b` is `command` in mfact/cli/a_b.py, imported when named;
# cli/help.py is how every command shows its help.
COMMANDS = {
    "solve": "Factor a matrix by gradient descent, and say why it worked.",
    "resume": "Go on with a run from its checkpoint.",
    "show": "Print the tables of a run file.",
    "check": "Recompute a run from its file and the matrix, and hold it to requirements.",
    "diff": "Compare two run files, modulo rotation and within tolerances.",
    "inspect": "Say what a matrix file holds: spectrum, rank, step size.",
    "compare": "Put runs beside each other, made already or varied in chosen options.",
    "plot": "Draw runs: convergence, balance, ledger, spectrum, modes, residual.",
    "figure": "Draw the figures of the paper, from runs that are kept.",
    "sweep": "Count how often many random starts converge, and how balanced they stay.",
    "flow": "Follow the gradient flow of a matrix.",
    "network": "Train a deep network, every balance law held against its exact ledger.",
    "balance": "Audit the balance of networks that were trained elsewhere.",
    "generate": "Make a test matrix with known singular values.",
    "help": "Print a text on a topic or a claim, or the topics.",
    "completion": "Print the shell's completion script.",
}


GARBAGE = 10_000
"""Containers more than there were, at which Python looks for garbage: it would at 700."""


class LazyGroup(click.Group):
    """Subcommands by name: none is imported before it is named on the command line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        file = "topics" if cmd_name == "help" else cmd_name.replace("-", "_")
        module = import_module(f"mfact.cli.{file}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not (name in COMMANDS or name.startswith("-") or ctx.resilient_parsing):
            from mfact.words import foreign

            names = {each: f"'{each}'" for each in COMMANDS}
            found = foreign.way_out(name, names, foreign.COMMANDS)
            ctx.fail(f"no such command '{name}': {found or 'choose from ' + ', '.join(COMMANDS)}")
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: click.Context) -> str:
        return shown_help(super().get_help(ctx))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Run 'mfact COMMAND --help' for the options, examples and exit codes of a command.",
)
@click.version_option(__version__, "-V", "--version", message="mfact %(version)s")
def cli() -> None:
    """Factor a matrix M ≈ UVᵀ by gradient descent, and see why it worked.

    The unregularized objective ½‖UVᵀ − M‖² is minimized as in Du, Hu and Lee
    (2018), while the balance UᵀU − VᵀV, the ledger behind it, and the paper's
    bounds are checked along the way.
    """


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """The entry point: runs the command and ends the process with its exit code."""
    if not sys.warnoptions:
        # Warnings of libraries are for those who call them; a user meets notes and errors.
        warnings.simplefilter("ignore")
    # Most of what starts a command stays; to look through it for garbage takes 40 ms of 570.
    gc.set_threshold(GARBAGE)
    open_streams()
    code = run(sys.argv[1:] if argv is None else argv, BEGAN)
    # All is closed and flushed, and memory goes with the process; to take the libraries apart one
    # by one first costs 30 ms of 500.
    os._exit(code)


def run(argv: Sequence[str], began: float | None = None) -> int:
    """Run one command line; returns the exit code, or dies by the signal that ended it.

    began: when the person who typed it began to wait, by time.perf_counter; now when None.
    """
    log = Log(began)
    try:
        code = _dispatch(list(argv), log)
    except KeyboardInterrupt:
        log.tell(signal=signal.SIGINT)
    finally:
        log.close()
    flush_streams()
    if log.signal is not None:
        die(log.signal)
    return code


def _dispatch(argv: list[str], log: Log) -> int:
    """The exit code of a command line, each kind of failure translated once, here."""
    try:
        code = _command(argv, log)
    except click.exceptions.Exit as error:  # --help and --version
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        with suppress(OSError):
            click.echo(error.format_message(), err=True)
        return 2
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "mfact"
        if isinstance(error, click.NoSuchOption) and error.ctx:
            from mfact.cli.unknown import no_such_option

            message = no_such_option(error.option_name, error.ctx, argv)
        else:
            message = error.format_message().rstrip(".").replace("\n", " ")
        # Click shows what was typed whole, however long.
        log.error(f"{path}: {_shortened(message)}; see '{path} --help'")
        return 2
    except click.ClickException as error:
        log.error(f"mfact: {error.format_message()}")
        return error.exit_code
    except BrokenPipeError:  # the reader of standard output has left
        discard(sys.stdout)
        return 0
    except Exception as error:
        log.error(f"mfact: {_told(error, log)}")
        log.detail(traceback.format_exc().rstrip())  # for those who asked with -v
        return error.exit_code if isinstance(error, MfactError) else 1
    return code if isinstance(code, int) else 0


def _command(argv: list[str], log: Log) -> Any:
    """What the command returns. click's own main would take an EOFError for a Ctrl-C, and end at
    a broken pipe of any file without a word.
    """
    if sys.stdout is None:
        raise SettingsError("standard output is closed", "send it to a file, or to /dev/null")
    if asked := os.environ.get("_MFACT_COMPLETE"):
        from mfact.cli.completion import shell_complete

        return shell_complete(cli, {}, "mfact", "_MFACT_COMPLETE", asked)
    with cli.make_context("mfact", argv, obj=log) as ctx:
        return cli.invoke(ctx)


def _shortened(message: str) -> str:
    """The message without the middle of a value or a name that no one would read to its end."""
    text = re.sub(r"\S{1000,}", lambda word: shown(word[0], quoted=False), message)
    return text if len(text) <= 4000 else f"{text[:500]} … {text[-500:]}"


def _told(error: Exception, log: Log) -> str:
    """One line on what went wrong, whatever it was."""
    if isinstance(error, MfactError):
        return _shortened(str(error))
    if isinstance(error, MemoryError):
        return "out of memory: free memory, or try a smaller rank or matrix"
    if isinstance(error, OSError):
        return (f"{error.filename}: " if error.filename else "") + str(error.strerror or error)
    way_out = "please report it" if log.verbose else "please report it; -v shows the traceback"
    return f"internal error: {type(error).__name__}: {error}: {way_out}"
