"""The laws between two layers, held against the exact ledger of the method's steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from mfact.core import Array, Rows
from mfact.networks.architecture import Joint
from mfact.theory.monitoring import Kept, Peak
from mfact.theory.network_facts import NetworkFacts

A_STEP = 4.0  # units of rounding of the squares of weights and move that a step may leave in Q
AGING = 1 / 250  # of A_STEP, for each step before it in dual form
ENDS = 64.0  # of the largest squares of weights: in Q_0, in Q_t, and in the sums that they are


class Rounding(Kept):
    """How far a law may be off its ledger by rounding,
        ε (64 max n_s + 4 Σ (n_s + ‖v_{s+1} − v_s‖²)).

    n_s: squares of the weights that the law is made of, each times its |c_k|. A step rounds
    v₊ = v − ηd by ½ε(‖v‖ + η‖d‖), and so Q by up to ε(n + η²‖d‖²); rounding the gradient moves Q by
    2η‖v‖‖δg‖, of the same size for the steps that gradient descent bears. They add up like t where
    a run repeats its errors, as one does that bounces between two points. Of a row that follows k
    steps after the one before, the larger n of both counts k times.

    In dual form W_1 = cW_1(0) + AXᵀ, and where residuals stay whose gradient is zero, A grows by
    each step, and so does its rounding: step s counts 1 + s/250 times. Source: mfact, derived; the
    constants: several times what runs of up to 20,000 steps showed.
    """

    kept = ("step", "size", "largest", "rounded")

    def __init__(self) -> None:
        self.step: float | None = None
        self.size = self.largest = self.rounded = 0.0

    def allowed(self, facts: NetworkFacts, steps: Array, sizes: Array, moved: Array) -> Array:
        """Of each measured row. moved: Σ‖v_{s+1} − v_s‖² before it, or a bound on that."""
        before = steps[0] if self.step is None else self.step
        steps, sizes = np.append(before, steps), np.append(self.size, sizes)
        added = np.diff(steps) * np.maximum(sizes[:-1], sizes[1:])
        if facts.dual:
            added *= 1 + AGING * steps[1:]
        # In their order, so that the sum does not depend on the cut into blocks.
        rounded = np.cumsum(np.append(self.rounded, added))[1:]
        largest = np.maximum.accumulate(np.append(self.largest, sizes[1:]))[1:]
        self.step, self.size = float(steps[-1]), float(sizes[-1])
        self.rounded, self.largest = float(rounded[-1]), float(largest[-1])
        return np.asarray(facts.unit * (ENDS * largest + A_STEP * (rounded + moved)))


class Audit(Kept):
    """What a law has moved by, what its ledger tells, and how far that is off."""

    kept: ClassVar[tuple[str, ...]] = ("drift", "told", "off", "allowed")

    def __init__(self) -> None:
        self.drift, self.told, self.off = Peak(), Peak(), Peak()
        self.allowed = 0.0

    def see(self, moved: Mapping[str, Array], allowed: Array, rows: Rows) -> None:
        """Measured rows of a block: drift, ledger and audit; a law that is not a number is off."""
        self.drift.see(np.abs(moved["drift"]), np.inf, rows)
        self.told.see(np.abs(moved["ledger"]), np.inf, rows)
        self.off.see(moved["audit"], allowed, rows)
        self.allowed = float(allowed[-1])


class Lines(Audit):
    """The same of an identity of two lines, and what each of them has moved the law by."""

    kept = (*Audit.kept, "line_1", "line_2")

    def __init__(self) -> None:
        super().__init__()
        self.line_1, self.line_2 = Peak(), Peak()

    def see(self, moved: Mapping[str, Array], allowed: Array, rows: Rows) -> None:
        super().see(moved, allowed, rows)
        self.line_1.see(np.abs(moved["line_1"]), np.inf, rows)
        self.line_2.see(np.abs(moved["line_2"]), np.inf, rows)


class Pair(Kept):
    """The laws between layers h and h + 1: of units, of the layers as a whole, the matrix.

    sums: Σ_i|Q_i − Q_i(0)| over the units. audit: of which kind they are.
    """

    kept = ("first", "rounding", "units", "layers", "matrix", "sums")

    def __init__(self, joint: Joint, audit: type[Audit]) -> None:
        self.joint = joint
        self.first: float | None = None
        self.rounding, self.sums = Rounding(), Peak()
        self.units, self.layers, self.matrix = audit(), audit(), audit()

    def sizes(self, table: Mapping[str, Array]) -> Array:
        """‖W_h‖² + ‖b_h‖² + p‖W_{h+1}‖²."""
        h, p = self.joint.h, self.joint.degree or 1
        return np.asarray(table[f"difference_{h}"] + 2 * p * table[f"norm_{h + 1}"])

    def see(self, table: Mapping[str, Array], facts: NetworkFacts) -> None:
        """Measured rows of a block; moved among their columns, see Rounding."""
        h = self.joint.h
        allowed = self.rounding.allowed(facts, table["step"], self.sizes(table), table["moved"])
        units, layers, matrix = (_of(table, prefix, h) for prefix in ("", "layer_", "matrix_"))
        self.units.see({**units, "drift": table[f"neuron_drift_{h}"]}, allowed, table)
        difference = table[f"difference_{h}"]
        self.first = float(difference[0]) if self.first is None else self.first
        drift = difference - self.first
        off = np.abs(drift - layers["ledger"])
        self.layers.see({**layers, "drift": drift, "audit": off}, allowed, table)
        self.sums.see(table[f"drift_sum_{h}"], np.inf, table)
        if self.joint.is_matrix:
            self.matrix.see(matrix, allowed, table)


def _of(table: Mapping[str, Array], prefix: str, h: int) -> dict[str, Array]:
    """The columns of a law between layers h and h + 1 that are there."""
    names = ("drift", "ledger", "audit", "line_1", "line_2")
    return {name: table[key] for name in names if (key := f"{prefix}{name}_{h}") in table}
