"""A network's gradient flow as one document, and the page that is drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mfact.core import Claim
from mfact.report.claims import claims_section
from mfact.report.columns import curves, described
from mfact.report.machine import finite
from mfact.report.parts import Facts, Heading, Part, Words
from mfact.report.text import number
from mfact.studies.network_flow import NetworkFlowStudy

SCHEMA = "mfact-network-flow/1"
COLUMNS = (
    ("flow_time", "s", "the flow time"),
    ("loss", "L", "the loss"),
    ("gradient_norm", "‖∇L‖", "norm of its gradient in all weights and biases"),
    ("drift", "‖Q − Q₀‖", "how far all laws have moved from the start; the flow keeps it at 0"),
    ("ledger", "ledger", "what the errors of the solver's steps have moved them by, exactly"),
    ("audit", "audit", "‖(Q − Q₀) − ledger‖, zero but for rounding"),
)
LAYERS = (
    ("h", "h", "the layer"),
    ("norm", "‖W_h‖²", "at the end; biases are not counted"),
    ("difference", "difference", "‖W_h‖² − p‖W_{h+1}‖² at the end, p the degree of φ_h"),
    ("neuron_drift", "unit drift", "how far the law of a neuron or channel has moved at most"),
    ("ledger", "ledger", "the largest of what the solver has moved one by"),
    ("matrix_drift", "‖D − D₀‖", "drift of W_hW_hᵀ − W_{h+1}ᵀW_{h+1} across a linear activation"),
)


def document(found: NetworkFlowStudy, name: str) -> dict[str, Any]:
    """All that was found, as JSON values under the schema "mfact-network-flow/1".

    name: of the network, as it was asked for. flow: the columns of a network's trace that a flow
    has, without those that hold a value a unit.
    """
    flow, net = found.flow, found.net
    columns = {key: values.tolist() for key, values in flow.rows.items() if values.ndim == 1}
    made = {
        "schema": SCHEMA,
        "network": {
            "name": name,
            "layers": [stage.layer.describe() for stage in net.stages],
            "input": list(net.given),
            "parameters": sum(part.size for part in flow.weights),
            "points": found.points,
            "loss": found.loss,
        },
        "settings": {"time": found.time, "rtol": flow.rtol},
        "method": flow.method,
        "steps": flow.steps,
        "evaluations": flow.evaluations,
        "outcome": flow.ending.name,
        "exit_code": flow.ending.exit_code,
        "message": found.message,
        "flow": [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ],
        "claims": [vars(claim) for claim in found.claims],
    }
    cleaned: dict[str, Any] = finite(made)
    return cleaned


def page(doc: Mapping[str, Any]) -> list[Part]:
    """What was followed, its table, its layers, what the theorems say; doc: of document()."""
    net, settings = doc["network"], doc["settings"]
    return [
        Heading("mfact: gradient flow of a network", top=True),
        Heading("Problem"),
        Facts([
            ("network", net["name"]),
            ("layers", ", ".join(net["layers"])),
            ("free parameters", number(net["parameters"])),
            ("points", number(net["points"])),
            ("loss", net["loss"]),
            ("flow", f"d(W, b)/ds = −∇L, to s = {number(settings['time'])}"),
            ("method", f"{doc['method']}, a step's error up to {settings['rtol']:g} ‖(W, b)‖"),
            ("steps", f"{doc['steps']}, with {doc['evaluations']} gradients"),
        ]),
        Heading("Flow"),
        curves(COLUMNS, doc["flow"], ("loss", "drift")),
        *described(COLUMNS, doc["flow"]),
        Heading("Layers"),
        *described(LAYERS, _layers(doc["flow"])),
        *claims_section([Claim(**claim) for claim in doc["claims"]]),
        Heading("Outcome"),
        Words(doc["message"]),
    ]  # fmt: skip


def rows(doc: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows of the flow's table, in every column; doc: of document()."""
    found: list[Mapping[str, Any]] = doc["flow"]
    return found


def _layers(flow: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each layer, with the joint that follows it: largest over the times, or at the last."""
    last, found = flow[-1], []
    for h in range(1, sum(key.startswith("norm_") for key in last) + 1):
        row = {"h": h, "norm": last[f"norm_{h}"], "difference": last.get(f"difference_{h}")}
        for key in ("neuron_drift", "ledger", "matrix_drift"):
            values = [each.get(f"{key}_{h}") for each in flow]
            row[key] = max((value for value in values if value is not None), default=None)
        found.append(row)
    return found
