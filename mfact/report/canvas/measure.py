"""Text that must fit: as wide as it is drawn, wrapped, shortened, of glyphs that the font has."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mfact.words import printable

HEAD, TITLE, LABEL, TICK, LEGEND, NOTE = 13.0, 11.0, 11.0, 10.0, 10.0, 9.0
"""Sizes of text, points: of a picture's title, a panel's, the names of axes and so on down."""

_CUT = "…"
_LINES = 4
_SPARE = 1.03  # drawn under other settings of text, a figure's are a little wider


class Ruler:
    """Measures text in the font that draws it. All lengths are inches, all sizes points."""

    def __init__(self, width: Callable[[str, float], float], has: Callable[[str], bool]) -> None:
        """width: of one line at a size. has: whether the font has a character."""
        self._width = width
        self._has = has

    def width(self, text: str, size: float) -> float:
        return _SPARE * self._width(text, size)

    def plain(self, text: str) -> str:
        """One printable line; characters that the font lacks, as names of files may have, are
        written as escapes, since every box is like the next.
        """
        return "".join(
            each if self._has(each) else each.encode("ascii", "backslashreplace").decode()
            for each in printable(text)
        )

    def wrapped(self, text: str, size: float, room: float, most: int = _LINES) -> str:
        """At most so many lines that are no wider than the room; words that are wider are broken,
        and of what is longer the last line has the end.
        """
        text = " ".join(self.plain(text).split())
        lines = [""]
        for word in self._pieces(text, size, room):
            longer = f"{lines[-1]} {word}" if lines[-1] else word
            if self.width(longer, size) <= room:
                lines[-1] = longer
            else:
                lines.append(word)
        if len(lines) > most:
            rest = text
            for line in lines[: most - 1]:
                rest = rest[len(line) :].lstrip()
            lines[most - 1 :] = [self.short(rest, size, room)]
        return "\n".join(line for line in lines if line)

    def short(self, text: str, size: float, room: float) -> str:
        """One line that is no wider than the room; of a wider one both ends."""
        text = self.plain(text)
        kept = len(text)
        while kept > 2 and self.width(_ends(text, kept), size) > room:
            kept -= 1 + kept // 8
        return _ends(text, kept)

    def widest(self, lines: Iterator[str] | tuple[str, ...], size: float) -> float:
        return max((self.width(line, size) for line in lines), default=0.0)

    def _pieces(self, text: str, size: float, room: float) -> Iterator[str]:
        for word in text.split():
            while (fits := self._fitting(word, size, room)) < len(word):
                yield word[:fits]
                word = word[fits:]
            yield word

    def _fitting(self, word: str, size: float, room: float) -> int:
        """How many of its first characters fit, at least 1."""
        least, most = 1, len(word)
        while least < most:
            middle = (least + most + 1) // 2
            if self.width(word[:middle], size) <= room:
                least = middle
            else:
                most = middle - 1
        return least


def _ends(text: str, kept: int) -> str:
    """
    >>> _ends("abcdefgh", 8), _ends("abcdefgh", 5)
    ('abcdefgh', 'abc…gh')
    """
    if kept >= len(text):
        return text
    return f"{text[: (kept + 1) // 2]}{_CUT}{text[len(text) - kept // 2 :]}"
