"""What a row of a network's trace tells at a point: every law, and how far it has moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from mfact.core import Array, Balance
from mfact.networks.architecture import Architecture
from mfact.networks.columns import NEURONS, network_columns
from mfact.networks.laws import Law, Laws, Sides
from mfact.networks.machine import DualMachine, Machine


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
        plain = Laws.of(machine.net)
        dual = isinstance(machine, DualMachine)
        return cls(machine, Laws.of(machine.net, machine) if dual else plain, plain)

    def balance(self) -> Balance:
        """Q of every law at the machine's point."""
        W = self.machine.weights()
        return wide(self.plain.form(W, W))

    def columns(
        self,
        start: Balance,
        entries: Balance,
        output: float,
        slopes: Sequence[Sides] | None = None,
        first: Balance | None = None,
    ) -> dict[str, Array | float]:
        """Those of the laws, at the point and its gradient. start: Q₀. entries: of the ledger.
        output: Σ⟨f, ∂ℓ/∂f⟩/m. slopes: the held laws' sides of the gradient, where known. first: of
        the entries what line 1 has added, where no law tells them.
        """
        W = self.machine.weights()
        sides = self.plain.sides(W, W)
        balance = wide(self.plain.form(W, W, sides))
        drifts = tuple([Q - Q0 for Q, Q0 in zip(balance, start, strict=True)])
        off = tuple([D - E for D, E in zip(drifts, entries, strict=True)])
        told = {"drift": drifts, "ledger": entries, "audit": off}
        if first is not None:
            second = tuple([E - S for E, S in zip(entries, first, strict=True)])
            told |= {"line_1": first, "line_2": second}
        found: dict[str, Array | float] = {"imbalance": norm(balance)}
        found |= {name: norm(each) for name, each in told.items()}
        for h, layer in enumerate(self.plain.layers, 1):
            found[f"norm_{h}"] = layer.square(W)[0]
        for i, law in enumerate(self.plain.each):
            found |= self._joint(law, sides[i], {name: each[i] for name, each in told.items()})
        return found | self._first_order(output, sides, slopes)

    def _joint(self, law: Law, sides: Sides, told: Mapping[str, Array]) -> dict[str, Array | float]:
        """The columns between two layers. told: drift, ledger and audit, and the lines where there
        are some: n values, or n×n of a matrix law.
        """
        h = law.joint.h
        fed, drawn = sides
        found: dict[str, Array | float] = {}
        if law.joint.is_matrix:
            found = {f"matrix_{name}_{h}": norm([each]) for name, each in told.items()}
            told = {name: each.diagonal() for name, each in told.items()}
        sizes = np.abs([*told.values()])
        largest = dict(zip(told, sizes.max(axis=1), strict=True))
        into, out = float(fed.sum(dtype=float)), float(drawn.sum(dtype=float))
        for name in told.keys() - {"drift", "audit"}:
            found[f"{name}_{h}"], found[f"layer_{name}_{h}"] = largest[name], told[name].sum()
        return found | {
            f"difference_{h}": into - law.degree * out,
            f"ratio_{h}": into / out if out else np.nan,
            f"neuron_drift_{h}": largest["drift"],
            f"drift_sum_{h}": sizes[0].sum(),
            f"audit_{h}": largest["audit"],
            f"{NEURONS}/{h}/in": fed,
            f"{NEURONS}/{h}/out": drawn,
            f"{NEURONS}/{h}/ledger": told["ledger"],
        }

    def _first_order(
        self, output: float, weights: Sequence[Sides], slopes: Sequence[Sides] | None
    ) -> dict[str, Array | float]:
        """⟨v, C∇L⟩, which homogeneity makes zero, and the Euler identity: ⟨W_h, ∂L/∂W_h⟩ =
        p_h⟨W_{h+1}, ∂L/∂W_{h+1}⟩, and p_N·output at the end. Relative to ‖v‖‖∇L‖ of the weights.
        """
        p, g = self.machine.point, self.machine.slope
        slopes = self.held.sides(g, g) if slopes is None else slopes
        found, spread = [], []
        least = float(np.finfo(self.machine.dtype).tiny)
        for law, of_weights, of_slope in zip(self.held.each, weights, slopes, strict=True):
            k = law.degree
            # One array, and a column with the sums of its rows: of a small network the calls
            # of NumPy are what takes time.
            units = np.array([*law.sides(p, g), *of_weights, *of_slope], float)
            both = np.concatenate([units, units.sum(axis=1, keepdims=True)], axis=1)
            fed, drawn, v, g_of = both[0], both[1], both[2:4], both[4:]
            roots = _root(v * g_of)
            change, size = np.abs(fed - k * drawn), roots[0] + k * roots[1]
            found.append(_ratio(change[:-1].max(), size[:-1].max(), least))
            spread.append(_ratio(change[-1], size[-1], least))
        # What does not scale at the end belongs to the loss.
        if degree := self.machine.net.weighted[-1].layer.activation.degree:
            last = self.held.layers[-1]
            whole = _root(np.asarray(sum(last.square(p)) * sum(last.square(g))))
            spread.append(_ratio(abs(last.rows(p, g).sum() - degree * output), whole, least))
        # By NumPy, whose maximum keeps what is not a number.
        return {"first_order": float(np.max(found)), "euler": float(np.max(spread))}


def empty(net: Architecture, laws: Laws, rows: int, *, linear: bool = True) -> dict[str, Array]:
    """Columns of so many rows, NaN where nothing is measured yet. linear: see network_columns."""
    found = {name: np.full(rows, np.nan) for name in network_columns(net, linear=linear)}
    for law in laws.each:
        for what in ("in", "out", "ledger"):
            name = f"{NEURONS}/{law.joint.h}/{what}"
            found[name] = np.full((rows, law.units), np.nan)
    return found


def wide(balance: Balance) -> Balance:
    """In float64."""
    return tuple([Q.astype(float, copy=False) for Q in balance])


def norm(balance: Sequence[Array]) -> float:
    """Of all laws together."""
    return sqrt(sum([float(np.vdot(Q, Q)) for Q in balance]))


def _root(squares: Array) -> Array:
    """Of squares that may be below zero by rounding, as those of the dual form may."""
    return np.asarray(np.sqrt(np.abs(squares)))


def _ratio(part: Array, whole: Array, least: float) -> float:
    """part/whole, 0 where the whole is below the least number of full precision."""
    return 0.0 if whole < least else float(part / whole)
