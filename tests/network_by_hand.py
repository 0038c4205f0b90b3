"""A NetworkResult made by hand, with one of everything a view must show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mfact.core import Claim, NetworkResult, Outcome, Verdict
from mfact.networks.architecture import Architecture
from mfact.networks.columns import network_columns
from mfact.networks.spec import parse
from mfact.storage.architectures import arrays_of, described

NET = parse("8:4r-4b-2")


def trace_of(net: Architecture, steps: np.ndarray) -> dict[str, np.ndarray]:
    """A column of every name, its numbers told apart by their digits."""
    names = list(network_columns(net))
    columns = {
        name: 10.0 ** -(i % 18) * (1 + 0.001 * i + 0 * steps) for i, name in enumerate(names)
    }
    return columns | {"step": steps, "log10_step": np.log10(np.maximum(steps, 1))}


def network_by_hand(net: Architecture = NET, **changes: Any) -> NetworkResult:
    """A small run that took all its steps, whose numbers are chosen, so that views can be compared
    by text.
    """
    document, ties = described(net), arrays_of(net)
    weights = {name: np.ones(shape) for name, shape in zip(net.names, net.shapes, strict=True)}
    trace = trace_of(net, np.array([0, 10, 20, 30, 40]))
    last = {name: float(column[-1]) for name, column in trace.items()}
    told = {name: last[name] for name, column in network_columns(net).items() if column.label}
    result = NetworkResult(
        outcome=Outcome.COMPLETED,
        message="the step limit --max-iter 40 is reached, and no tolerance was asked for",
        weights=weights,
        start={name: 0.5 * W for name, W in weights.items()},
        neurons={"step": trace["step"]}
        | {
            f"{joint.h}/{side}": np.ones((5, joint.units))
            for joint in net.joints
            for side in ("in", "out", "ledger")
        },
        ties=ties,
        network=document,
        trace=trace,
        problem={
            "name": "x [1].npy, y.npy",
            "x": {"path": "data dir/x [1].npy", "dtype": "float64"},
            "fingerprint": {"shape": [20, 8], "targets": [20, 2], "dtype": "float64",
                            "digest": "0"},
            "points": 20,
            "objective": "(1/m) Σ_i ℓ(f(x_i), y_i), ℓ = ½‖f − y‖²",
            "parameters": 60,
            "laws": 14,
            "laws_that_mix_layers": 0,
        },
        settings={
            "layers": {"value": "8:4r-4b-2", "source": "flag"},
            "loss": {"value": "squared", "source": "default"},
            "method": {"value": "gradient-descent", "source": "default"},
            "step_size": {"value": 0.09, "source": "flag"},
            "start": {"value": "paper-balanced", "source": "default"},
            "start_scale": {"value": None, "source": "default", "used": 0.01},
            "seed": {"value": 7, "source": "drawn"},
            "form": {"value": "auto", "source": "default",
                     "used": "primal: 20 points are not fewer than twice the 8 inputs"},
            "batch": {"value": None, "source": "default", "used": 20},
            "max_time": {"value": None, "source": "default"},
        },
        summary={
            "iterations": 40,
            **told,
            "ledger_audit": 2e-17,
            "euler": 3e-16,
            "first_order": 4e-16,
            "flow_time": 3.6,
            "seconds": 0.25,
            "wall_seconds": 0.5,
        },
        claims=(
            Claim("theorem-2.1", "Q_t − Q_0 is what the exact law gives", Verdict.HOLDS,
                  "what the flow keeps moved by 0.01, the exact law of the steps gives 0.01, off by"
                  " at most 1e-16 (rounding)", "Theorem 2.1", {"drift": 0.01}),
            Claim("theorem-2.2", "Q_t − Q_0 is what it must be, of W_hW_hᵀ − W_{h+1}ᵀW_{h+1}",
                  Verdict.HOLDS, "off by at most 2e-16 (rounding)", "Theorem 2.2"),
            Claim("drift-bound", "|Q_T − Q_0| ≤ 2 η_max (L_0 − L_T)", Verdict.NOT_MET,
                  "a step increased L", "mfact, derived", {"bound": float("inf")}),
        ),
        provenance={"mfact": "0.1.0", "time": "2020-01-01T00:00:00+00:00", "host": "here"},
    )  # fmt: skip
    return replace(result, **changes)
