"""The legend of a panel: which signs it has, and in how many columns they fit."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from mfact.pictures.drawing import Mark, Panel
from mfact.report.canvas.extents import drawn
from mfact.report.canvas.measure import LEGEND, Ruler
from mfact.report.canvas.strokes import key

_SIGN, _LONG, _BESIDE, _BETWEEN = 2.0, 3.4, 0.5, 1.0  # in sizes of the words
_FEW = 6  # signs; the dashes of more are long


class Entry(NamedTuple):
    """Words, and the marks that have them, one of each look."""

    label: str
    marks: tuple[Mark, ...]

    def same_as(self, other: Entry) -> bool:
        """Whether a reader would see twice the same."""
        return self.label == other.label and _looks(self.marks) == _looks(other.marks)


def each_once(panels: Sequence[Panel]) -> list[list[Entry]]:
    """The legend of each panel, without what one above it has told."""
    told: list[list[Entry]] = []
    for panel in panels:
        before = [entry for entries in told for entry in entries]
        found = _entries(panel) if panel.legend else []
        told.append([one for one in found if not any(map(one.same_as, before))])
    return told


def shared(panels: Sequence[Panel]) -> list[Entry]:
    """One legend for all panels, where those that would have one have the same; else none."""
    found = [_entries(panel) for panel in panels if panel.legend]
    found = [entries for entries in found if entries]
    without = any(_entries(panel) for panel in panels if not panel.legend)
    if len(found) + without < 2 or not found:
        return []
    first = found[0]
    alike = all(
        len(entries) == len(first) and all(map(Entry.same_as, first, entries))
        for entries in found[1:]
    )
    return first if alike else []


def legend(owner: Any, axes: Any, told: Sequence[Entry], ruler: Ruler, room: float) -> Any:
    """A legend of the owner, a figure or axes, in as many columns as fit into the room."""
    unit, sign = LEGEND / 72, _SIGN if len(told) <= _FEW else _LONG
    own = room - (sign + _BESIDE) * unit
    words = [ruler.wrapped(entry.label, LEGEND, own) for entry in told]
    widths = [ruler.widest(tuple(word.split("\n")), LEGEND) for word in words]
    signs = [tuple(key(axes, mark) for mark in entry.marks) for entry in told]
    made = owner.legend(
        signs,
        list(map(str, range(len(words)))),
        ncols=_columns(widths, (sign + _BESIDE) * unit, _BETWEEN * unit, room),
        loc="upper left",
        fontsize=LEGEND,
        frameon=False,
        borderpad=0.0,
        borderaxespad=0.0,
        handlelength=sign,
        handletextpad=_BESIDE,
        columnspacing=_BETWEEN,
        labelspacing=0.35,
    )
    for text, word in zip(made.get_texts(), words, strict=True):
        text.set_text(word)  # matplotlib before 3.10 leaves out what begins with an underscore
    return made


def _columns(widths: Sequence[float], sign: float, between: float, room: float) -> int:
    """The most columns that fit; the entries go down the first, then down the second.

    >>> _columns([1.0, 1.0, 1.0], 0.5, 0.25, 3.25), _columns([1.0, 2.5], 0.5, 0.25, 3.25)
    (2, 1)
    """
    for count in range(len(widths), 1, -1):
        rows, longer = divmod(len(widths), count)
        ends = [rows * i + min(i, longer) for i in range(count + 1)]
        columns = [max(widths[a:b]) for a, b in itertools.pairwise(ends)]
        if sum(columns) + count * sign + (count - 1) * between <= room:
            return count
    return 1


def _looks(marks: Iterable[Mark]) -> list[Any]:
    return [(type(mark), mark.pen) for mark in marks]


def _entries(panel: Panel) -> list[Entry]:
    """One for each label of what is drawn, in the order of the marks."""
    found: dict[str, dict[Any, Mark]] = {}
    for mark in panel.marks:
        if mark.label and drawn(mark, panel).any():
            found.setdefault(mark.label, {}).setdefault((type(mark), mark.pen), mark)
    return [Entry(label, tuple(marks.values())) for label, marks in found.items()]
