"""What the monitors of a run share: the protocol, hypotheses and rounding.

A monitor looks at every step of a run, in blocks, and says at the end which claims
hold. Blocks are mappings from the column names of mfact.trace.COLUMNS to arrays of
equal length, one entry a step; consecutive blocks continue each other.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from mfact.core import Array, Claim
from mfact.problems.optimum import numerical_rank, zero_below
from mfact.words import known_digits

Info = Mapping[str, Any]
Rows = Mapping[str, Array]


class Monitor(Protocol):
    """Watches one claim, or a few that share their measurements.

    start(info) once before step 0; segment(rows) for each block of steps;
    claims(final) at the end, where final repeats or completes info (for example with
    singular values that became known during the run). state() holds JSON values only,
    and restore(state()) after start(info) continues exactly.
    """

    def start(self, info: Info) -> None: ...

    def segment(self, rows: Rows) -> None: ...

    def claims(self, final: Info | None = None) -> tuple[Claim, ...]: ...

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: Mapping[str, Any]) -> None: ...


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

    @classmethod
    def of(cls, state: Iterable[Any]) -> Peak:
        return cls(*state)


class Remembering:
    """A monitor whose memory is the attributes named in `kept`: JSON values and Peaks."""

    kept: ClassVar[tuple[str, ...]] = ()

    def state(self) -> dict[str, Any]:
        """The memory as JSON values."""
        values = {name: getattr(self, name) for name in self.kept}
        return {
            name: value.state() if isinstance(value, Peak) else copy.deepcopy(value)
            for name, value in values.items()
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up the memory that state() gave; start(info) must have come before."""
        for name in self.kept:
            is_peak = isinstance(getattr(self, name), Peak)
            value = Peak.of(state[name]) if is_peak else copy.deepcopy(state[name])
            setattr(self, name, value)


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


def objective_values(rows: Rows) -> Array:
    """f plus the penalty where there is one: what gradient descent must decrease."""
    loss = np.asarray(rows["loss"], dtype=float)
    return loss + np.asarray(rows["penalty"], dtype=float) if "penalty" in rows else loss


def rounding_of_loss(loss: Any, norm: float, dtype: str = "float64") -> Any:
    """How far a computed f = ½‖R‖² may lie from the exact one.

    Entries of R are differences of numbers of the size of M, each with a relative error of
    a few units u of rounding: ‖δR‖_F ≤ 8 u ‖M‖_F, so |δf| ≤ ‖δR‖‖R‖ + ½‖δR‖², and a few u f
    for the sum itself. Units of M². Source: mfact, derived.
    """
    unit = float(np.finfo(dtype).eps)
    error = 8 * unit * norm
    loss = np.maximum(loss, 0.0)
    return error * np.sqrt(2 * loss) + 0.5 * error**2 + 8 * unit * loss


def schedule_of(info: Info) -> tuple[str, Mapping[str, Any]]:
    """The name of the schedule and its parameters, however they were handed over."""
    schedule = info.get("schedule") or {}
    if isinstance(schedule, str):
        return schedule, {}
    return str(schedule.get("name", "")), schedule


def zero_of(info: Info) -> float:
    """Up to where a singular value counts as zero: "zero" as told, else zero_below of float data.

    >>> zero_of({"zero": 1e-3}), zero_of({"shape": (16, 4), "sigma_1": 0.5}) == 2.0**-51
    (0.001, True)
    """
    if info.get("zero") is not None:
        return float(info["zero"])
    sigma_1 = info.get("sigma_1") or info["singular_values"][0]
    unit = float(np.finfo(info.get("dtype", "float64")).eps)
    return zero_below(0.0, float(sigma_1), info["shape"], 0.0, unit)


def rank_of(info: Info) -> int | None:
    """The numerical rank of M where it is known, else None.

    Without "numerical_rank", leading singular values σ₁ ≥ … tell it when the last known ones
    count as zero (zero_of), or when there are no others.
    """
    rank = info.get("numerical_rank")
    if rank is not None:
        return int(rank)
    values = info.get("singular_values")
    if values is None or not len(values):
        return None
    found = numerical_rank(values, zero_of(info))
    complete = len(values) >= min(info["shape"])
    return found if found < len(values) or complete else None


def gap_of(info: Info) -> tuple[float, float] | None:
    """σ_r − σ_{r+1} and how far it may be off, units of M; None when it is not known.

    σ_{r+1} = 0 when M has rank r. The error is that of both values ("singular_value_errors",
    none: exact), and never below what counts as zero.

    >>> info = {"rank": 1, "shape": (2, 2), "singular_values": [3.0, 1.0], "zero": 1e-15}
    >>> gap_of(info), gap_of(info | {"singular_value_errors": [0.5, 0.25]})
    ((2.0, 1e-15), (2.0, 0.75))
    """
    r, values = int(info["rank"]), info.get("singular_values")
    if values is None or len(values) < r:
        return None
    errors = info.get("singular_value_errors")
    pair = slice(r - 1, r + 1)
    off = 0.0 if errors is None else float(np.sum(np.asarray(errors, float)[pair]))
    off = max(off, zero_of(info))
    if len(values) > r:
        return float(values[r - 1]) - float(values[r]), off
    known = rank_of(info)
    whole = r == min(info["shape"]) or (known is not None and known <= r)
    return (float(values[r - 1]), off) if whole else None


def missing(
    info: Info,
    *,
    schedules: tuple[str, ...] = (),
    exact_rank: bool = False,
    plain: bool = True,
) -> list[str]:
    """The hypotheses that a run does not meet, each as a phrase with its numbers.

    schedules: names that are allowed (empty: all). exact_rank: M must have rank r.
    plain: the objective must be (1), without a balancing term.
    """
    lacks = []
    method = info.get("method", "gradient-descent")
    if method != "gradient-descent":
        lacks.append(f"the method is {method}, not gradient descent")
    if plain and info.get("objective", "plain") != "plain":
        lacks.append("the objective has a balancing term, the claim is about (1) without it")
    name, _ = schedule_of(info)
    if schedules and name not in schedules:
        lacks.append(f"the schedule is {name}, not {' or '.join(schedules)}")
    if exact_rank:
        lack = rank_lack(
            int(info["rank"]),
            rank_of(info),
            info.get("singular_values"),
            info.get("singular_value_errors"),
        )
        lacks += [lack] if lack else []
    return lacks


def rank_lack(
    r: int,
    rank: int | None,
    values: Sequence[float] | None = None,
    errors: Sequence[float] | None = None,
) -> str:
    """Why M does not count as of rank r, as a phrase; empty when it does.

    rank: the numerical rank where known. values: leading singular values; more than r of
    them without a known rank are all above rounding. errors: how far each may be below its true
    value, which cuts the digits.

    >>> rank_lack(2, 2), rank_lack(1, None, [2.0, 0.5])
    ('', 'M has rank above r = 1: σ_2 = 0.5')
    """
    if rank is not None:
        return "" if rank == r else f"M has numerical rank {rank}, not r = {r}"
    if values is not None and len(values) > r:
        value, error = float(values[r]), float(errors[r]) if errors else 0.0
        known = known_digits(value, error, 4)
        shown = f"= {value:.{known}g}" if known else f"≥ {number(value)}"
        return f"M has rank above r = {r}: σ_{r + 1} {shown}"
    return f"it is not known whether M has rank {r}"


def number(value: float | None) -> str:
    """Three or four digits, as in a sentence."""
    return "unknown" if value is None else f"{value:.4g}"
