"""Small results whose files can be told apart, and checked in every part."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from mfact.core import Outcome, Result
from mfact.storage.images import same_bits
from mfact.storage.runs import read_run


def result(fill: float) -> Result:
    U = np.full((40, 3), fill)
    trace = {"step": np.arange(5), "loss": np.full(5, fill)}
    return Result(Outcome.CONVERGED, "", U, -U[:30], trace, {}, {}, {"fill": fill})


OLD, NEW = result(1.0), result(2.0)


def content(path: Path) -> float:
    """The fill of the run file at path, after every part of it was found to agree."""
    back = read_run(path)
    truth = result(back.summary["fill"])
    assert same_bits(back.U, truth.U)
    assert same_bits(back.V, truth.V)
    assert all(same_bits(back.trace[name], truth.trace[name]) for name in truth.trace)
    return float(back.summary["fill"])


def example(**changes: Any) -> Result:
    trace = {"step": np.array([0, 10]), "loss": np.array([1.0, 0.25])}
    settings = {"tol": {"value": 1e-10, "source": "default"}}
    result = Result(
        Outcome.GLOBAL_OPTIMUM,
        "done",
        np.arange(6.0).reshape(3, 2),
        np.ones((4, 2)),
        trace,
        {"name": "M.npy", "shape": [3, 4], "objective": "f = ½‖UVᵀ − M‖_F²"},
        settings,
        {"loss": 0.25, "seconds": 1.5},
        provenance={"host": "here"},
    )
    return dataclasses.replace(result, **changes)
