"""Provenance: true at the moment it is taken, JSON all through, and left out when asked."""

from __future__ import annotations

import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy
from threadpoolctl import threadpool_limits

import mfact
from mfact.core import Outcome, Result
from mfact.host.provenance import gather, repeatable


def test_versions_host_and_command_line_are_the_true_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mfact", "solve", "caf\udce9.npy"])
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    facts = gather()
    assert facts["mfact"] == mfact.__version__
    assert facts["python"] == platform.python_version()
    assert facts["libraries"]["numpy"] == np.__version__
    assert facts["libraries"]["scipy"] == scipy.__version__
    assert facts["libraries"]["h5py"] == h5py.__version__
    assert facts["host"] == os.uname().nodename
    assert facts["folder"] == str(tmp_path)
    assert facts["argv"] == ["mfact", "solve", "caf\udce9.npy"]
    assert facts["thread_variables"]["OMP_NUM_THREADS"] == "3"
    assert 1 <= facts["cpus"] <= (os.cpu_count() or 1)
    assert abs((datetime.now(UTC) - datetime.fromisoformat(facts["time"])).total_seconds()) < 60
    assert json.loads(json.dumps(facts)) == facts


def test_the_threads_are_those_in_force() -> None:
    with threadpool_limits(1, user_api="blas"):
        pools = gather([])["blas"]
    assert pools
    assert all(pool["threads"] == 1 for pool in pools if pool["library"] == "openblas")
    assert all(pool["version"] for pool in pools if pool["library"] == "openblas")


def test_a_folder_that_was_removed_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert gather([])["folder"] is None


def test_repeatable_drops_clock_and_place_and_nothing_else() -> None:
    result = Result(
        Outcome.CONVERGED,
        "done",
        np.eye(2),
        np.eye(2),
        {"step": np.arange(2), "seconds": np.ones(2)},
        {
            "name": "/data/M.h5:/group/M",
            "path": "/data/M.h5",
            "objective": "f = ½‖UVᵀ − M‖_F² + (λ/8)‖UᵀU − VᵀV‖_F²",
            "units": "1/M",
        },
        {
            "max_time": {"value": 5.0, "source": "flag"},
            "start": {"value": "runs/old.h5", "source": "flag"},
            "checkpoint": {"value": "/tmp/c.h5", "source": "flag"},
        },
        {"loss": 0.5, "seconds": 1.0, "setup_seconds": 2.0, "passes": [{"seconds": 1, "n": 2}]},
        provenance={"host": "here"},
    )
    back = repeatable(result)
    assert list(back.trace) == ["step"]
    assert back.problem == {
        "name": "M.h5:/group/M",
        "objective": result.problem["objective"],
        "units": "1/M",
    }
    assert back.settings == {
        "max_time": {"value": 5.0, "source": "flag"},
        "start": {"value": "old.h5", "source": "flag"},
    }
    assert back.summary == {"loss": 0.5, "passes": [{"n": 2}]}
    assert back.provenance == {}
    assert (back.outcome, back.message) == (result.outcome, result.message)
