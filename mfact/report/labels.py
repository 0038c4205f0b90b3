"""What each entry of a result is called on the page, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mfact.report.text import duration, number
from mfact.storage.memory import format_bytes

PROBLEM = {
    "name": "matrix",
    "path": "file",
    "dataset": "dataset",
    "format": "format",
    "kind": "kind",
    "objective": "objective",
    "norm": "‖M‖_F",
    "sigma_1": "σ₁",
    "singular_values": "leading σ",
    "optimum": "optimum ½Σ_{i>r}σ_i²",
}
SUMMARY = {
    "iterations": "iterations",
    "log10_iterations": "log₁₀ iterations",
    "loss": "loss f = ½‖UVᵀ − M‖_F²",
    "relative_residual": "residual ‖UVᵀ − M‖_F/‖M‖_F",
    "gap": "Eckart–Young gap",
    "gap_bound": "gap known to within",
    "gradient_norm": "gradient norm",
    "drift": "unbalance ‖D‖_F, D = UᵀU − VᵀV",
    "relative_drift": "‖D‖_F/‖M‖_F",
    "drift_change": "drift ‖D − D₀‖_F",
    "norm_ratio": "‖U‖_F²/‖V‖_F²",
    "ledger_audit": "ledger audit ‖(D − D₀) − ledger‖_F",
    "distance_bound": "distance to the plain iterates, at most",
    "passes": "passes over M",
    "seconds": "time",
}
_CLOCK = {"seconds", "steps_per_second", "rate", "started", "finished", "time", "date"}


def timeless(values: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that no clock had a part in.

    >>> timeless({"loss": 0.5, "seconds": 2.0, "setup_seconds": 1.0})
    {'loss': 0.5}
    """
    return {k: v for k, v in values.items() if k not in _CLOCK and not k.endswith("_seconds")}


def labelled(values: Mapping[str, Any], labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Label and text of each known value, the labelled ones first and in their order.

    A key without a label is shown under its own name: nothing in a result is hidden.

    >>> list(labelled({"new_thing": 2, "seconds": 90.0, "gap": None}, SUMMARY))
    [('time', '1 min 30 s'), ('new thing', '2')]
    """
    for key in [*(k for k in labels if k in values), *(k for k in values if k not in labels)]:
        value = values[key]
        if value is None or value == "" or value == [] or value == {}:
            continue
        yield labels.get(key, key.replace("_", " ")), _value_text(key, value)


def _value_text(key: str, value: Any) -> str:
    if key.endswith("seconds") and isinstance(value, (int, float)):
        return duration(value)
    if key.endswith("bytes") and isinstance(value, int):
        return format_bytes(value)
    return number(value)
