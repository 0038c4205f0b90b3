"""What the monitors of a run share: the protocol, their memory and rounding.

A monitor looks at every step of a run, in blocks, and says at the end which claims
hold. Blocks are mappings from the column names of mfact.trace.COLUMNS to arrays of
equal length, one entry a step; consecutive blocks continue each other.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from mfact.core import Array, Claim, Rows
from mfact.theory.facts import Facts


@dataclass
class Peak:
    """The largest value seen and where, and the first place above a limit.

    >>> peak = Peak()
    >>> peak.see(np.array([1.0, 3.0, 2.0]), 2.5, {"step": np.array([0, 1, 2])})
    >>> peak.value, peak.at, peak.over
    (3.0, '1', '1')
    """

    value: float | None = None
    at: str | None = None
    over: str | None = None

    def see(self, values: Array, limit: Any, rows: Rows) -> None:
        """Take in a block; a value that is not a number counts as above the limit."""
        if not len(values):
            return
        i = int(np.argmax(values))  # argmax stops at the first NaN, as it should
        top = float(values[i])
        if self.value is None or not top <= self.value:
            self.value, self.at = top, step_label(rows, i)
        if self.over is None:
            above = np.flatnonzero(~(values <= limit))
            if len(above):
                self.over = step_label(rows, int(above[0]))

    def state(self) -> list[float | str | None]:
        return [self.value, self.at, self.over]


@runtime_checkable
class Kept(Protocol):
    """A memory that goes into a checkpoint: the attributes named in `kept`.

    They are JSON values, Peaks, others of this kind, and dicts of Peaks or of such.
    """

    kept: ClassVar[tuple[str, ...]] = ()

    def state(self) -> dict[str, Any]:
        """JSON values only."""
        return {name: _stored(getattr(self, name)) for name in self.kept}

    def restore(self, state: Mapping[str, Any]) -> None:
        """What an older mfact did not keep stays as it is."""
        for name in state.keys() & set(self.kept):
            setattr(self, name, _restored(getattr(self, name), state[name]))


class Monitor(Kept, Protocol):
    """Watches one claim, or a few that share their measurements.

    start(facts) once before step 0; segment(rows) for each block of steps; claims(final) at
    the end, final being the facts with the singular values that became known during the run.
    restore(state()) after start(facts) continues exactly.
    """

    def start(self, facts: Facts) -> None: ...

    def segment(self, rows: Rows) -> None: ...

    def claims(self, final: Facts | None = None) -> tuple[Claim, ...]: ...


def _stored(value: Any) -> Any:
    if _holds_memories(value):
        return {name: _stored(each) for name, each in value.items()}
    return value.state() if isinstance(value, (Peak, Kept)) else copy.deepcopy(value)


def _restored(now: Any, state: Any) -> Any:
    if isinstance(now, Peak):
        return Peak(*state)
    if _holds_memories(now):
        return {name: _restored(each, state[name]) for name, each in now.items()}
    if isinstance(now, Kept):
        now.restore(state)
        return now
    return copy.deepcopy(state)


def _holds_memories(value: Any) -> bool:
    if not isinstance(value, dict) or not value:
        return False
    return all(isinstance(each, (Peak, Kept)) for each in value.values())


GRAM_ABOVE = 1e-8
"""Of ½‖M‖²: some engine takes a loss above it from Gram matrices, none one below."""

GRAM_ROUNDINGS = 8.0
"""Units u‖M‖² by which such a loss may be off: more than twice what was seen."""


def step_label(rows: Rows, index: int) -> str:
    """The step number of a row in words, as 10^x when it is too large to count.

    >>> step_label({"step": np.array([7.0])}, 0)
    '7'
    >>> step_label({"step": np.array([np.inf]), "log10_step": np.array([12890.5])}, 0)
    '10^12890.5'
    """
    step = float(rows["step"][index])
    if math.isfinite(step) and step < 1e15:
        return str(int(step))
    if "log10_step" in rows:
        return f"10^{float(rows['log10_step'][index]):.6g}"
    return f"{step:.6g}"


def number_of(value: float | None) -> float:
    """NaN where none was seen."""
    return math.nan if value is None else float(value)


def added_up(begun: float, step: Array, each: Array) -> Array:
    """begun and what each step adds, up to each row but the first, one after another. Of a row k
    steps after the one before, the larger of what both add counts k times; where the step from the
    second is no number, that of the first.
    """
    taken = np.diff(step)
    added = np.where(taken > 0, taken * np.fmax(each[:-1], each[1:]), 0.0)
    return np.asarray(np.cumsum(np.append(begun, added))[1:])


def rounding_of_loss(loss: Any, norm: float, unit: float) -> Any:
    """How far a computed f = ½‖R‖² may lie from the exact one.

    Entries of R are differences of numbers of the size of M, each with a relative error of
    a few units u of rounding: ‖δR‖_F ≤ 8 u ‖M‖_F, so |δf| ≤ ‖δR‖‖R‖ + ½‖δR‖², and a few u f
    for the sum itself. unit: u, as it is of ‖M‖_F (mfact.core.eps_of). Units of M².
    Source: mfact, derived.
    """
    error = 8 * unit * norm
    loss = np.maximum(loss, 0.0)
    return error * np.sqrt(2 * loss) + 0.5 * error**2 + 8 * unit * loss


def rounding_of_fit(loss: Any, norm: float, unit: float) -> Any:
    """The same of f = ½‖UVᵀ − M‖_F², which engines take from Gram matrices while it is large.

    ½(‖M‖² − 2⟨U, MV⟩ + ⟨UᵀU, VᵀV⟩) is off by a few u‖M‖², whatever is left of it: 3.1 u‖M‖² was
    seen, over 400 matrices up to 60×60 and some of up to 20,000 rows.
    """
    gram = np.where(np.asarray(loss) > 0.5 * GRAM_ABOVE * norm**2, GRAM_ROUNDINGS, 0.0)
    return rounding_of_loss(loss, norm, unit) + gram * unit * norm**2
