"""Columns of the trace that every problem has, for a whole block of steps after they were taken.

Balances and entries of the ledger come stacked: for n steps each matrix of D is n×r×r.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mfact.core import Array, Balance, Followed, Ledger, Method, Optimum, Point
from mfact.methods.choice import PLAIN
from mfact.methods.two_lines import cumulative


def size_of(point: Point) -> float:
    """‖(U, V)‖_F, of a gradient or a direction too."""
    return float(sum([float(np.vdot(part, part)) for part in point]) ** 0.5)


def moved_by(method: Method, moves: Array) -> dict[str, Array]:
    """The column that tells how far each step moves the factors; of plain gradient descent that is
    η‖∇f‖, which other columns tell.
    """
    return {} if method.name == PLAIN else {"move": moves}


def opened(balance: Balance) -> Ledger:
    """The ledger at step 0, but for the memory of a law."""
    return Ledger(balance, tuple(np.zeros_like(D) for D in balance))


def reopened(ledger: Ledger, balance: Balance) -> Ledger:
    """That of a point that was put elsewhere: its start makes up for it."""
    start = tuple(D - L for D, L in zip(balance, ledger.entries, strict=True))
    return Ledger(start, ledger.entries, (), ledger.flow_time)


def measured(
    ledger: Ledger,
    step: int,
    step_sizes: Array,
    balances: Balance,
    followed: Followed,
    gradient_norms: Array,
    scale: float,
) -> tuple[dict[str, Array], Callable[[int], Ledger]]:
    """The columns of n steps from `step` on, and the ledger before each and after the last.

    balances: D of the points. followed: what each step adds to D by the method's law. scale: what
    relative numbers are relative to.
    """
    added = zip(ledger.entries, followed.entries, strict=True)
    sums = [cumulative(L, more) for L, more in added]
    flow_times = cumulative(np.array(ledger.flow_time), step_sizes)
    imbalance = _norms(balances)
    steps = np.arange(step, step + len(step_sizes))
    drifts = tuple(D - start for D, start in zip(balances, ledger.start, strict=True))
    before = tuple(each[:-1] for each in sums)
    table = {
        "step": steps,
        "log10_step": np.log10(np.maximum(steps, 1)),
        "step_size": step_sizes,
        "flow_time": flow_times[:-1],
        "gradient_norm": gradient_norms,
        "imbalance": imbalance,
        "relative_imbalance": imbalance / scale if scale else imbalance,
        "drift": _norms(drifts),
        "ledger": _norms(before),
        "audit": _norms(tuple(D - L for D, L in zip(drifts, before, strict=True))),
        **followed.columns,
    }

    def ledger_at(i: int) -> Ledger:
        entries = tuple(each[i] for each in sums)
        return Ledger(ledger.start, entries, followed.memories[i], float(flow_times[i]))

    return table, ledger_at


def against(optimum: Optimum | None, losses: Array) -> dict[str, Array]:
    """The columns that tell how far n losses are from the optimum; NaN where it is not known."""
    floor, unit = (np.nan, 1.0) if optimum is None else (optimum.floor, optimum.unit)
    above = losses - floor
    return gaps(above, floor, unit)


def gaps(above: Array, floor: float, unit: float) -> dict[str, Array]:
    """The same from what f is above the floor, units of M²."""
    return {
        "above": above,
        "gap": np.maximum(above, 0) / unit,
        "optimum": np.full(len(above), floor),
    }


def _norms(balances: Balance) -> Array:
    flat = [stack.reshape(len(stack), -1) for stack in balances]
    return np.asarray(np.sqrt(sum(np.einsum("ni,ni->n", each, each) for each in flat)))
