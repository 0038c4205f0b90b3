"""What the panels of both figures share: two curves, red and blue over it, and ratios around 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfact.core import Array
from mfact.pictures.drawing import Axis, Dash, Hue, Line, Panel, Pen, Rule

PENS = (Pen(Hue.RED), Pen(Hue.BLUE, Dash.DASHED))
"""As in the paper red and blue; the second lies over the first, and may hide none of it."""

NEAR = (0.5, 1.5)
"""What an axis of ratios shows at least. In a closer look 1.02 would be far from 1."""

ALONG = Axis("iterations")


def curves(*drawn: tuple[str, Array, Array]) -> tuple[Line, ...]:
    """The two curves of a panel, each by its label, x and y."""
    return tuple(Line(*each, pen) for each, pen in zip(drawn, PENS, strict=True))


def of_ratios(title: str, label: str, lines: Sequence[Line]) -> Panel:
    """Curves of ratios against the steps, with a line at 1: from 0 on where one leaves NEAR."""
    values = np.concatenate([line.y for line in lines])
    low, high = NEAR
    near = bool(np.all((values >= low) & (values <= high)))
    axis = Axis(label, least=low, most=high) if near else Axis(label, least=0.0)
    return Panel(title, ALONG, axis, (Rule("", "y", 1.0), *lines))
