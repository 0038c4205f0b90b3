"""Which of the things in a file is the matrix: the only one that can be meant, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from mfact.errors import DataError
from mfact.matrices.declared import short
from mfact.matrices.parts import brackets
from mfact.words import by, printable

_LISTED = 20


@dataclass(frozen=True)
class Candidate:
    """Something in a file that a matrix could be.

    name: as it is typed. shape: as M would have it. kind: in words. numbers: whether these are of a
    kind that is taken. aside: whether it tells of something else and is never meant, such as an
    index, bounds, an axis or text. vector: of one row or column, in the eyes of its writer.
    reversed: its writer lists lengths in the other order, and stacks matrices along the last axis.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    numbers: bool
    aside: bool = False
    vector: bool = False
    reversed: bool = False

    @property
    def rank(self) -> int:
        """How many dimensions it has in the eyes of its writer."""
        return 1 if self.vector else len(self.shape)

    def __str__(self) -> str:
        words = [by(self.shape) or ("scalar" if self.numbers else ""), short(self.kind)]
        return f"{printable(self.name)} ({' '.join(word for word in words if word)})"


def choose(
    candidates: Sequence[Candidate], label: str, noun: str, *, points: bool = False
) -> tuple[Candidate, tuple[str, ...]]:
    """The only one that can be meant, and notes on what was left beside it.

    noun: what things in such a file are called. points: of any number of dimensions. Scalars, empty
    ones and those set aside are not meant; nor is a matrix beside something larger that is none,
    which it may only tell of.

    Raises DataError, with the list of what is there, where none or several are.
    """
    numbers = [each for each in candidates if each.numbers and not each.aside]
    data = [each for each in numbers if prod(each.shape) > 1]
    data = data or [each for each in numbers if each.shape and 0 not in each.shape]
    taken = [each for each in data if points or len(each.shape) == 2]
    taken = [each for each in taken if not each.vector] or taken
    if not taken:
        what = f"numeric {noun}" if points else f"2-D numeric {noun}"
        raise DataError(
            f"{label} holds no {what}", listing(candidates, _parts(data) or "name a file with one")
        )
    if points and len(taken) > 1:
        raise DataError(
            f"{label} holds {len(taken)} arrays", listing(taken, _by_colon(taken, label))
        )
    if points:
        return taken[0], ()
    most = max(prod(each.shape) for each in taken)
    others = [each for each in data if each not in taken and each.rank != 2]
    larger = [each for each in others if prod(each.shape) > most]
    if len(taken) > 1:
        stacks = [each for each in larger if each.rank > 2]
        way_out = f"name one with --dataset{_parts(stacks, ', or ')}"
        raise DataError(f"{label} holds {len(taken)} matrices", listing([*taken, *stacks], way_out))
    (chosen,) = taken
    if larger:
        raise DataError(
            f"{label} holds one matrix, {chosen}, beside {larger[0]}, which is larger",
            listing(data, f"name one with --dataset{_parts(larger, ', or ')}"),
        )
    beside = [each for each in data if each is not chosen and each.rank > 1]
    if not beside:
        return chosen, ()
    rest = f" and {len(beside) - 1} more" if len(beside) > 1 else ""
    return chosen, (f"{label}: took {chosen}, not {beside[0]}{rest}",)


def listing(candidates: Sequence[Candidate], way_out: str) -> str:
    """A way out and what there is to choose from."""
    shown = [each for each in candidates if not each.aside]
    shown = [each for each in shown if prod(each.shape) != 1 or not each.numbers] or shown
    shown = shown or list(candidates)
    if not shown:
        return f"{way_out}; it holds no dataset"
    more = len(shown) - _LISTED
    text = ", ".join(map(str, shown[:_LISTED])) + (f" and {more} more" if more > 0 else "")
    return f"{way_out}; it holds {text}"


def absent(name: str, candidates: Sequence[Candidate], noun: str) -> str:
    """A way out for a name that is not there: those most like it, and what there is."""
    from difflib import get_close_matches

    names = [each.name for each in candidates if not each.aside]
    last = name.strip("/").rpartition("/")[2]
    like = [each for each in names if each.rpartition("/")[2] == last]
    like = like or get_close_matches(name, names, 1)
    perhaps = f", perhaps {printable(like[0])}" if like else ""
    return listing(candidates, f"name another {noun}{perhaps}")


def _parts(data: Sequence[Candidate], before: str = "") -> str:
    """How to name a matrix that a stack holds; "" without a stack."""
    stack = next((each for each in data if len(each.shape) > 2), None)
    if stack is None:
        return ""
    name = printable(stack.name)
    one = f"{name}{brackets(stack.shape, stack.reversed)}"
    return f"{before}name a slice of a stack, as {one}, or fold it to rows, {name}[fold]"


def _by_colon(taken: Sequence[Candidate], label: str) -> str:
    """Of two files, so that one option could not name both."""
    return f"name one, as {label}:/{printable(taken[0].name).lstrip('/')}"
