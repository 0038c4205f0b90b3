"""The settings of a run on a page: each with where it came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mfact.options import means, options_of
from mfact.report.labels import value_text
from mfact.report.parts import Facts, Heading, Part, table
from mfact.report.terminal import Look
from mfact.settings import PARAMETERS, RunSettings

if TYPE_CHECKING:
    from rich.console import RenderableType

_PARAMETERS = options_of(RunSettings)
_TWO_ABREAST = 90
_NARROW = 70
_TELLING = (
    "schedule", "step_size", "momentum", "damping", "eps", "start", "start_scale", "engine", "form",
    "tol",
)  # fmt: skip
"""Settings that are shown in short though nobody chose them."""

_SOURCES = ("flag", "config", "environment", "drawn", "chosen", "default")


@dataclass(frozen=True)
class Settings:
    """Options, each with its value and where it came from."""

    entries: Sequence[tuple[str, str, str]]

    def drawn(self, look: Look) -> Iterable[RenderableType]:
        from rich.table import Table
        from rich.text import Text

        if look.width < _NARROW:
            pairs = [(option, f"{value} ({source})") for option, value, source in self.entries]
            return Facts(pairs).drawn(look)
        grid = Table.grid(padding=(0, 2, 0, 0))
        abreast = 2 if look.width >= _TWO_ABREAST else 1
        for _ in range(abreast):
            grid.add_column(no_wrap=True)
            grid.add_column(overflow="fold")
            grid.add_column(overflow="fold")
        half = -(-len(self.entries) // abreast)
        for i in range(half):
            cells = []
            for entry in self.entries[i::half]:
                option, value, source = map(look.symbols, entry)
                cells += [Text(f"  {option}"), Text(value), Text(source, style="dim")]
            grid.add_row(*cells)
        return [grid]

    def marked(self) -> str:
        return table(("option", "value", "from"), self.entries, "lll")


def settings_section(settings: Mapping[str, Any]) -> list[Part]:
    """Every option in effect, with the place it came from; unset ones in one line."""
    if not settings:
        return []
    entries: list[tuple[str, str, str]] = []
    notes: list[tuple[str, str]] = []
    unset: list[str] = []
    for name, entry in settings.items():
        option = name.replace("_", "-")
        value, source, note = setting_text(name, entry)
        if value == "-":
            unset.append(option)
        else:
            entries.append((option, value, source))
        if note:
            notes.append((option, note))
    if unset:
        notes.append(("not set", ", ".join(unset)))
    section: list[Part] = [Heading("Settings (and where each came from)"), Settings(entries)]
    return [*section, Facts(notes)] if notes else section


def by_source(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The settings that matter, a line for each place they came from.

    >>> rank = {"value": 5, "source": "flag"}
    >>> by_source({"rank": rank, "tol": {"value": 1e-10, "source": "default"}})
    [('flag', 'rank 5'), ('default', 'tol 1e-10')]
    """
    found: dict[str, list[str]] = {source: [] for source in _SOURCES}
    values = {name: entry["value"] for name, entry in settings.items()}
    for name, entry in settings.items():
        value, source = setting_text(name, entry)[0], entry["source"]
        if value == "-" or (source == "default" and name not in _TELLING):
            continue
        if name in PARAMETERS and not means(_PARAMETERS[name], values):
            continue
        if source == "default" and entry.get("used") is not None:
            source = "chosen"
        found.setdefault(source, []).append(f"{name.replace('_', '-')} {value}")
    return [(source, ", ".join(texts)) for source, texts in found.items() if texts]


def setting_text(name: str, entry: Mapping[str, Any]) -> tuple[str, str, str]:
    """Value, source and a remark of one setting; what was chosen for it stands for the value.

    >>> setting_text("engine", {"value": "auto", "source": "default", "used": "direct: few steps"})
    ('direct', 'auto, default', 'few steps')
    >>> setting_text("eps", {"value": None, "source": "default", "used": 0.25})
    ('0.25', 'chosen', '')
    """
    value, source = entry["value"], entry["source"]
    used = entry.get("used")
    if used is None:
        return value_text(name, value), source, ""
    text, _, note = value_text(name, used).partition(": ")
    return text, "chosen" if value is None else f"{value_text(name, value)}, {source}", note
