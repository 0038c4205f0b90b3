"""A Result made by hand, with one of everything a view must show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mfact.core import Claim, Outcome, Result, Verdict


def handmade(**changes: Any) -> Result:
    """A small converged run whose numbers are chosen, so that views can be compared by text."""
    steps = np.array([0, 10, 20, 30, 40], dtype=np.int64)
    trace = {
        "step": steps,
        "loss": np.array([1234567.0, 12.5, 1.25e-3, 1.25e-9, 1.5e-13]),
        "relative_residual": np.array([1.0, 3.2e-3, 3.2e-5, 3.2e-8, 3.5e-10]),
        "gap": np.array([1.0, 1e-5, 1e-9, 1e-15, np.nan]),
        "gradient_norm": np.array([10.0, 1.0, 0.1, 1e-4, 1e-6]),
        "step_size": np.full(5, 0.0123),
        "imbalance": np.array([0.0, 1e-4, 1.1e-4, 1.11e-4, 1.111e-4]),
        "drift": np.array([0.0, 1e-4, 1.1e-4, 1.11e-4, 1.111e-4]),
        "ledger": np.array([0.0, 1e-4, 1.1e-4, 1.11e-4, 1.111e-4]),
        "audit": np.array([0.0, 1e-17, 1e-17, 1e-17, 2e-17]),
        "log10_step": np.full(5, np.nan),
    }
    result = Result(
        outcome=Outcome.GLOBAL_OPTIMUM,
        message="The Eckart–Young gap is below --tol 1e-10.",
        U=np.arange(12.0).reshape(6, 2),
        V=np.arange(8.0).reshape(4, 2),
        trace=trace,
        problem={
            "name": "weights [1].npy",
            "path": "data dir/weights [1].npy",
            "kind": "float64, dense",
            "objective": "f(U, V) = ½‖UVᵀ − M‖_F²",
            "norm": 12.345678901234,
            "sigma_1": 10.5,
            "sigma_1_error": 1e-9,
            "shape": [6, 4],
            "optimum": 0.0,
        },
        settings={
            "rank": {"value": 2, "source": "flag"},
            "schedule": {"value": "auto", "source": "default", "used": "constant"},
            "engine": {"value": "auto", "source": "flag", "used": "reduced: fewer passes over M"},
            "step_size": {"value": None, "source": "default", "used": 0.000796835},
            "seed": {"value": 7, "source": "drawn"},
            "tol": {"value": 1e-10, "source": "environment"},
            "optimum": {"value": True, "source": "default"},
            "max_time": {"value": None, "source": "default"},
        },
        summary={
            "iterations": 40,
            "loss": 1.5e-13,
            "relative_residual": 3.5e-10,
            "gap": float("nan"),
            "imbalance": 1.111e-4,
            "ledger_audit": 2e-17,
            "passes": 17,
            "seconds": 0.25,
        },
        claims=(
            Claim("lemma-3.1-i", "‖D_t‖_F ≤ ε for all t", Verdict.HOLDS,
                  "largest 1.111e-04 at t = 40", "Lemma 3.1", {"largest": 1.111e-4}),
            Claim("theorem-3.2", "the ratio stays within [c₀, C₀]", Verdict.NOT_MET,
                  "the rank is 2, not 1", "Theorem 3.2", {"bound": float("inf")}),
        ),
        provenance={"mfact": "0.1.0", "time": "2020-01-01T00:00:00+00:00", "host": "here"},
    )  # fmt: skip
    return replace(result, **changes)
