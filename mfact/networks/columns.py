"""The columns of a network's trace: those that every run has, and those of its layers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mfact.core import Rows
from mfact.networks.architecture import Architecture
from mfact.trace import COLUMNS, Column

NEURONS = "neurons"
"""Prefix of the columns that hold a value for each unit: NEURONS/h/in, …/out, …/ledger."""


def parted(rows: Rows) -> tuple[Rows, Rows]:
    """The columns with a number a row, and those with a value for each unit, as h/in, h/out, …"""
    units = {n.partition("/")[2]: c for n, c in rows.items() if n.startswith(f"{NEURONS}/")}
    return {n: c for n, c in rows.items() if not n.startswith(f"{NEURONS}/")}, units


def network_columns(net: Architecture, *, linear: bool = True) -> Mapping[str, Column]:
    """A column a name, in the order of the file and the table. linear: whether the steps are, in
    the gradients so far; else both lines of the identity are told, and how long steps are.
    """
    plain = {name: COLUMNS[name] for name in ("step", "log10_step", "step_size", "flow_time")}
    plain["step_size"] = COLUMNS["step_size"]._replace(place=3, rank=5)
    found = {
        **plain,
        "loss": Column("L, of the batch of the step", label="loss L", heading="L", place=1, rank=1),
        "gradient_norm": Column(
            "‖∇L‖, of the batch of the step", label="gradient norm ‖∇L‖", heading="‖∇L‖", place=2,
            rank=4,
        ),
        "imbalance": Column("norm of all balance laws Q", label="imbalance ‖Q‖"),
        "drift": Column(
            "‖Q − Q₀‖, how far they have moved from the start", label="drift ‖Q − Q₀‖",
            heading="‖Q−Q₀‖", place=50, rank=2,
        ),
        "ledger": Column(
            "norm of what the drift must be by the exact law of the method", heading="ledger",
            place=51, rank=6,
        ),
        "audit": Column(
            "‖(Q − Q₀) − ledger‖, zero but for rounding", None, heading="audit", place=52, rank=3
        ),
        "euler": Column(
            "spread of ⟨W_h, ∂L/∂W_h⟩ over the layers, relative: zero but for rounding",
            None, heading="Euler", place=53, rank=7,
        ),
        "first_order": Column(
            "largest first-order change of a law, relative: zero but for rounding", None
        ),
    }  # fmt: skip
    if not linear:
        found |= {
            "line_1": Column(
                "‖Σ −2η⟨v, Cd⟩‖, what line 1 alone has moved the laws by",
                label="line 1 ‖Σ −2η⟨v, Cd⟩‖", heading="line 1", place=54, rank=4,
            ),
            "line_2": Column(
                "‖Σ η²⟨d, Cd⟩‖, what line 2 alone has moved the laws by",
                label="line 2 ‖Σ η²⟨d, Cd⟩‖", heading="line 2", place=55, rank=5,
            ),
            "move": Column("η‖d‖, how far the step moves the weights"),
        }  # fmt: skip
    for h in range(1, len(net.weighted) + 1):
        found[f"norm_{h}"] = Column(
            f"‖W_{h}‖_F²", heading=f"‖W{h}‖²", place=10 + h, rank=10 + h, label=f"‖W_{h}‖_F²"
        )
    for joint in net.joints:
        h, p = joint.h, "" if joint.degree in (1, None) else str(joint.degree)
        pair = f"‖W_{h}‖² − {p}‖W_{h + 1}‖²"
        found |= {
            f"difference_{h}": Column(f"{pair}, biases of layer {h} counted", label=pair),
            f"ratio_{h}": Column(
                f"‖W_{h}‖²/‖W_{h + 1}‖²", heading=f"‖W{h}‖²/‖W{h + 1}‖²", place=30 + h,
                rank=30 + h,
            ),
            f"neuron_drift_{h}": Column(f"largest drift of a unit's law between {h} and {h + 1}"),
            f"drift_sum_{h}": Column(f"sum of the units' drifts between {h} and {h + 1}"),
            f"ledger_{h}": Column(f"largest entry of the ledger between {h} and {h + 1}"),
            f"layer_ledger_{h}": Column(f"what {pair} must have moved by"),
            f"audit_{h}": Column(f"largest difference of the two between {h} and {h + 1}", None),
        }  # fmt: skip
        lines = () if linear else (1, 2)
        for line in lines:
            found |= {
                f"line_{line}_{h}": Column(
                    f"largest sum of line {line} of a unit between {h} and {h + 1}"
                ),
                f"layer_line_{line}_{h}": Column(f"what line {line} has moved {pair} by"),
            }
        if joint.is_matrix:
            found |= {
                f"matrix_line_{line}_{h}": Column(
                    f"what line {line} has moved D between {h} and {h + 1} by, Frobenius"
                )
                for line in lines
            }
            found[f"matrix_drift_{h}"] = Column(
                f"‖D − D₀‖_F, D = W_{h}W_{h}ᵀ − W_{h + 1}ᵀW_{h + 1}"
            )
            found[f"matrix_ledger_{h}"] = Column(f"what D between {h} and {h + 1} must have moved")
            found[f"matrix_audit_{h}"] = Column("how far it is from that, Frobenius", None)
    return MappingProxyType(found)
