"""What a page is made of: parts that a terminal shows in its columns, and Markdown in its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mfact.report.terminal import Look, render
from mfact.words import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

Pair = tuple[str, str]

LEAST_ROOM = 24
"""Characters of a line from which on values stand beside their labels."""

_MARKS = re.compile(r"([\\`*_<>|\[\]#~])")


class Part(Protocol):
    """A piece of a page. Its texts are as they were found: drawing makes them printable."""

    def drawn(self, look: Look) -> Iterable[RenderableType]:
        """For a terminal of this look."""

    def marked(self) -> str:
        """In GitHub's Markdown, without a line end."""


def text_of(parts: Iterable[Part], look: Look) -> str:
    """The page as text that fits the look."""
    return render((each for part in parts for each in part.drawn(look)), look)


def markdown_of(parts: Iterable[Part]) -> str:
    """The page as Markdown.

    >>> parts = Heading("Run", top=True), Facts([("gap", "1|2"), ("a_b", "3")])
    >>> print(markdown_of(parts), end="")
    # Run
    <BLANKLINE>
    |  |  |
    | :-- | :-- |
    | gap | 1\\|2 |
    | a\\_b | 3 |
    """
    return "\n\n".join(filter(None, (part.marked() for part in parts))) + "\n"


@dataclass(frozen=True)
class Heading:
    """The title of a section, a blank line above it, or at the top of the page.

    style: as Rich names it.
    """

    title: str
    top: bool = False
    style: str = "bold"

    def drawn(self, look: Look) -> Iterable[RenderableType]:
        from rich.text import Text

        return [Text(("" if self.top else "\n") + look.symbols(self.title), self.style)]

    def marked(self) -> str:
        return f"{'#' if self.top else '##'} {escaped(self.title)}"


@dataclass(frozen=True)
class Words:
    """A paragraph, set in from the left, its long words folded. style: as Rich names it."""

    text: str
    style: str = ""

    def drawn(self, look: Look) -> Iterable[RenderableType]:
        return [indented(look.symbols(self.text), 2, self.style)]

    def marked(self) -> str:
        mark = "**" if "bold" in self.style else ""
        return f"{mark}{escaped(self.text)}{mark}"


@dataclass(frozen=True)
class Facts:
    """Labels and values; a value too long for its line is folded, never cut.

    Where labels leave too little of the line each value goes below its own. abreast: whether two
    pairs may share a line that has room for them. style: of the values.
    """

    pairs: Sequence[Pair]
    abreast: bool = False
    style: str = ""

    def drawn(self, look: Look) -> Iterable[RenderableType]:
        from rich.table import Table
        from rich.text import Text

        texts = [(look.symbols(label), look.symbols(value)) for label, value in self.pairs]
        labels, values = (max((len(text[i]) for text in texts), default=0) for i in (0, 1))
        grid = Table.grid(padding=(0, 2, 0, 0))
        if labels + 4 + min(values, LEAST_ROOM) > look.width:
            for label, value in texts:
                grid.add_row(indented(label, 2))
                grid.add_row(indented(value, 6, self.style))
            return [grid]
        double = self.abreast and 2 * (labels + values + 6) <= look.width
        for _ in range(1 + double):
            grid.add_column(no_wrap=True)
            grid.add_column(overflow="fold")
        half = -(-len(texts) // 2) if double else len(texts)
        for i in range(half):
            shared = texts[i::half]
            grid.add_row(
                *(
                    Text(text, style=style)
                    for label, value in shared
                    for text, style in ((f"  {label}", ""), (value, self.style))
                )
            )
        return [grid]

    def marked(self) -> str:
        return table(("", ""), self.pairs, "ll")


@dataclass(frozen=True)
class Columns:
    """Columns of numbers below their headings, set to the right. named: the first are words."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]] = field(default=())
    named: bool = False

    def drawn(self, look: Look) -> Iterable[RenderableType]:
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2, 0, 0))
        for place in range(len(self.heads)):
            side = "left" if self.named and place == 0 else "right"
            grid.add_column(justify=side, no_wrap=look.width >= 60)  # type: ignore[arg-type]  # a literal of Rich's
        # The first column is set in, as all that stands below a heading.
        for style, cells in (("bold", self.heads), *(("", row) for row in self.rows)):
            shown = (look.symbols(cell) for cell in cells)
            grid.add_row(*(Text("" if i else "  ") + Text(c) for i, c in enumerate(shown)),
                         style=style)  # fmt: skip
        return [grid]

    def marked(self) -> str:
        sides = "r" * len(self.heads)
        return table(self.heads, self.rows, f"l{sides[1:]}" if self.named else sides)


def indented(text: str, by: int, style: str = "") -> RenderableType:
    """A paragraph set in from the left, its long words folded."""
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(text, style, overflow="fold"), (0, 0, 0, by), expand=False)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], sides: str) -> str:
    """A table in Markdown. sides: l or r for each column."""
    rules = [":--" if side == "l" else "--:" for side in sides]
    lines = (heads, *rows)
    cells = [[escaped(cell).strip() for cell in line] for line in lines]
    cells.insert(1, rules)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def escaped(text: str) -> str:
    r"""Text of which Markdown makes no markup.

    >>> escaped("‖D_t‖_F | *x* <b>")
    '‖D\\_t‖\\_F \\| \\*x\\* \\<b\\>'
    """
    return _MARKS.sub(r"\\\1", printable(text))
