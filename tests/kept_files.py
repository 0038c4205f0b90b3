"""Small sweeps and balances as they are kept."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mfact.report.balance_document import document
from mfact.report.machine import json_text
from mfact.settings import SweepSettings
from mfact.storage.sweeps import SweepRecord
from mfact.studies.balance import audit
from mfact.studies.checkpoints import opened
from mfact.studies.sweep import growth, recorded, sweep

CHECKPOINTS = Path(__file__).parents[1] / "data" / "network"
PROBLEM = {"name": "M.npy", "path": "here/M.npy", "dataset": None, "shape": [9, 7]}


@cache
def record_of(grown: tuple[int, ...] = (), *, alone: bool = False, **options: Any) -> SweepRecord:
    """A sweep of a 9×7 matrix of rank 2, or alone of d×d ones."""
    settings = SweepSettings(**{"seeds": 40, "seed": 3, **options})
    runs = None if alone else sweep(np.array([3.0, 1.0]), (9, 7), settings)
    made = growth(grown, None if alone else np.array([3.0, 1.0]), settings)
    problem = {} if alone else PROBLEM
    return recorded(runs, made, (2.0, 5.0, 100.0), problem=problem)


@cache
def _balance(count: int) -> str:
    files = sorted(CHECKPOINTS.glob("*.safetensors"))[-count:]
    return "".join(json_text(document(audit(opened(files)))))


def balance_of(count: int) -> dict[str, Any]:
    """What `mfact balance` finds in so many of the checkpoints of data/network."""
    return copy.deepcopy(json.loads(_balance(count)))
