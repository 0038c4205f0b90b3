"""What the stream at the other end can show, and text that fits it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any, TextIO

from mfact.report.text import ascii_text
from mfact.words import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDTH_OFF_TERMINAL = 100


@dataclass(frozen=True)
class Look:
    """How text may look on a stream: columns, whether only ASCII, whether with colours.

    >>> Look(width=80, ascii_only=True).symbols("σ₁ ≤ 2")
    'sigma_1 <= 2'
    """

    width: int = WIDTH_OFF_TERMINAL
    ascii_only: bool = False
    colour: bool = False

    def symbols(self, text: str) -> str:
        """The text on one line, printable, and in ASCII where the stream takes nothing else."""
        return ascii_text(printable(text)) if self.ascii_only else printable(text)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person may be looking at the stream; a closed one is no terminal."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def obeys_escapes(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether TERM names a terminal that obeys escape sequences; none and dumb do not."""
    return environ.get("TERM", "") not in ("", "dumb", "unknown")


def takes_only_ascii(stream: TextIO | None) -> bool:
    """Whether the stream's encoding lacks the symbols that mfact prints.

    >>> import io
    >>> takes_only_ascii(io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
    True
    """
    try:
        "σ‖ᵀ₁─█…⣿".encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


def look_of(stream: TextIO | None, environ: Mapping[str, str] = os.environ) -> Look:
    """The look that fits a stream.

    Columns: COLUMNS, else those of the terminal, else 100. Colours: on a terminal
    unless NO_COLOR is set or TERM is dumb or missing; elsewhere only under FORCE_COLOR.
    """
    terminal = is_terminal(stream)
    colour = (terminal and obeys_escapes(environ)) or bool(environ.get("FORCE_COLOR"))
    columns = environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() else 0
    if not width and terminal and stream is not None:
        try:
            width = os.get_terminal_size(stream.fileno()).columns
        except (OSError, ValueError):
            width = 80
    return Look(
        width=max(width, 20) if width else WIDTH_OFF_TERMINAL,
        ascii_only=takes_only_ascii(stream),
        colour=colour and not environ.get("NO_COLOR"),
    )


def render(parts: Iterable[RenderableType], look: Look) -> str:
    """Rich renderables as text: whole numbers, no trailing blanks, escapes only in colour."""
    from rich.console import Console

    # An empty environment: Look has decided, and Rich would read the same variables its own way.
    settings: dict[str, Any] = {"_environ": {}, "legacy_windows": False, "emoji": False}
    console = Console(
        file=StringIO(),
        width=look.width,
        height=100,
        force_terminal=look.colour,
        color_system="standard" if look.colour else None,
        no_color=not look.colour,
        markup=False,
        highlight=False,
        **settings,
    )
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    text = captured.get()
    if not look.colour:
        text = "".join(line.rstrip() + "\n" for line in text.split("\n")[:-1])
    return ascii_text(text) if look.ascii_only else text
