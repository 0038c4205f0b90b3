"""Pictures of every kind of mark, with every kind of text, in every layout."""

from __future__ import annotations

import numpy as np

from mfact.pictures.drawing import (
    Axis,
    Band,
    Bars,
    Dash,
    Dots,
    Hue,
    Line,
    Panel,
    Pen,
    Picture,
    Rule,
    Ticks,
)

STEPS, GAP = np.arange(261.0), 10.0 ** (-np.arange(261.0) / 9)
STEP, LOG = Axis("step"), Axis("gap of ½‖UVᵀ − M‖_F²", log=True)
HOSTILE = ("$\\frac{1}", "_x", "a^{2}$_$", "<b>&amp;\"'", "数据.npy", "\x1b[31m\n", "w" * 300)


def one(*marks, x=STEP, y=LOG, title="A picture", **more):
    return Picture(title, ((Panel("", x, y, marks, **more),),), ("A note.",))


def every_mark():
    """One of each kind, and two curves of which the second covers the first."""
    return one(
        Band("band", STEPS, GAP / 3, GAP * 3, Pen(Hue.GREY)),
        Bars("bars", np.arange(5.0), np.full(4, 1e-20), Pen(3)),
        Line("(1)", STEPS, GAP, Pen(Hue.RED)),
        Line("(3)", STEPS, GAP, Pen(Hue.BLUE, Dash.DASHED)),
        Dots("dots", STEPS[::40], GAP[::40], Pen(1)),
        Rule("tolerance", "y", 1e-12),
        Rule("", "x", 100.0),
        Ticks("escapes", np.array([50.0, 150.0]), Pen(Hue.BLACK)),
    )


def columns(count, strip, title="A panel"):
    """So many columns, with a strip below each or none, and a legend each."""
    curves = (Line("‖W₁‖²", STEPS, GAP), Line("‖W₂‖²", STEPS, 2 * GAP, Pen(1, Dash.DASHED)))
    rest = Line("what the law leaves open", STEPS, GAP * 1e-16, Pen(2))
    found = []
    for place in range(count):
        own = (*curves, Line(f"run {place}", STEPS, 3 * GAP, Pen(place + 2)))
        panels = [Panel(f"{title} {place}" if title else "", STEP, LOG, own)]
        if strip:
            panels.append(Panel("", STEP, Axis("audit of the ledger"), (rest,), height=0.3))
        found.append(tuple(panels))
    return Picture("A title " * 9, tuple(found), ("A note " * 50, "another"))


def many(count):
    marks = (Line(f"step size 0.{k}, rank {k}", STEPS, GAP**k, Pen(k)) for k in range(count))
    return one(*marks)


NAMES = ("conv1", "layer1.0.conv1", "layer2.0.downsample.0.weight", "fc", "数据")
PICTURES = {
    "every mark": every_mark(),
    **{f"{n} columns, {s} strips": columns(n, s) for n in (1, 2, 3, 4) for s in (0, 1)},
    "no titles": columns(2, True, title=""),
    "20 curves": many(20),
    "names": one(Dots("a", np.arange(5.0), np.ones(5)), x=Axis("layer", names=NAMES)),
    "names upwards": one(Dots("a", np.ones(5), np.arange(5.0)), y=Axis("layer", names=NAMES)),
    "hostile": Picture(
        HOSTILE[0] + HOSTILE[-1],
        ((Panel(HOSTILE[1], Axis(HOSTILE[2]), Axis(HOSTILE[-1]),
                tuple(Line(text, STEPS, GAP) for text in HOSTILE)),),),
        HOSTILE,
    ),
    "nothing": one(Line("a", STEPS, 0 * STEPS)),
    "no marks": one(),
}  # fmt: skip
