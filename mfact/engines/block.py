"""A block of small steps, measured: its columns and ledger, and how far from the plain steps."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np

from mfact.core import Array, Followed, Memory, Segment, State
from mfact.engines.coordinates import Reduced, Singular
from mfact.engines.differences import LARGEST_DIFFERENCE, ROUNDING, Carried
from mfact.engines.losses import excess_of, traces
from mfact.engines.measures import gaps, measured
from mfact.problems.factorization import Factorization


class Steps(Protocol):
    """Buffers for up to `length` steps of a method, and what takes them; row t of each is of Z[t].

    Z: (length + 1)×2×r×K, the points; P: length×2×r×K, minus the gradients; grams, squares:
    length×2×r×r, (UᵀU, VᵀV) and (G_UᵀG_U, G_VᵀG_V). size: K. memory: what they lie in.
    """

    Z: Array
    P: Array
    grams: Array
    squares: Array

    @property
    def size(self) -> int: ...

    @property
    def length(self) -> int: ...

    @property
    def memory(self) -> Array | None: ...

    def enter(self, state: State) -> None:
        """Begin there."""

    def take(self, co: Reduced, eta: Array, first: int) -> Array:
        """Steps of these sizes from Z[first] on; what each leaves outside of the bases."""

    def follow(self, eta: Array, memory: Memory) -> Followed:
        """What the method's law makes of the first steps, of these sizes; memory: the law's."""

    def memory_at(self, i: int) -> Memory:
        """The method's at Z[i]."""

    def moves(self, count: int) -> dict[str, Array]:
        """The column that tells how far each step goes, where others do not."""

    def carried(self, state: State, co: Reduced, eta: Array, fresh: Array) -> Carried:
        """What the differences to the plain iterates become; fresh: what joins at each step."""


class Block(NamedTuple):
    """Steps that were taken: Z (n+1)×2×r×K, minus the gradients P and Gram matrices of n of them.

    leak: what each left outside. size: ‖(U, V)‖_F. squares: n×2×r×r, (G_UᵀG_U, G_VᵀG_V).
    loss: in dense coordinates; None in SVD coordinates, where only its excess is exact.
    """

    eta: Array
    Z: Array
    P: Array
    grams: Array
    squares: Array
    leak: Array
    size: Array
    loss: Array | None

    @property
    def rank(self) -> int:
        return int(self.Z.shape[2])


def segment(
    problem: Factorization, state: State, co: Reduced, steps: Steps, block: Block, eps: float
) -> Segment:
    """The steps taken, measured. eps: of the arithmetic, as it is of σ₁."""
    table, ledger_at = measured(
        state.ledger,
        state.step,
        block.eta,
        (block.grams[:, 0] - block.grams[:, 1],),
        steps.follow(block.eta, state.ledger.memory),
        np.sqrt(traces(block.squares)),
        problem.scale,
    )
    table |= _columns(problem, co, block, table["imbalance"])
    table["leak"], table["passes"] = block.leak, co.passes_at(table["step"])
    table |= steps.moves(len(block.eta))
    # A step differs from the plain one by what leaks and by rounding.
    fresh = block.leak + ROUNDING * eps * block.size
    Z, base = block.Z.copy(), state.step
    memories = [steps.memory_at(i) for i in range(len(Z))]
    differences = steps.carried(state, co, block.eta, fresh)
    distances, size = differences.distances, block.size
    # The linear law holds for small differences only; once one is not, nothing is known.
    lost = np.maximum.accumulate(~(distances <= LARGEST_DIFFERENCE * np.append(size, size[-1])))
    distances[lost] = math.inf
    table["distance"] = distances[:-1]

    def state_at(i: int) -> State:
        distance = replace(
            state.distance,
            bound=float(distances[i]),
            tangent=None if lost[i] else differences.tangent_at(i),
            pending=differences.pending[i],
        )
        return State(base + i, (Z[i],), memories[i], ledger_at(i), co, distance)

    return Segment(table, state_at(len(block.eta)), state_at)


def _columns(
    problem: Factorization, co: Reduced, block: Block, imbalance: Array
) -> dict[str, Array]:
    """The columns of the factorization, and how far it is from the optimum where that shows."""
    if isinstance(co, Singular):
        Z, spectrum = block.Z[:-1], co.spectrum
        above = excess_of(spectrum, Z, block.P, block.grams, problem.weight) - spectrum.surplus
        columns = problem.columns(block.grams, above + spectrum.floor, imbalance)
        columns |= gaps(above, spectrum.floor, spectrum.unit)
        if block.rank == 1:
            columns["alignment_U"] = np.abs(Z[:, 0, 0, 0])
            columns["alignment_V"] = np.abs(Z[:, 1, 0, 0])
        return columns
    assert block.loss is not None
    unknown = np.full(len(block.loss), np.nan)
    return problem.columns(block.grams, block.loss, imbalance) | gaps(unknown, math.nan, 1.0)
