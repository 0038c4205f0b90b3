"""Options turned into flags; those that commands share beside the options of their settings."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from mfact.cli.config import read_config, sources
from mfact.cli.help import GroupedOption, option
from mfact.cli.log import Log
from mfact.cli.types import FILE, Choice, Named, Typed, one_of
from mfact.options import REQUIRED, Option, Settings, flag, options_of
from mfact.ranges import Count, File, Flag, Name, OneOf, Real, SomeOf
from mfact.settings import RunSettings

S = TypeVar("S", bound=Settings)
Decorator = Callable[[Any], Any]

CONFIG_OPTION = click.option(
    "--config", metavar="FILE.toml", type=FILE, is_eager=True, expose_value=False,
    callback=read_config, cls=GroupedOption, group="Input", envvar="MFACT_CONFIG",
    show_envvar=True, help="Options from a TOML file; flags and environment variables win.",
)  # fmt: skip


def as_flag(name: str, asked: Option[Any]) -> Decorator:
    """The click option of an option; a flag that is on by default can be turned off."""
    words = [w for w in (asked.letter, flag(name)) if w]
    kwargs: dict[str, Any] = {"show_default": asked.unset or True}
    if asked.default is REQUIRED:
        kwargs["required"] = True
    else:
        kwargs["default"] = None if asked.unset else asked.default
    match asked.kind:
        case Flag() if asked.default:
            words[-1] += "/" + flag(f"no_{name}")
        case Flag():
            kwargs["is_flag"] = True
        case OneOf() as kind:
            kwargs["type"] = Choice(kind)
        case File() as kind:
            kwargs["type"] = Named(kind)
        case Real() | Count() | Name() | SomeOf() as kind:
            kwargs["type"] = Typed(kind)
    return option(*words, asked.panel, asked.words, metavar=asked.metavar, **kwargs)


def flags(options: Mapping[str, Option[Any]]) -> Decorator:
    """Decorate a command with these options, in this order."""
    return decorated(*(as_flag(name, asked) for name, asked in options.items()))


def decorated(*decorators: Decorator) -> Decorator:
    """All these options in one, in this order."""

    def decorate(function: Any) -> Any:
        # Decorators apply from the inside out; help lists the outermost first.
        for each in reversed(decorators):
            function = each(function)
        return function

    return decorate


input_options = decorated(
    option("--dataset", "Input", "The dataset of an HDF5 file, the array of an NPZ file or of a "
           "Zarr store.",
           metavar="PATH", show_default="the only matrix there"),
    option("--follow-links", "Input", "Let the file name other files (external links, storage).",
           is_flag=True),
    option("--transpose", "Input", "Take the transpose of what the file holds, as of what R or "
           "Julia wrote into HDF5.", is_flag=True),
)  # fmt: skip
"""How its matrix file is read."""

_RUN = options_of(RunSettings)
_RUN["force"] = _RUN.pop("force")  # what overrules a refusal stands last under its heading
run_options = decorated(CONFIG_OPTION, input_options, flags(_RUN))
"""--config, the input options and every option of a run."""


def view_option(*views: str, of: str = "view") -> Decorator:
    """--format, with the views that there are beside the table."""
    return option("--format", "Output", f"The {of} on standard output.",
                  type=one_of("table", *views), default="table")  # fmt: skip


def drawn(seed: int | None) -> int:
    """The seed that was given, or one of 32 bits from the system."""
    return secrets.randbits(32) if seed is None else seed


def chosen(kind: type[S], values: Mapping[str, Any], **others: Any) -> S:
    """The settings of a kind out of a command's parameters, and others."""
    return kind(**{name: values[name] for name in options_of(kind)} | others)


def settings_of(
    ctx: click.Context, values: Mapping[str, Any]
) -> tuple[RunSettings, dict[str, str]]:
    """RunSettings from a command's parameters, and where each field came from."""
    return chosen(RunSettings, values), sources(ctx, options_of(RunSettings))


def log_options(function: Any) -> Any:
    """The options -q, -v and --log-file, the same for every command that takes them."""

    def tell(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        name = "path" if param.name == "log_file" else str(param.name)
        ctx.ensure_object(Log).tell(**{name: value})

    for decorate in (
        option(
            "--log-file", "Output", "Also append every note, detail and error to this file.",
            metavar="FILE", type=FILE, expose_value=False, callback=tell,
        ),
        option(
            "-v", "--verbose", "Output", "Say more on standard error; show tracebacks.",
            is_flag=True, is_eager=True, expose_value=False, callback=tell,
        ),
        option(
            "-q", "--quiet", "Output", "No table, notes or progress: only errors.",
            is_flag=True, is_eager=True, expose_value=False, callback=tell,
        ),
    ):  # fmt: skip
        function = decorate(function)
    return function
