"""The loop's engine for networks: steps in place, the ledger at each, the laws where it is due."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import sqrt
from typing import NamedTuple

import numpy as np

from mfact.core import Array, Balance, Ledger, Plain, Segment, State
from mfact.methods.in_place import InPlace, Points
from mfact.networks.batches import Batches
from mfact.networks.laws import Sides
from mfact.networks.machine import Machine
from mfact.networks.measure import Measure, empty, wide

BLOCK_FLOPS = 2e10
"""Of a block of steps: a signal waits for its end, and the state is copied there."""

BLOCK_BYTES = 32 << 20
"""Of the rows of a block, which hold a value for each unit."""

MOST_STEPS = 256

PIECE = 1 << 14
"""Numbers of a point that are stepped at a time, so that what a step reads stays in the cache."""

SHARED_PIECES = 16
"""From so many on, more than one worker steps them."""


class NetworkEngine:
    """Steps the parameters of a network, in the machine's own arrays.

    due: which of these steps are recorded; the laws are measured there, and where a block of steps
    begins. The ledger grows at every step, so that what one adds wrongly shows in all later rows.
    """

    def __init__(
        self,
        measure: Measure,
        method: InPlace,
        batches: Batches,
        due: Callable[[Array], Array],
    ) -> None:
        self.measure, self.machine = measure, measure.machine
        self.method, self.batches, self.due = method, batches, due
        self._memory = method.begin(self.machine.point)
        self._shares = self._shared_out()
        self._loaded: State | None = None
        net, laws = self.machine.net, measure.plain
        row = 8 * (3 * sum(law.units for law in laws.each) + 60)
        points = batches.size or batches.count
        flops = 6.0 * points * sum(stage.products for stage in net.weighted)
        self.block = max(1, min(MOST_STEPS, int(BLOCK_FLOPS / flops), BLOCK_BYTES // row))

    def start(self, point: Sequence[Array]) -> State:
        """The state at step 0, from W_1, b_1, W_2, …"""
        self.machine.start(point)
        balance = self.measure.balance()
        entries = tuple(np.zeros_like(Q) for Q in balance)
        ledger = Ledger(balance, entries, self.method.opened(balance))
        memory = tuple(self.method.begin(self.machine.point))
        return State(0, self.machine.kept(), memory, ledger, Plain())

    def advance(self, state: State, step_sizes: Array) -> Segment:
        step_sizes = step_sizes[: self.block - state.step % self.block]
        steps = np.arange(state.step, state.step + len(step_sizes))
        self._load(state)
        rows = self._empty(len(steps))
        flow_times = np.cumsum([state.ledger.flow_time, *step_sizes.tolist()])
        rows |= _clock(steps, flow_times[:-1]) | {"step_size": step_sizes}
        measured = self.due(steps) | (steps % self.block == 0)
        kept, ledger = {0: state}, state.ledger
        with np.errstate(all="ignore"):
            for i, eta in enumerate(step_sizes.tolist()):
                slopes = self._row(i, int(steps[i]), ledger, rows, bool(measured[i]))
                if i == len(steps) - 1 and i:
                    kept[i] = self._kept(state, i, ledger)
                ledger, length = self._step(int(steps[i]), eta, ledger, slopes)
                ledger = replace(ledger, flow_time=float(flow_times[i + 1]))
                if "move" in rows:
                    rows["move"][i] = length
        after = kept[len(steps)] = self._loaded = self._kept(state, len(steps), ledger)

        def state_at(i: int) -> State:
            # The steps are the same bits again; to keep each point would cost a copy a step.
            return kept[i] if i in kept else self.advance(state, step_sizes[:i]).state

        return Segment(rows, after, state_at)

    def _kept(self, begun: State, count: int, ledger: Ledger) -> State:
        """The state that the arrays are in, so many steps after another."""
        memory = tuple([part.copy() for part in self._memory])
        return State(begun.step + count, self.machine.kept(), memory, ledger, begun.coordinates)

    def _empty(self, count: int) -> dict[str, Array]:
        net, laws = self.machine.net, self.measure.plain
        return empty(net, laws, count, linear=self.method.is_linear)

    def row(self, state: State) -> dict[str, Array]:
        """The row of a state, all of it measured; no step is taken, and so none has a size."""
        rows = self._empty(1) | _clock(np.array([state.step]), np.array([state.ledger.flow_time]))
        self._load(state)
        with np.errstate(all="ignore"):
            self._row(0, state.step, state.ledger, rows, True)
        return rows

    def at(self, state: State) -> Machine:
        """The machine, put there."""
        self._load(state)
        return self.machine

    def weights(self, state: State) -> tuple[Array, ...]:
        """W_1, b_1, W_2, … of a state."""
        return tuple([part.copy() for part in self.at(state).weights()])

    def _load(self, state: State) -> None:
        """Put the arrays where the state has them, unless they are there."""
        if self._loaded is state:
            return
        self.machine.load(state.point)
        for mine, kept in zip(self._memory, state.memory, strict=True):
            mine[...] = kept
        self._loaded = state

    def _row(
        self,
        i: int,
        step: int,
        ledger: Ledger,
        rows: dict[str, Array],
        measured: bool,
    ) -> list[Sides]:
        """L and ∇L at the point, into the machine, and row i of the columns; ⟨∇L, ∇L⟩ by units."""
        sums = self.machine.evaluate(self.batches.rows(step))
        rows["loss"][i] = sums.loss
        g, held = self.machine.slope, self.measure.held
        slopes = held.sides(g, g)
        # A square of the dual form may be below zero by rounding.
        rows["gradient_norm"][i] = sqrt(abs(held.square(g, slopes)))
        if measured:
            first = None if self.method.is_linear else ledger.memory
            found = self.measure.columns(ledger.start, ledger.entries, sums.output, slopes, first)
            for name, value in found.items():
                rows[name][i] = value
        return slopes

    def _step(
        self, step: int, eta: float, ledger: Ledger, slopes: list[Sides]
    ) -> tuple[Ledger, float]:
        """The point moves; the ledger with what that adds to each law, and η‖d‖."""
        machine, method, laws = self.machine, self.method, self.measure.held
        machine.workers.each([partial(share.step, method, eta, step) for share in self._shares])
        d = method.direction(machine.slope, self._memory)
        sides = slopes if method.is_plain else laws.sides(d, d)
        squares = wide(laws.form(d, d, sides))

        def inner(p: Points, q: Points) -> Balance:
            return wide(laws.form(p, q))

        balance = tuple([Q + E for Q, E in zip(ledger.start, ledger.entries, strict=True)])
        added, memory = method.booked(
            inner, machine.point, d, self._memory, squares, balance, eta, ledger.memory
        )
        entries = tuple([E + more for E, more in zip(ledger.entries, added, strict=True)])
        # A square of the dual form may be below zero by rounding.
        length = eta * sqrt(abs(laws.square(d, sides)))
        return replace(ledger, entries=entries, memory=memory), length

    def _shared_out(self) -> list[_Share]:
        """The pieces of the point, among as many workers as are worth it."""
        point = self.machine.point
        v, g = (_pieces(each) for each in (point, self.machine.slope))
        # Of each thing that is kept, as many pieces.
        kept = [
            _pieces(self._memory[i : i + len(point)])
            for i in range(0, len(self._memory), len(point))
        ]
        count = self.machine.workers.count if len(v) >= SHARED_PIECES else 1
        size = min(PIECE, max(part.size for part in point))
        return [
            _Share(
                v[k::count], g[k::count], [each[k::count] for each in kept],
                np.empty(size, self.machine.dtype),
            )
            for k in range(count)
        ]  # fmt: skip


class _Share(NamedTuple):
    """Pieces of the point, ∇L and each thing kept that one task steps; free: as long as the
    longest.
    """

    point: list[Array]
    slope: list[Array]
    kept: list[list[Array]]
    free: Array

    def step(self, method: InPlace, eta: float, step: int) -> None:
        for i, (v, g) in enumerate(zip(self.point, self.slope, strict=True)):
            d = method.direct([v], [g], [each[i] for each in self.kept], step)
            method.move([v], d, eta, [self.free[: v.size]])


def _pieces(parts: Sequence[Array]) -> list[Array]:
    """Views of the parts' numbers in their order."""
    flat = [part.reshape(-1) for part in parts]
    return [part[i : i + PIECE] for part in flat for i in range(0, len(part), PIECE)]


def _clock(steps: Array, flow_times: Array) -> dict[str, Array]:
    return {
        "step": steps, "log10_step": np.log10(np.maximum(steps, 1)), "flow_time": flow_times,
    }  # fmt: skip
