"""What is seen of a fast-forward in the bases of a run: its rows, its leak, its coordinates."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from mfact.core import Array, Rows, State
from mfact.engines.coordinates import Singular, singular
from mfact.gradient_flow.records import Record
from mfact.problems.factorization import unbalance
from mfact.run.progress import Plan
from mfact.trace import GRAMS, TIMES


def row_of(plan: Plan, state: State, record: Record, leaked: float) -> dict[str, float]:
    """The columns of the trace at a record; the ledger is not kept here."""
    X, Y, scalars, scale = record.X, record.Y, record.scalars, plan.problem.scale
    co = singular(state)
    spectrum = co.spectrum
    above = scalars.loss_excess - spectrum.surplus
    loss = above + spectrum.floor
    row = {
        "step": record.step,
        "log10_step": record.log10_step,
        "step_size": record.step_size,
        "flow_time": record.flow_time,
        "passes": co.passes,
        "loss": loss,
        "penalty": scalars.penalty,
        "relative_residual": math.sqrt(2 * max(loss, 0.0)) / scale,
        "above": above,
        "gap": max(above, 0.0) / spectrum.unit,
        "gradient_norm": scalars.gradient_norm,
        "imbalance": scalars.imbalance,
        "relative_imbalance": scalars.imbalance / scale,
        "drift": float(np.linalg.norm(unbalance(X, Y) - state.ledger.start[0])),
        "norm_ratio": scalars.size_X / scalars.size_Y if scalars.size_Y else math.nan,
        "size_U": scalars.size_X,
        "size_V": scalars.size_Y,
        "leak": leaked,
        "optimum": spectrum.floor,
        "distance": record.error * math.sqrt(scalars.size_X + scalars.size_Y),
    }
    if plan.asked.settings.rank == 1:
        row["alignment_U"], row["alignment_V"] = abs(float(X[0, 0])), abs(float(Y[0, 0]))
    return row


def keep_grams(kept: dict[int, Array], place: int, record: Record, most: int) -> None:
    """UᵀU and VᵀV of the newest record, whose row has this place, and of every k-th: k is the
    least power of two that leaves at most so many.
    """
    apart, before = (1 << (each // most).bit_length() for each in (place, place - 1))
    if apart != before:
        for each in [each for each in kept if each % apart]:
            del kept[each]
    elif (place - 1) % apart:
        kept.pop(place - 1, None)
    X, Y = record.X, record.Y
    kept[place] = np.array([X.T @ X, Y.T @ Y])


def with_grams(table: Rows, kept: Mapping[int, Array], rows: int) -> dict[str, Array]:
    """Those rows of a table of the last of so many that have Gram matrices, with these."""
    first = rows - len(table["step"])
    places = [place for place in kept if place >= first]
    columns = {name: table[name][np.array(places) - first] for name in TIMES}
    return columns | {GRAMS: np.array([kept[place] for place in places])}


def leak_until(record: Record, previous: tuple[Array, Array, float] | None, co: Singular) -> float:
    """What leaks since the record before, relative to the factors: by the larger of both rates.

    previous: (X, Y, flow time) there; None where this is the first.
    """
    if co.basis.exhausted or previous is None:
        return 0.0
    before_X, before_Y, before_time = previous
    rates = [
        math.hypot(
            float(np.linalg.norm(co.leak_left @ Y)), float(np.linalg.norm(co.leak_right @ X))
        )
        / math.hypot(float(np.linalg.norm(X)), float(np.linalg.norm(Y)))
        for X, Y in ((before_X, before_Y), (record.X, record.Y))
    ]
    return max(rates) * (record.flow_time - before_time)


def maps_between(old: Singular, new: Singular) -> list[Array]:
    """From the singular coordinates of bases to those of bases that hold them, on each side."""
    return [
        after[:width].T @ before[:width]
        for before, after, width in (
            (old.spectrum.phi, new.spectrum.phi, old.basis.left.known),
            (old.spectrum.psi, new.spectrum.psi, old.basis.right.known),
        )
    ]
