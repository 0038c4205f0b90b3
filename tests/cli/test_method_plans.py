"""What is foretold of methods: the forecast is of gradient descent, passes are of each."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mfact.matrices.source import open_matrix
from mfact.methods.choice import METHODS
from mfact.run.solve import solve
from mfact.targets.door import held

QUICK = ("-r", "2", "--schedule", "constant", "--seed", "1", "--no-output")
ONLY = "iterations     forecast for gradient descent only"


@pytest.mark.parametrize("name", METHODS)
def test_a_dry_run_says_whose_forecast_there_is(mfact, rank_two, name):
    code, out, err = mfact("solve", rank_two, *QUICK, "--method", name, "--dry-run")
    assert (code, err) == (0, "")
    assert (ONLY in out) == (name != "gradient-descent")
    assert ("iterations     about " in out) == (name == "gradient-descent")
    assert "beside the passes" not in out or name == "gradient-descent"


@pytest.mark.parametrize("name", METHODS)
def test_a_dry_run_tells_the_passes_that_steps_take(mfact, rank_two, name):
    args = ("solve", rank_two, *QUICK, "--method", name, "--engine", "direct", "--every", "1")
    page = mfact(*args, "--dry-run")[1]
    plan, run = (
        json.loads(mfact(*args, "--format", "json", *more)[1]) for more in (("--dry-run",), ())
    )
    a_step = set(np.diff(run["trace"]["passes"]).tolist())
    assert a_step == {plan["passes"]["a_step"]}
    assert f", {'two' if a_step == {2} else 'one'} more a step, " in page
    for name, entry in run["settings"].items():
        assert name == "every" or plan["settings"][name] == entry


@pytest.mark.parametrize("name", [name for name in METHODS if name != "adam"])
def test_in_bases_no_step_takes_a_pass(mfact, rank_two, name):
    args = ("solve", rank_two, *QUICK, "--method", name, "--format", "json")
    plan, run = (json.loads(mfact(*args, *more)[1]) for more in (("--dry-run",), ()))
    assert plan["passes"]["a_step"] == 0
    assert plan["passes"]["in_all"] <= run["summary"]["passes"] + 2
    told = run["settings"]["engine"]["used"]
    each = "two" if METHODS[name].passes == 2 else "one"
    assert f"a few dozen passes over M instead of {each} a step" in told
    assert ("forecast: " in told) == (name == "gradient-descent")


@pytest.mark.parametrize(
    ("name", "told"), [("alternating", "two more a step"), ("momentum", "one more a step")]
)
def test_a_note_tells_the_passes_of_steps_on_a_matrix_in_its_file(rank_two, tmp_path, name, told):
    said: list[str] = []
    M = held(open_matrix(str(tmp_path / rank_two)), "float64").streamed()
    options = {"rank": 2, "seed": 1, "engine": "direct", "max_iter": 2, "method": name}
    solve(M, **options, note=said.append)
    (note,) = [text for text in said if text.startswith("M stays")]
    assert note.endswith(f", {told}")


def test_inspect_says_whose_steps_it_foretells(mfact, rank_two):
    out = mfact("inspect", rank_two)[1]
    assert "\nForecast of gradient descent (rank 2, to a gap of 1e-10, " in out
