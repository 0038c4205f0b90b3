"""Two layers, one behind the other, as a joint: where their sizes meet."""

from __future__ import annotations

from mfact.chains.joints import Joint
from mfact.pairing.kinds import Layer
from mfact.words import printable


def meet(first: Layer, second: Layer, *, grid: bool | None = None, degree: int = 1) -> Joint:
    """The units that `first` feeds and `second` draws from.

    grid: whether they are channels, of which a dense layer may see k places each; None: where first
    is a convolution. degree: of the activation between. Raises ValueError, with both sizes, where
    they do not meet.
    """
    assert first.axes is not None
    assert second.axes is not None
    is_grid = first.axes.is_grid if grid is None else grid
    # Behind a normalization only the dense layer itself tells how a grid was laid.
    is_last = first.axes.is_channel_last or (first.is_norm and second.axes.letters == "io")
    drawn, note = second.axes.drawn(first.axes.units, grid=is_grid, last=is_last)
    kind = f"scale{'' if first.bias is None else ' and shift'} of a normalization"
    notes = [*([kind] if first.is_norm else []), *([note] if note else [])]
    return Joint(
        first=printable(first.label),
        second=printable(second.label),
        units=drawn.units,
        fed=(first.axes.fed(),),
        drawn=(drawn,),
        bias=first.bias,
        degree=degree,
        note=", ".join(notes),
    )


def do_meet(first: Layer, second: Layer, *, grid: bool | None = None) -> bool:
    """Whether their sizes do.

    >>> from mfact.pairing.axes import dense
    >>> wide = Layer("a", ("a",), "dense", (), 0, dense("a.weight", (30, 10), units_first=True))
    >>> do_meet(wide, wide)
    False
    """
    if first.axes is None or second.axes is None:
        return False
    try:
        meet(first, second, grid=grid)
    except ValueError:
        return False
    return True
