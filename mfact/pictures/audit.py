"""The picture of a balance: how the layers of checkpoints stand, and how they moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np

from mfact.core import Array, Document
from mfact.pictures.checkpoints import Balance
from mfact.pictures.drawing import Axis, Dash, Dots, Line, Mark, Panel, Pen, Picture, Rule
from mfact.pictures.laws import MOST_DOTS
from mfact.pictures.layers import MOST_ALONE, OTHERS, Told, largest
from mfact.pictures.marks import drawable, pen_of
from mfact.pictures.sizes import sized
from mfact.theory.checkpoint_claims import ABOVE, BELOW, NEAR
from mfact.words import printable

_NORMS, _RATIO = "‖in‖², ‖out‖²", "‖in‖²/‖out‖²"
_Columns = tuple[tuple[Panel, ...], ...]


def audit_balance(doc: Document) -> Picture:
    """‖in‖² and ‖out‖² of each place between two layers, difference, ratio, worst unit, and κ.

    Over the checkpoints, along their steps where these are known; of one checkpoint over the
    places. doc: of the schema "mfact-balance/1" (see mfact.storage.audits.read_audit).
    """
    found = Balance(doc)
    told = largest(np.nan_to_num(found.column("worst")[-1]), MOST_ALONE)
    if found.count == 1:
        return Picture(f"Balance of {found.names[0]}", _one(found), tuple(_notes(found, told)))
    title = f"Balance of {found.count} checkpoints"
    return Picture(title, _several(found, told), tuple(_notes(found, told)))


def _one(found: Balance) -> _Columns:
    """A dot a place."""
    axis, x = found.along_places

    def panel(title: str, size: Axis, names: dict[str, str], *rules: Rule) -> Panel:
        dots = [
            Dots(label, x, drawable(np.abs(found.column(name)[0]), size.log), Pen(hue))
            for hue, (name, label) in enumerate(names.items())
        ]
        return Panel(title, axis, size, (*rules, *dots))

    norms, apart = {"in": "‖in‖²", "out": "‖out‖²"}, _difference(found)
    return (
        (
            panel("norms", _size(found, _NORMS, *norms), norms),
            panel("differences", _size(found, apart, "difference"), {"difference": ""}),
        ),
        (
            panel("ratios", _ratio(found), {"ratio": ""}, Rule("", "y", 1.0)),
            panel("worst units", _share(found), {"worst": ""}),
        ),
    )


def _several(found: Balance, told: Told) -> _Columns:
    """A curve a place."""
    axis, x = found.along

    norms = _size(found, _NORMS, "in", "out")
    apart = _size(found, _difference(found), "difference")
    ratio, share = _ratio(found), _share(found)
    name = found.place(told.places[0])
    both = (
        *_curves(found, told, "in", x, norms, Dash.SOLID, {told.places[0]: f"‖in‖² of {name}"}),
        *_curves(found, told, "out", x, norms, Dash.DASHED, {told.places[0]: f"‖out‖² of {name}"}),
    )
    names = {h: found.place(h) for h in told.places}
    differences = tuple(_curves(found, told, "difference", x, apart, labels=names))
    ratios = (Rule("", "y", 1.0), *_curves(found, told, "ratio", x, ratio))
    worst = tuple(_curves(found, told, "worst", x, share))
    return (
        (Panel("norms", axis, norms, both), Panel("differences", axis, apart, differences)),
        (Panel("ratios", axis, ratio, ratios), Panel("worst units", axis, share, worst)),
        _moves(found, told, axis, x[1:]),
    )


def _moves(found: Balance, told: Told, axis: Axis, x: Array) -> tuple[Panel, ...]:
    """How far the weights moved up to each checkpoint, and κ where it can be told."""

    def dots(name: str) -> list[Mark]:
        moves = drawable(found.column(name, "intervals"), log=True)
        return [Dots("", x, moves[:, h - 1], pen) for h, pen in _pens(told)]

    moved = Panel("moves", axis, Axis("‖Δw‖/‖w‖", log=True), (Rule("", "y", NEAR), *dots("moved")))
    if not np.any(np.isfinite(found.column("kappa", "intervals"))):
        return (moved,)
    rules = (Rule("", "y", BELOW), Rule("", "y", ABOVE))
    return Panel("κ", axis, Axis("κ", log=True), (*rules, *dots("kappa"))), moved


def _curves(
    found: Balance,
    told: Told,
    name: str,
    x: Array,
    axis: Axis,
    dash: Dash | None = None,
    labels: Mapping[int, str] = MappingProxyType({}),
) -> Iterator[Mark]:
    """A column over the checkpoints, of each place; a dot at each where there are few.

    dash: of all of them, None: each its own. labels: of places, in the legend.
    """
    sizes = drawable(np.abs(found.column(name)), axis.log)
    for h, pen in _pens(told):
        y, drawn = sizes[:, h - 1], pen if dash is None else pen._replace(dash=dash)
        yield Line(labels.get(h, ""), x, y, drawn)
        if len(x) <= MOST_DOTS and pen is not OTHERS:
            yield Dots("", x, y, drawn)


def _pens(told: Told) -> Iterator[tuple[int, Pen]]:
    """Every place with its pen, those that are not told apart first."""
    for h in told.others:
        yield h, OTHERS
    for rank, h in enumerate(told.places):
        yield h, pen_of(rank)


def _size(found: Balance, label: str, *names: str) -> Axis:
    """The axis of what these columns hold."""
    return sized(label, [place for name in names for place in found.column(name).T])


def _ratio(found: Balance) -> Axis:
    """The axis of ratios, of which 0 is no end."""
    return Axis(_RATIO, _size(found, _RATIO, "ratio").log)


def _share(found: Balance) -> Axis:
    return Axis(f"|Qᵢ|/(inᵢ + {found.degree}outᵢ)", least=0.0)


def _difference(found: Balance) -> str:
    return f"|‖in‖² − {found.degree}‖out‖²|"


def _notes(found: Balance, told: Told) -> Iterator[str]:
    """The verdict, which units are the worst, what the numbers of places mean, and what is not
    drawn.
    """
    yield printable(found.doc["sentence"])
    units = [f"{unit} of {found.place(h)}" for h in told.places if (unit := found.unit(h))]
    if units:
        yield f"worst at the end: {', '.join(units)}"
    if not found.tells_layers:
        yield "; ".join(f"{h}: {found.layers[h - 1]}" for h in told.places)
    if told.others and found.count > 1:
        yield f"{len(told.others)} more places, whose worst units are less so: grey"
    if found.count > 1:
        kappa = found.column("kappa", "intervals")
        yield f"κ: below {BELOW:g} as the law predicts, above {ABOVE:g} it was not at work"
        if hidden := int(np.sum(np.isnan(kappa))):
            yield (
                f"{hidden} of {kappa.size} κ are not told: a move of more than {NEAR:g}‖w‖, or"
                " hidden by rounding"
            )
