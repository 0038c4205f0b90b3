"""-r as a share or auto, as a user types it: in all commands, config files, the environment."""

from __future__ import annotations

import json
import re
import shlex

import numpy as np
import pytest
from matrices import matrix

import mfact as face
from mfact.storage.runs import read_run

NOISE = np.random.default_rng(1).standard_normal((19, 13))
RUN = ("--schedule", "constant", "--seed", 1)


@pytest.fixture
def three(tmp_path):
    """The name of a file of three large singular values and three small ones."""
    M = matrix(np.random.default_rng(4), (23, 17), [9.0, 7.0, 5.0, 0.3, 0.2, 0.1])[0]
    M += 1e-2 * np.random.default_rng(2).standard_normal(M.shape)
    np.save(tmp_path / "three.npy", M)
    return "three.npy"


@pytest.fixture
def noise(tmp_path):
    np.save(tmp_path / "noise.npy", NOISE)
    return "noise.npy"


@pytest.mark.parametrize("typed", ["90%", "90.0 %", "auto", "AUTO"])
def test_solve(mfact, three, typed):
    code, out, err = mfact("solve", three, "-r", typed, *RUN, "-o", "run.h5")
    run = read_run("run.h5")
    wish = "auto" if typed.lower() == "auto" else "90%"
    assert (code, run.problem["rank"]) == (0, 3)
    assert run.settings["rank"] == {"value": wish, "source": "flag", "used": 3}
    why = "the largest gap: σ_3/σ_4 = " if wish == "auto" else "the fewest that hold 90 % of ‖M‖_F²"
    assert f"mfact: note: rank 3, {why}" in err
    assert f"note  rank 3, {why}" in out
    assert "flag     rank 3, " in out
    share = np.floor(1e4 * run.summary["explained"]) / 100
    assert f"explained of ‖M‖_F²   {share:.2f} %" in out
    assert re.search(rf"rank +3 +{wish}, flag", mfact("show", "run.h5", "--full")[1])


def test_the_command_that_show_gives_makes_the_same_run(mfact, three):
    mfact("solve", three, "-r", "90%", *RUN, "-o", "one.h5", "-q")
    line = mfact("show", "one.h5", "--command")[1]
    assert " --rank 90% " in line
    assert mfact(*shlex.split(line)[1:], "-o", "two.h5", "-q")[0] == 0
    assert mfact("diff", "one.h5", "two.h5", "-q")[0] == 0
    assert np.array_equal(read_run("one.h5").U, read_run("two.h5").U)


def test_a_requirement_of_the_share(mfact, three):
    mfact("solve", three, "-r", "90%", *RUN, "-o", "run.h5", "-q")
    for least, code in ((0.9, 0), (0.9999999, 3)):
        got, out, _ = mfact("check", "run.h5", "--require", f"explained>={least}")
        assert (got == 0) == (code == 0)
        assert ("the requirement is met" in out) == (code == 0)


def test_config_files_and_the_environment(mfact, three, tmp_path, monkeypatch):
    (tmp_path / "run.toml").write_text('rank = "90%"\nschedule = "constant"\n')
    mfact("solve", three, "--config", "run.toml", "--seed", 1, "-o", "one.h5", "-q")
    monkeypatch.setenv("MFACT_RANK", "Auto")
    mfact("solve", three, *RUN, "-o", "two.h5", "-q")
    told = [read_run(name).settings["rank"] for name in ("one.h5", "two.h5")]
    assert told == [
        {"value": "90%", "source": "config", "used": 3},
        {"value": "auto", "source": "environment", "used": 3},
    ]
    monkeypatch.delenv("MFACT_RANK")
    (tmp_path / "run.toml").write_text("rank = 0.9\n")
    code, _, err = mfact("solve", three, "--config", "run.toml")
    assert (code, "'rank': 0.9 is not a whole number: of a share write 90%" in err) == (2, True)


@pytest.mark.parametrize("command", [("solve",), ("solve", "--dry-run"), ("flow",), ("inspect",)])
def test_without_a_gap_it_is_refused_and_the_way_out_is_one(mfact, noise, command):
    name, *flags = command
    code, out, err = mfact(name, noise, "-r", "auto", *flags, "--format", "json")
    assert (code, out) == (2, "")
    assert "--rank auto finds none: no clear " in err
    assert err.count("\n") == 1
    way_out = re.search(r"use --rank (\S+),", err)[1]
    assert mfact(name, noise, "-r", way_out, *flags, "--format", "json")[0] in (0, 3)


def test_inspect_and_flow_say_which_rank_it_is(mfact, three):
    out = " ".join(mfact("inspect", three, "-r", "90%")[1].split())
    assert "Forecast of gradient descent (rank 3, the fewest that hold 90 % of ‖M‖_F², " in out
    found = json.loads(mfact("inspect", three, "-r", "auto", "--format", "json")[1])
    assert found["forecast"]["rank"] == found["suggested_rank"] == 3
    assert found["forecast"]["why"] == found["reason"]
    assert "rank                   3, the fewest that hold" in mfact("flow", three, "-r", "90%")[1]


def test_compare(mfact, three):
    told = json.loads(
        mfact("compare", three, "-r", "90%", *RUN[:2], "--vary", "seed=1,2", "--format", "json",
              "-o", "kept")[1])  # fmt: skip
    assert [run["name"] for run in told["runs"]] == ["seed=1", "seed=2"]
    assert read_run("kept/three.seed=1.run.h5").settings["rank"]["value"] == "90%"
    vary = ("--vary", "rank=50%,auto,2", "--format", "json")
    told = json.loads(mfact("compare", three, *RUN, *vary)[1])
    assert [run["differs"] for run in told["runs"]] == [{"rank": r} for r in ("1", "3", "2")]


def test_a_comparison_without_a_gap_is_refused(mfact, noise):
    code, _, err = mfact("compare", noise, "-r", "auto", "--vary", "seed=1,2")
    assert (code, "--rank auto finds none" in err) == (2, True)


@pytest.mark.parametrize(
    "line", ["sweep three.npy -r 95%", "figure 1 three.npy -r auto", "generate a.npy -r 95%"]
)
def test_commands_that_need_a_number_say_so(mfact, three, line):
    shape = ["--shape", "4x3"] if line.startswith("generate") else []
    code, _, err = mfact(*line.split(), *shape)
    assert (code, f"{line.split()[-1]}' is not a whole number" in err) == (2, True)


def test_python(three, tmp_path):
    M = np.load(tmp_path / three)
    one = face.solve(M, "90%", schedule="constant", seed=1)
    settings = face.RunSettings(rank="90%", schedule="constant", seed=1)
    assert one.U.shape == (23, 3)
    assert np.array_equal(one.U, face.solve(M, settings).U)
    assert one.settings["rank"] == {"value": "90%", "source": "argument", "used": 3}
    assert face.check(one, M, require=["explained>=0.9"]).holds
    assert face.flow(M, "auto", points=2).rank == face.inspect(M, rank="auto").forecast.rank == 3
    rows = face.compare(M, "90%", vary={"seed": [1, 2]}, schedule="constant").rows
    assert [row["outcome"] for row in rows] == ["GLOBAL_OPTIMUM"] * 2
    refused = r'^rank="auto" finds none: .*: use rank="95%", or a number$'
    with pytest.raises(face.MfactError, match=refused):
        face.solve(NOISE, "auto")
    for wrong in (0.9, "0.9", "lots", "0%"):
        with pytest.raises(face.MfactError, match='a share as "95%", or "auto"'):
            face.solve(M, wrong)
