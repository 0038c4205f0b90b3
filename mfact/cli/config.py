"""Options from a TOML file: below flags and environment variables, above defaults."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from mfact.cli.files import CONFIG
from mfact.cli.help import GroupedOption
from mfact.cli.types import Typed
from mfact.options import flag
from mfact.words import MOST_BITS, MOST_DIGITS, printable, shown
from mfact.words.foreign import OPTIONS, way_out

SOURCES = {
    ParameterSource.COMMANDLINE: "flag",
    ParameterSource.ENVIRONMENT: "environment",
    ParameterSource.DEFAULT_MAP: "config",
    ParameterSource.DEFAULT: "default",
}


def read_config(ctx: click.Context, param: click.Parameter, path: str | None) -> None:
    """The callback of --config: checks every key and value, then makes them defaults.

    Keys are the long options without their dashes, `tol-residual = 1e-6`; underscores
    serve too. An unknown key is an error that names the nearest known one.
    """
    if path is None:
        return
    ctx.meta[CONFIG] = path
    named = printable(path)
    known = {
        p.name: p
        for p in ctx.command.params
        if isinstance(p, GroupedOption) and p.name and p.name != param.name
    }
    defaults: dict[str, Any] = dict(ctx.default_map or {})
    for key, value in _load(path, ctx).items():
        name = key.replace("-", "_")
        if name not in known:
            names = {each: f"'{_dashed(each)}'" for each in known}
            found = way_out(name, names, OPTIONS) or "see --help for the options"
            ctx.fail(f"{named}: unknown key {shown(key)}: {found}")
        if name in defaults:
            ctx.fail(f"{named}: '{_dashed(name)}' is given twice, with a dash and an underscore")
        defaults[name] = _checked(known[name], _dashed(name), value, named, ctx)
    ctx.default_map = defaults


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _load(path: str, ctx: click.Context) -> Mapping[str, Any]:
    import tomllib

    try:
        text = Path(path).read_bytes().decode("utf-8")
        return tomllib.loads(text)
    except OSError as error:
        ctx.fail(f"cannot read the config file {printable(path)}: {error.strerror or error}")
    except UnicodeDecodeError:
        ctx.fail(f"{printable(path)} is not TOML: it is not UTF-8 text")
    except tomllib.TOMLDecodeError as error:
        ctx.fail(f"{printable(path)} is not TOML: {error}")
    except ValueError as error:  # of an integer of more digits than Python reads
        ctx.fail(f"{printable(path)} is not usable TOML: {_cause(error, text)}")
    except RecursionError:
        ctx.fail(f"{printable(path)} is not usable TOML: it is nested too deep")


def _cause(error: ValueError, text: str) -> str:
    """What Python, or the line, says of a value that TOML allows and Python does not read."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"[0-9_]{4301}", line):
            return f"line {number} has a number of more than {MOST_DIGITS} digits"
    return str(error)


def _checked(option: click.Option, name: str, value: Any, named: str, ctx: click.Context) -> Any:
    """The value, if the option can take it; click would convert 5.5 to 5 or true to 1."""
    if option.is_flag and not isinstance(value, bool):
        ctx.fail(f"{named}: '{name}' is {_kind(value)}: write true or false")
    if not option.is_flag and (isinstance(value, bool) or not isinstance(value, (str, int, float))):
        ctx.fail(f"{named}: '{name}' is {_kind(value)}: write a number or a string")
    if not option.is_flag and not isinstance(option.type, Typed):  # the others take text
        if isinstance(value, int) and value.bit_length() > MOST_BITS:
            ctx.fail(f"{named}: '{name}' is {shown(value)}: write fewer digits")
        value = str(value)
    try:
        return option.type.convert(value, option, ctx)
    except click.BadParameter as error:
        ctx.fail(f"{named}: '{name}': {error.message}")


def _kind(value: Any) -> str:
    kinds = {bool: "a truth value", dict: "a table", list: "an array", str: "a string"}
    return kinds.get(type(value), f"a {type(value).__name__}")


def refuse_given(ctx: click.Context, names: Iterable[str], why: str) -> None:
    """Refuse each of these options that was typed. why: where it means nothing, and the way out."""
    for name in names:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            ctx.fail(f"{flag(name)} has no meaning {why}")


def sources(ctx: click.Context, names: Iterable[str]) -> dict[str, str]:
    """For each parameter where its value came from: flag, environment, config or default."""
    found = {}
    for name in names:
        source = ctx.get_parameter_source(name)
        found[name] = SOURCES.get(source, "default") if source else "default"
    return found
