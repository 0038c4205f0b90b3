"""mfact show: the tables of a finished run, drawn from its file alone."""

from __future__ import annotations

import shlex
import string
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from mfact.cli.files import claim_files
from mfact.cli.help import helpful_command, option
from mfact.cli.options import log_options
from mfact.cli.results import format_options, print_result, show
from mfact.cli.streams import emit
from mfact.cli.types import FILE
from mfact.errors import SettingsError
from mfact.options import Settings, flag, options_of, typed
from mfact.settings import ARRAYS, RunSettings, SweepSettings
from mfact.words import harmless, printable

if TYPE_CHECKING:
    from mfact.core import Ended
    from mfact.storage.sweeps import SweepRecord

EXAMPLES = (
    ("mfact show digits.run.h5", "the tables that solve printed"),
    ("mfact show digits.run.h5 --rows 0 --no-timing", "every recorded row, without the clock"),
    ("mfact show digits.run.h5 --format json --no-factors", "one JSON document, without U and V"),
    ("mfact show digits.run.h5 --command", "the command line that repeats the run"),
)

_OF_RUNS = {
    "full": (False, "it is shown in full, leave --full"),
    "rows": (None, "it has no iteration table, leave --rows"),
    "factors": (True, "it holds no factors, leave --no-factors"),
}
"""Options that mean nothing of a sweep -> their value where they were not given, and the way out.
It holds nothing of a clock or a host: --no-timing and --reproducible say what is so.
"""


@helpful_command("show", short_help="Print the tables of a run file.", examples=EXAMPLES)
@click.argument("run_file", metavar="RUN.h5", type=FILE)
@option(
    "--command",
    "Output",
    "Print the command line that repeats the run, and no tables.",
    is_flag=True,
    envvar=None,
)
@format_options
@log_options
@click.pass_context
def command(ctx: click.Context, /, run_file: str, **values: Any) -> int:
    """Print what RUN.h5, a run file that `mfact solve` wrote, knows about its run.

    M is d1×d2, U is d1×r, V is d2×r. RUN.h5 may be that of a network, or of `mfact sweep -o`.
    """
    from mfact.storage.either import read_either
    from mfact.storage.images import kind_of

    log = claim_files(ctx, {"run file": run_file})
    if kind_of(run_file) == "sweep":
        return _sweep(ctx, run_file, values, quiet=log.quiet)
    result = read_either(run_file)
    if values["command"]:
        emit(command_line(result) + "\n")
        return 0
    if values["reproducible"]:
        from mfact.host.provenance import repeatable

        result = repeatable(result)
    print_result(result, values, quiet=log.quiet)
    return 0


def _sweep(ctx: click.Context, path: str, values: Mapping[str, Any], *, quiet: bool) -> int:
    """The page that `mfact sweep` printed, or the line that repeats it."""
    from mfact.report.sweep_tables import sweep_views
    from mfact.storage.sweeps import read_sweep

    record = read_sweep(path)
    if values["command"]:
        emit(command_line(record) + "\n")
        return 0
    for name, (default, words) in _OF_RUNS.items():
        if values[name] is not default:
            ctx.fail(f"{printable(path)} is the file of a sweep: {words} out")
    views = sweep_views(record)
    if values["format"] not in views:
        known = ", ".join(views)
        ctx.fail(f"a sweep has no view {values['format']}: use one of {known}")
    show(values["format"], views, quiet=quiet)
    return 0


def command_line(result: Ended | SweepRecord) -> str:
    """The line that repeats a run: every setting that was chosen, and the seed, as flags.

    Settings that came from the environment, a config file or Python become flags too. The matrix
    stands as it was named; run the line in the folder that the run had.

    Raises SettingsError for a run that no command line repeats.
    """
    if result.settings.get("start", {}).get("source") == ARRAYS:
        raise SettingsError(
            "the start of the run was given in Python, as two arrays, which no flag repeats",
            "save U and V in an .npz and start from it with --start, or run it in Python again",
        )
    words, defaults = _subject(result)
    for name, entry in result.settings.items():
        value, source = entry["value"], entry["source"]
        option = flag(name)
        chosen = source in ("flag", "environment", "config", "argument") or name == "seed"
        chosen &= name in defaults  # what a file of another version names is no flag here
        if not chosen or value is None or (value is False and not defaults[name]):
            continue
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
        else:
            words += [option, typed(value)]
    return " ".join(map(quoted, words))


def _subject(result: Ended | SweepRecord) -> tuple[list[str], dict[str, Any]]:
    """The command with what it is about, and the options that it has with their defaults."""
    from mfact.core import NetworkResult
    from mfact.storage.sweeps import SweepRecord

    problem = result.problem
    if isinstance(result, SweepRecord):
        defaults = _defaults(SweepSettings) | {"growth": None, "bounds": None}
        return ["mfact", "sweep", *([] if result.runs is None else _matrix(problem))], defaults
    if isinstance(result, NetworkResult):
        from mfact.networks.settings import ARRAYS_LAYERS, NetworkSettings

        chosen = {name: entry.get("value") for name, entry in result.settings.items()}
        if chosen.get("layers") == ARRAYS_LAYERS:
            raise SettingsError(
                "the layers of the run were given in Python, which no flag repeats",
                "write them as --layers has them, or run it in Python again",
            )
        generated = chosen.get("data") is not None
        names = [] if generated else [_spec(problem.get(name, {})) for name in ("x", "y")]
        if not all(names):
            raise SettingsError(
                "the points of the run were given in Python, as arrays, which no flag names",
                "save X and Y in files and name them, or run it in Python again",
            )
        return ["mfact", "network", *map(_as_file, names)], _defaults(NetworkSettings)
    return ["mfact", "solve", *_matrix(problem)], _defaults(RunSettings)


def _defaults(kind: type[Settings]) -> dict[str, Any]:
    return {name: option.default for name, option in options_of(kind).items()}


def _matrix(problem: Mapping[str, Any]) -> list[str]:
    """The matrix of a run as it is named on a command line, with its dataset, and turned."""
    words = [_as_file(problem.get("path") or problem.get("name") or "MATRIX")]
    if dataset := problem.get("dataset"):
        words += ["--dataset", dataset]
    return [*words, "--transpose"] if problem.get("transpose") else words


def _spec(file: Mapping[str, Any]) -> str:
    """A file of points as it is named on a command line; its name, where its path was left out."""
    if not file.get("path"):
        return str(file.get("name") or "")
    from mfact.matrices.spec import spec_of

    return spec_of(str(file["path"]), file.get("dataset"))


def _as_file(name: str) -> str:
    return f"./{name}" if name.startswith("-") else name


def quoted(word: str) -> str:
    r"""A word of a command line as bash reads it, byte for byte, whatever is in it.

    >>> print(quoted("M.npy"), quoted("a b.npy"), quoted("it's\n\udcff"))
    M.npy 'a b.npy' $'it\047s\012\377'
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    if harmless(word) == word and word.isprintable():
        try:
            word.encode(encoding)
            return shlex.quote(word)
        except (UnicodeEncodeError, LookupError):
            pass
    octal = {byte: f"\\{byte:03o}" for byte in range(256)}  # whatever digit or letter follows
    octal |= {byte: chr(byte) for byte in b" %+,-./:=@_" + string.ascii_letters.encode()}
    raw = word.encode("utf-8", "surrogateescape")
    return "$'" + "".join(octal[byte] for byte in raw) + "'"
