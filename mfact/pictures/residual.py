"""The residual of a run by rows and by columns: which of them fit badly."""

from __future__ import annotations

import numpy as np

from mfact.core import Array
from mfact.pictures.axes import far, size_axis
from mfact.pictures.drawing import Axis, Dots, Line, Mark, Panel, Pen, Picture, Rule
from mfact.pictures.runs import title
from mfact.studies.differing import Subject
from mfact.studies.residual import Along, Residual
from mfact.words import brief

MOST_DOTS = 500
"""Rows that are drawn one by one; more are drawn in the order of their residuals."""

NAMED = 5
"""Of the worst, told below the picture."""


def residual(subject: Subject, found: Residual) -> Picture:
    """‖R_i‖/‖M_i‖ of each row and of each column, R = M − UVᵀ, and ‖R‖_F/‖M‖_F as a dotted line.

    Up to MOST_DOTS stand at their index, from 0; more go from the worst to the best. The worst are
    named below.
    """
    rows = _panel("rows", found.rows, found.relative)
    columns = _panel("columns", found.columns, found.relative)
    notes = [
        f"worst {name}: {told}"
        for name, along in (("rows", found.rows), ("columns", found.columns))
        if (told := _worst(along))
    ]
    notes += [
        f"{count} {name} of zeros are not drawn"
        for name, along in (("rows", found.rows), ("columns", found.columns))
        if (count := int(np.count_nonzero(along.sizes == 0)))
    ]
    heading = title("Residual by rows and columns", [subject])
    return Picture(heading, ((rows,), (columns,)), tuple(notes))


def _panel(name: str, along: Along, overall: float) -> Panel:
    relative = along.relative
    known = relative[np.isfinite(relative)]
    whole: list[Mark] = [Rule("all of M", "y", overall)]
    if len(relative) <= MOST_DOTS:
        x = Axis(f"{name[:-1]} i, from 0", least=-0.5, most=len(relative) - 0.5)
        marks = [*whole, Dots(name, np.arange(float(len(relative))), relative, Pen(0))]
    else:
        x = Axis(f"{name}, from the worst", log=True)
        ranked: Array = np.sort(known)[::-1]
        marks = [*whole, Line(name, np.arange(1.0, len(ranked) + 1), ranked, Pen(0))]
    y = size_axis("‖Rᵢ‖/‖Mᵢ‖", [known, np.array([overall])], far(known, 100.0))
    return Panel(name, x, y, tuple(marks))


def _worst(along: Along) -> str:
    return ", ".join(f"{i} ({brief(float(along.relative[i]))})" for i in along.worst(NAMED))
