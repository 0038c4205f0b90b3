"""Places that do not go together, or with the rest of a run: refused, with ways out that are."""

from __future__ import annotations

import numpy as np
import pytest
from matrices import of_kind

from mfact.errors import SettingsError
from mfact.matrices.source import open_matrix
from mfact.run.refusals import FEW_STEPS, check, refuse_many_passes
from mfact.run.solve import resume, solve
from mfact.settings import RunSettings

SHAPE = (14, 11)


@pytest.fixture
def path(tmp_path):
    np.save(tmp_path / "M.npy", of_kind("noisy"))
    return str(tmp_path / "M.npy")


@pytest.mark.parametrize("asked", [
    {"workers": 2, "scheduler": "tcp://here"},
    {"workers": 2, "device": "cuda"},
    {"workers": 2, "device": "auto"},
    {"scheduler": "tcp://here", "device": "cuda"},
])  # fmt: skip
def test_two_places_are_one_too_many(asked):
    with pytest.raises(SettingsError, match=r"leave out one of them$") as error:
        check(RunSettings(rank=2, **asked), SHAPE)
    for name in asked:
        assert f"--{name}" in error.value.sentence
        check(RunSettings(rank=2, **{n: each for n, each in asked.items() if n != name}), SHAPE)


MANY = {
    "asked for": ({"engine": "direct"}, "--workers with --engine direct", "use --engine reduced",
                  {"engine": "reduced"}),
    "by its method": ({"method": "adam"}, "--workers with --method adam", "use another --method",
                      {"method": "nesterov"}),
    "one step more": ({"engine": "direct", "max_iter": FEW_STEPS + 1}, "--workers with",
                      "use --engine reduced", {"engine": "reduced"}),
    "two passes": ({"engine": "direct", "method": "alternating", "max_iter": 5000},
                   "10000 times in all with --max-iter 5000", "use --engine reduced",
                   {"engine": "reduced"}),
}  # fmt: skip


@pytest.mark.parametrize("name", MANY)
def test_a_pass_a_step_is_for_few_steps(path, cluster, name):
    asked, said, way, changed = MANY[name]
    asked = {"rank": 2, "seed": 1, "workers": 2, "schedule": "constant", **asked}
    with pytest.raises(SettingsError) as error:
        solve(open_matrix(path), **asked)
    assert said in error.value.sentence
    ways = f"{way}, or --max-iter {FEW_STEPS}, or run it all the same with --force"
    assert error.value.way_out == ways
    assert cluster.asked == []  # before anybody was connected to
    for other in (changed, {"max_iter": FEW_STEPS}, {"force": True}):
        refuse_many_passes(RunSettings(**{**asked, **other}))
    solve(open_matrix(path), **{**asked, **changed, "max_iter": FEW_STEPS})
    here = {**asked, "workers": None, "device": "cuda"}
    refuse_many_passes(RunSettings(**here))


def test_how_many_steps_is_said_where_no_limit_is_given(path):
    with pytest.raises(SettingsError, match="1000000 times in all without --max-iter"):
        solve(open_matrix(path), rank=2, engine="direct", scheduler="tcp://here")


def test_a_direct_run_goes_on_on_a_cluster_however_long_it_is(path, tmp_path, cluster):
    """Who resumes it has seen how long a step takes; and has no --force."""
    kept, asked = str(tmp_path / "c.h5"), {"rank": 2, "seed": 1, "schedule": "constant"}
    solve(open_matrix(path), **asked, engine="direct", max_iter=5, checkpoint=kept)
    for _ in range(2):
        resume(kept, open_matrix(path), max_iter=20, workers=2, max_time=1e-9)
    assert resume(kept, open_matrix(path), max_iter=5000, max_time=60).summary["iterations"] > 20
