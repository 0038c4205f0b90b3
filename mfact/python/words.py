"""The sentences of the library, which name flags, in the words of Python, which has arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mfact.networks.settings import NetworkSettings
from mfact.options import Option, options_of
from mfact.ranges import Flag, Kind, OneOf, SomeOf, Text
from mfact.settings import FLOW_OPTIONS, RunSettings, SweepSettings
from mfact.wishes import Found

_FUNCTIONS: tuple[Mapping[str, Option[Any]], ...] = (
    options_of(NetworkSettings), FLOW_OPTIONS, options_of(SweepSettings), options_of(RunSettings),
)  # fmt: skip
OPTIONS: Mapping[str, Option[Any]] = {n: each for taken in _FUNCTIONS for n, each in taken.items()}
"""Of all functions by name: where two have one of a name, a run's."""

_OF_FILES = {"follow_links", "transpose"}
"""Flags on how a matrix file is read, which are no settings."""

_COMMAND = re.compile(r"`mfact (\w+)`")
_RESUME = re.compile(r"`mfact resume '?([^`]+?)'?`")
_FLAG = re.compile(
    r"(?P<before>\bwith )?(?<![\w-])(?:--(?P<name>[a-z][a-z0-9-]*)|-(?P<letter>[a-z])(?![\w-]))"
    r"(?P<value> (?:'[^']*'|[^\s,;:()]*[^\s,;:().]))?"
)
_NEXT_TO = re.compile(r'(?<=\w)(=\S*[\w"]) (?=\w+=)')


@dataclass(frozen=True)
class Words:
    """What a sentence says where options are arguments.

    names: what some of them are called there, by their name in mfact.

    >>> Words()("use --schedule constant, pass -r 12 or less, or run it with --force")
    'use schedule="constant", pass rank=12 or less, or run it with force=True'
    >>> Words()("use --rank 95%, or a number")
    'use rank="95%", or a number'
    >>> Words()("resume with `mfact resume run.h5.checkpoint`")
    'resume with mfact.resume("run.h5.checkpoint")'
    >>> Words({"rank": "n_components"})("raise --max-iter, use --no-optimum, or use -r 8")
    'raise max_iter, use optimum=False, or use n_components=8'
    """

    names: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, text: str) -> str:
        parts = _RESUME.split(_COMMAND.sub(r"mfact.\1", text))
        parts[1::2] = (f'mfact.resume("{path}")' for path in parts[1::2])  # whatever it is called
        parts[::2] = (_FLAG.sub(self._argument, part) for part in parts[::2])
        text = "".join(parts)
        return _NEXT_TO.sub(r"\1, ", text)

    def _argument(self, found: re.Match[str]) -> str:
        """A flag, and the value that follows it where one does."""
        before, value = found["before"] or "", found["value"] or ""
        name = (found["name"] or _LETTERS.get(found["letter"], "")).replace("-", "_")
        if not name:
            return found[0]
        if (on := name.removeprefix("no_")) != name and on in OPTIONS:
            return f"{before}{self._called(on)}=False{value}"
        said, option = self._called(name), OPTIONS.get(name)
        if name in _OF_FILES or (option is not None and isinstance(option.kind, Flag)):
            return f"{before}{said}=True{value}"
        kinds = [taken[name].kind for taken in reversed(_FUNCTIONS) if name in taken]
        for written in (_written(name, kind, value[1:]) for kind in kinds):
            if written is not None:
                return f"{before}{said}={written}"
        # `with dataset=` tells an argument from a word; `raise max_iter` needs no such help.
        return f"{before}{said}{'=' if before and not value else ''}{value}"

    def _called(self, name: str) -> str:
        return self.names.get(name, name)


_LETTERS = {option.letter[1:]: name for name, option in OPTIONS.items() if option.letter}


def _written(name: str, kind: Kind, word: str) -> str | None:
    """A word as Python writes it, None where it is no value of the kind but the next word."""
    if isinstance(kind, OneOf | SomeOf):
        return f'"{word}"' if word in kind.names else None
    if isinstance(kind, Text):
        bare = word.strip("'")
        known = bare != word or bare in _choices(name) or "." in bare or "/" in bare
        return f'"{bare}"' if known else None
    try:
        value = kind.read(word)
    except ValueError:
        return None
    return f'"{value}"' if isinstance(kind, Found) and isinstance(value, str) else word


def _choices(name: str) -> set[str]:
    """What other options say that this one may be."""
    belongs = [option.belongs for option in OPTIONS.values() if option.belongs]
    choices = [choice for chooser, each in belongs if chooser == name for choice in each]
    return {choice for choice in choices if isinstance(choice, str)}


said = Words()
"""In the words of the functions of mfact."""
