"""What the bases of a run are forecast to take, and what happens where there is no room for it."""

from __future__ import annotations

import numpy as np
import pytest
from matrices import matrix

from mfact.errors import MemoryPlanError
from mfact.run import memory
from mfact.run.memory import memory_plan
from mfact.run.solve import solve
from mfact.settings import RunSettings
from mfact.storage.checkpoints import read_checkpoint

SHAPE = (300, 240)
SPECTRA = {
    "signal and noise": np.r_[np.linspace(1, 0.2, 5), 0.05 * np.linspace(1, 0.1, 235)],
    "no gap": np.linspace(1, 0.1, 240),
    "flat": 1 - 0.3 * np.linspace(0, 1, 240),
    "slow": 1 / np.sqrt(np.arange(1, 241)),
    "fast": 0.8 ** np.arange(240.0),
    "exact rank": np.r_[3.0, 2.0, 1.0, np.zeros(237)],
}


def flat():
    return matrix(np.random.default_rng(0), SHAPE, SPECTRA["flat"])[0]


def with_room_for_typical_bases(monkeypatch, settings):
    """No more than what most runs need is left for the bases; bytes of them."""
    plan = memory_plan(SHAPE, settings, matrix_bytes=0, available=0)
    monkeypatch.setattr(memory, "available_bytes", lambda most=None: plan.total)
    return plan.parts["bases"] // memory.COPIES_OF_BASES


@pytest.mark.parametrize("rank", [2, 5])
@pytest.mark.parametrize("spectrum", SPECTRA)
def test_the_forecast_is_what_runs_take(spectrum, rank, tmp_path):
    """Within a third and two passes: over fifty larger matrices it was 0.74 to 1.06 of it."""
    M, path = matrix(np.random.default_rng(0), SHAPE, SPECTRA[spectrum])[0], tmp_path / "c.h5"
    options = {"rank": rank, "schedule": "constant", "seed": 1, "tol": 1e-9, "force": True}
    solve(M, max_iter=50, checkpoint=str(path), **options)
    passes, columns = read_checkpoint(path)[1]["chosen"]["need"]
    run = solve(M, max_iter=3000, **options)
    took = run.trace["passes"][-1]
    assert 0.67 * passes - 2 <= took <= 1.33 * passes + 2
    assert run.summary["basis_size"] <= 1.33 * columns + 2 * 2 * max(rank, 4)


def test_a_run_whose_bases_will_not_fit_is_refused_before_its_first_step(monkeypatch):
    M = matrix(np.random.default_rng(0), SHAPE, SPECTRA["slow"])[0]
    settings = RunSettings(rank=5, schedule="constant", seed=1)
    with_room_for_typical_bases(monkeypatch, settings)
    with pytest.raises(MemoryPlanError) as refused:
        solve(M, settings, refuse=True)
    assert "columns a side" in refused.value.sentence
    ways = refused.value.way_out
    # Each way out is one: of the rank and the kind that are named the bases fit, and the run ends.
    assert "--dtype float32" in ways
    limit = int(ways.partition("--max-basis-bytes ")[2].split(",")[0])
    for way in ({"dtype": "float32"}, {"max_basis_bytes": limit}):
        run = solve(M, settings.changed(way), refuse=True, tol=1e-4)
        assert run.outcome.exit_code == 0
        beyond = any("each step passes over M" in note for note in run.summary.get("notes", []))
        assert beyond == ("max_basis_bytes" in way)


def test_one_that_is_not_to_be_refused_says_what_will_become_of_it(monkeypatch):
    M, settings = flat(), RunSettings(rank=5, schedule="constant", seed=1, tol=1e-4)
    limit = with_room_for_typical_bases(monkeypatch, settings)
    for run in (solve(M, settings), solve(M, settings.changed({"force": True}), refuse=True)):
        first, *_ = run.summary["notes"]
        assert first.startswith("the bases would hold about")
        assert f"its limit of {limit} bytes" in " ".join(run.summary["notes"])


def test_a_rank_that_fits_is_named(monkeypatch):
    """With a gap after 3: of rank 3 a few passes are enough, of rank 6 many."""
    sigma = np.r_[10.0, 9.0, 8.0, 1 - 0.3 * np.linspace(0, 1, 237)]
    M = matrix(np.random.default_rng(0), SHAPE, sigma)[0]
    settings = RunSettings(rank=6, schedule="constant", seed=1)
    with_room_for_typical_bases(monkeypatch, settings)
    with pytest.raises(MemoryPlanError, match=r"--rank 3\b"):
        solve(M, settings, refuse=True)
    run = solve(M, settings.changed({"rank": 3}), refuse=True)
    assert run.summary["basis_size"] > 0
