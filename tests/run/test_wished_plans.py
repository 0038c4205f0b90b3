"""What is planned for a run whose rank is to be found: memory, passes."""

from __future__ import annotations

import re

import numpy as np
import pytest
from matrices import matrix

from mfact.errors import MemoryPlanError
from mfact.matrices.source import open_matrix
from mfact.run import wished
from mfact.run.solve import solve
from mfact.settings import RunSettings
from mfact.studies.dry_run import dry_run
from mfact.studies.making import Made
from mfact.studies.variations import variations
from mfact.targets.door import held

M = matrix(np.random.default_rng(4), (23, 17), [9.0, 7.0, 5.0, 0.3, 0.2, 0.1])[0]
ASKED = {"schedule": "constant", "seed": 1}
DRY = {"sources": {}, "output": None, "files": {}, "admit": lambda fingerprint: None}


def test_a_plan_tells_it_too(tmp_path):
    path = str(tmp_path / "M.npy")
    np.save(path, M)
    one, other = (
        dry_run(open_matrix(path), RunSettings(rank=rank, **ASKED), **DRY) for rank in ("90%", 3)
    )
    assert one["problem"] == other["problem"]
    assert one["settings"]["rank"] == {"value": "90%", "source": "default", "used": 3}
    assert one["notes"] == ["rank 3, the fewest that hold 90 % of ‖M‖_F²", *other["notes"]]
    for name in ("so_far", "in_all"):
        assert one["passes"][name] == other["passes"][name] + 1
    assert one["passes"]["bytes_each"] == other["passes"]["bytes_each"] == M.nbytes
    assert one["memory"]["parts"] == other["memory"]["parts"]


@pytest.mark.parametrize("limit", [90, 130])
def test_without_room_to_find_it_the_way_out_is_one(monkeypatch, limit):
    monkeypatch.setattr(wished, "leading_bytes", lambda *given: 20 << 20)
    with pytest.raises(MemoryPlanError, match="finding the rank needs") as refused:
        solve(M, rank="90%", max_memory=limit << 20, threads=1, **ASKED)
    enough = int(re.search(r"use --max-memory (\d+)M", str(refused.value))[1])
    assert ("or give --rank a number" in str(refused.value)) == (limit == 130)
    assert solve(M, rank="90%", max_memory=enough << 20, threads=1, **ASKED).problem["rank"] == 3
    if limit == 130:
        assert solve(M, rank=3, max_memory=limit << 20, threads=1, **ASKED).problem["rank"] == 3


def test_a_comparison_has_no_more_room_to_find_it(monkeypatch):
    monkeypatch.setattr(wished, "leading_bytes", lambda *given: 20 << 20)
    asked = RunSettings(rank="90%", max_memory=130 << 20, threads=1, **ASKED)
    with pytest.raises(MemoryPlanError, match="finding the rank needs"):
        list(Made(lambda kind: held(M, kind), variations(asked, {"seed": (1, 2)}), None))


def test_passes_in_all_are_no_fewer_than_were_taken():
    A = np.random.default_rng(1).standard_normal((60, 50))
    for rank in (40, 45, "90%", "99%"):
        passes = dry_run(A, RunSettings(rank=rank, **ASKED), **DRY)["passes"]
        assert passes["in_all"] >= passes["so_far"]
