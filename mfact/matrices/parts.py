"""The part of an array of any number of axes that is a matrix: a slice of a stack, or a fold."""

from __future__ import annotations

from mfact.errors import DataError
from mfact.matrices.spec import Part
from mfact.words import by


def fixed(part: Part | None, shape: tuple[int, ...], label: str) -> tuple[int | None, ...]:
    """The index of each axis from 0, None for a whole one; () where no slice is asked for.

    shape: in the order of the writer. Axes that are not told of are whole. Raises DataError for
    an index that is not there, and for what is asked of sparse matrices.

    >>> fixed(Part((-1,)), (4, 2, 3), "f.h5:/X")
    (3, None, None)
    """
    if part is None or not part.index:
        if part is not None and part.major is not None:
            raise DataError(
                f"{label} is no sparse matrix kept by hand", f"leave [{part.major.lower()}] out"
            )
        return ()
    if len(part.index) > len(shape):
        raise DataError(
            f"{label} has {len(shape)} axes, and {len(part.index)} indices are given",
            f"give at most {len(shape)}",
        )
    found = list[int | None]()
    for axis, (index, length) in enumerate(zip(part.index, shape, strict=False)):
        if index is not None and not -length <= index < length:
            raise DataError(
                f"{label} has no {index} along axis {axis} (counted from 0): it is {by(shape)}",
                f"name one from 0 to {length - 1}" if length else "pass an array with entries",
            )
        found.append(index % length if index is not None else None)
    return (*found, *[None] * (len(shape) - len(found)))


def kept(lengths: tuple[int, ...], index: tuple[int | None, ...]) -> tuple[int, ...]:
    """Those of the axes that are whole; index: as fixed() gives it."""
    if not index:
        return lengths
    return tuple(n for n, at in zip(lengths, index, strict=True) if at is None)


def brackets(shape: tuple[int, ...], reversed_: bool, index: tuple[int | None, ...] = ()) -> str:
    """How one matrix of a stack is named: the first, or the only one where other axes are of one.

    shape, index, reversed_: as for check_planar.

    >>> brackets((9, 4, 4), False), brackets((4, 4, 9), True), brackets((4, 5, 1), False)
    ('[0]', '[:,:,0]', '[:,:,0]')
    """
    taken = list(index or [None] * len(shape))
    whole = [axis for axis, at in enumerate(taken) if at is None]
    kept = [axis for axis in whole if shape[axis] > 1]
    if len(kept) != 2:
        kept = whole[:2] if reversed_ else whole[-2:]
    for axis in set(whole).difference(kept):
        taken[axis] = 0
    while taken[-1] is None:
        taken.pop()
    return f"[{','.join(':' if at is None else str(at) for at in taken)}]"


def check_planar(
    shape: tuple[int, ...],
    index: tuple[int | None, ...],
    reversed_: bool,
    label: str,
    typed: str = "",
) -> None:
    """Raise DataError for a stack of matrices, or a slice that is one, with how to name one.

    shape, index: of its axes, and of those the slice that is asked for, () for none, in the order
    of the writer. reversed_: whose matrices lie along the first axes. typed: what brackets go
    behind, where that is not the label.
    """
    index = index or (None,) * len(shape)
    left = tuple(length for length, at in zip(shape, index, strict=True) if at is None)
    if len(left) < 3 or 0 in shape:
        return
    one = brackets(shape, reversed_, index)
    cut = len(left) < len(shape)
    name = typed or (label.rpartition("[")[0] if cut and label.endswith("]") else label)
    fold = "" if cut else f", or fold it, {name}[fold]"
    raise DataError(
        f"{label} is {len(left)}-D, of shape {left}",
        f"name one of its matrices, as {name}{one}{fold}",
    )
