"""The two lines of any step, D(v − ηd) − D(v) = −2ηS(v, d) + η²D(d), S the bilinear form of D."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfact.core import Array, Balance, Evaluation, Followed, Memory, Moved, Point, Problem


@dataclass(frozen=True)
class TwoLines:
    """The identity itself, of steps of which no law of D is known.

    Line 1 is of first order in η: where the flow of the steps keeps D it is zero, or adds up to
    what is of first order over a fixed flow time. Source: mfact, derived.
    """

    keeps: str = ""

    def init(self, problem: Problem, point: Point) -> Memory:
        return tuple(np.zeros(D.shape) for D in problem.balance(point))

    def told(
        self,
        problem: Problem,
        point: Point,
        at: Evaluation,
        moved: Moved,
        step_size: float,
        memory: Memory,
    ) -> tuple[Array, ...]:
        first = tuple(-2 * S for S in problem.crossed(point, moved.direction))
        return (*first, *problem.balance(moved.direction))

    def follow(
        self, step_sizes: Array, told: tuple[Array, ...], pulls: Balance, memory: Memory
    ) -> Followed:
        """The memory is the sum of line 1, whose norm is the column first_order."""
        count, eta = len(pulls), step_sizes[:, None, None]
        lines = [eta * line for line in told[:count]]
        sums = [cumulative(S, line) for S, line in zip(memory, lines, strict=True)]
        squares = zip(lines, told[count:], strict=True)
        entries = tuple(line + eta**2 * square for line, square in squares)
        norm = np.sqrt(sum(np.einsum("nij,nij->n", S[:-1], S[:-1]) for S in sums))
        memories: list[Memory] = list(zip(*sums, strict=True))
        return Followed(entries, memories, {"first_order": np.asarray(norm)})


def cumulative(first: Array, terms: Array) -> Array:
    """(n+1, …): first, first + terms[0], …, added one after another whatever the block's length."""
    return np.cumsum(np.concatenate([first[None], terms]), axis=0)
