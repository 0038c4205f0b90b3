"""What a row of a network's trace tells at a point: every law, and how far it has moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from mfact.core import Array, Balance
from mfact.networks.architecture import Architecture
from mfact.networks.columns import NEURONS, network_columns
from mfact.networks.laws import Law, Laws
from mfact.networks.machine import Machine


@dataclass(frozen=True, eq=False)
class Measure:
    """Reads the laws off the weights themselves, which know nothing of the ledger.

    held: the laws on the machine's points; plain: on its weights.
    """

    machine: Machine
    held: Laws
    plain: Laws

    @classmethod
    def of(cls, machine: Machine) -> Measure:
        return cls(machine, Laws.of(machine.net, machine), Laws.of(machine.net))

    def balance(self) -> Balance:
        """Q of every law at the machine's point."""
        W = self.machine.weights()
        return tuple(Q.astype(float) for Q in self.plain.form(W, W))

    def columns(self, start: Balance, entries: Balance, output: float) -> dict[str, Array | float]:
        """Those of the laws, at the point and its gradient. start: Q₀. entries: of the ledger.
        output: Σ⟨f, ∂ℓ/∂f⟩/m.
        """
        W = self.machine.weights()
        balance = tuple(Q.astype(float) for Q in self.plain.form(W, W))
        drifts = tuple(Q - Q0 for Q, Q0 in zip(balance, start, strict=True))
        off = tuple(D - E for D, E in zip(drifts, entries, strict=True))
        found: dict[str, Array | float] = {
            "imbalance": norm(balance),
            "drift": norm(drifts),
            "ledger": norm(entries),
            "audit": norm(off),
        }
        for h, layer in enumerate(self.plain.layers, 1):
            found[f"norm_{h}"] = layer.square(W)[0]
        for law, D, E, A in zip(self.plain.each, drifts, entries, off, strict=False):
            found |= self._joint(law, W, D, E, A)
        return found | self._first_order(output)

    def _joint(
        self, law: Law, W: Sequence[Array], drift: Array, entry: Array, off: Array
    ) -> dict[str, Array | float]:
        """The columns between two layers; drift, entry, off: n, or n×n of a matrix law."""
        h = law.joint.h
        fed, drawn = law.sides(W, W)
        found: dict[str, Array | float] = {}
        if law.joint.is_matrix:
            found[f"matrix_drift_{h}"] = float(np.linalg.norm(drift))
            found[f"matrix_ledger_{h}"] = float(np.linalg.norm(entry))
            found[f"matrix_audit_{h}"] = float(np.linalg.norm(off))
            drift, entry, off = (np.diagonal(each) for each in (drift, entry, off))
        into, out = float(fed.sum(dtype=float)), float(drawn.sum(dtype=float))
        return found | {
            f"difference_{h}": into - law.degree * out,
            f"ratio_{h}": into / out if out else np.nan,
            f"neuron_drift_{h}": float(np.abs(drift).max()),
            f"drift_sum_{h}": float(np.abs(drift).sum()),
            f"ledger_{h}": float(np.abs(entry).max()),
            f"layer_ledger_{h}": float(entry.sum()),
            f"audit_{h}": float(np.abs(off).max()),
            f"{NEURONS}/{h}/in": fed,
            f"{NEURONS}/{h}/out": drawn,
            f"{NEURONS}/{h}/ledger": entry,
        }

    def _first_order(self, output: float) -> dict[str, Array | float]:
        """⟨v, C∇L⟩, which homogeneity makes zero, and the Euler identity: ⟨W_h, ∂L/∂W_h⟩ =
        p_h⟨W_{h+1}, ∂L/∂W_{h+1}⟩, and p_N·output at the end. Relative to ‖v‖‖∇L‖ of the weights.
        """
        p, g = self.machine.point, self.machine.slope
        found, spread = [], []
        least = float(np.finfo(self.machine.dtype).tiny)
        for law in self.held.each:
            k = law.degree
            (fed, drawn), (v_in, v_out), (g_in, g_out) = (
                [side.astype(float) for side in law.sides(a, b)]
                for a, b in ((p, g), (p, p), (g, g))
            )
            size = _root(v_in * g_in) + k * _root(v_out * g_out)
            found.append(_ratio(np.abs(fed - k * drawn).max(), size.max(), least))
            whole = _root(v_in.sum() * g_in.sum()) + k * _root(v_out.sum() * g_out.sum())
            spread.append(_ratio(abs(fed.sum() - k * drawn.sum()), whole, least))
        # What does not scale at the end belongs to the loss.
        if degree := self.machine.net.weighted[-1].layer.activation.degree:
            last = self.held.layers[-1]
            whole = _root(np.asarray(sum(last.square(p)) * sum(last.square(g))))
            spread.append(_ratio(abs(last.rows(p, g).sum() - degree * output), whole, least))
        # By NumPy, whose maximum keeps what is not a number.
        return {"first_order": float(np.max(found)), "euler": float(np.max(spread))}


def empty(net: Architecture, laws: Laws, rows: int) -> dict[str, Array]:
    """Columns of so many rows, NaN where nothing is measured yet."""
    found = {name: np.full(rows, np.nan) for name in network_columns(net)}
    for law in laws.each:
        for what in ("in", "out", "ledger"):
            name = f"{NEURONS}/{law.joint.h}/{what}"
            found[name] = np.full((rows, law.units), np.nan)
    return found


def norm(balance: Balance) -> float:
    """Of all laws together."""
    return sqrt(sum(float(np.vdot(Q, Q)) for Q in balance))


def _root(squares: Array) -> Array:
    """Of squares that may be below zero by rounding, as those of the dual form may."""
    return np.asarray(np.sqrt(np.abs(squares)))


def _ratio(part: Array, whole: Array, least: float) -> float:
    """part/whole, 0 where the whole is below the least number of full precision."""
    return 0.0 if whole < least else float(part / whole)
