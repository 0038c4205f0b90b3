"""--workers, --scheduler and --device as a user meets them, with a cluster that is none."""

from __future__ import annotations

import json

import numpy as np
import pytest
from matrices import noisy

from mfact.errors import StorageError
from mfact.storage.runs import read_run

QUICK = ("--schedule", "constant", "--seed", 1)


@pytest.fixture
def M(tmp_path):
    """Of which a run takes passes while its steps go on."""
    np.save(tmp_path / "M.npy", noisy(np.random.default_rng(1), (150, 120), [30, 20, 10.0], 0.3))
    return "M.npy"


def test_a_cluster_that_dies_is_said_in_a_line_and_its_way_out_taken(mfact, M, cluster):
    whole = mfact("solve", M, "-r", 2, *QUICK, "--scheduler", "here", "--reproducible", "-q",
                  "-o", "whole.h5")  # fmt: skip
    assert whole[0] == 0
    cluster.at, cluster.error = 9, StorageError("the scheduler is gone", "start it again")
    code, out, err = mfact("solve", M, "-r", 2, *QUICK, "--scheduler", "here", "--reproducible")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == (
        "mfact: the scheduler is gone: start it again, then resume with `mfact resume"
        " M.run.h5.checkpoint`, and --scheduler for a cluster"
    )
    cluster.at = None
    for more in ((), ("--workers", 2)):
        code, _, err = mfact("resume", "M.run.h5.checkpoint", "--reproducible", *more)
        assert (code, "warning" in err) == (0, False)
        assert ("the scheduler is at tcp://here" in err) == bool(more)
        ours, theirs = read_run("M.run.h5"), read_run("whole.h5")
        assert ours.U.tobytes() == theirs.U.tobytes()
        assert ours.trace["gap"].tobytes() == theirs.trace["gap"].tobytes()
        assert ours.summary["passes"] == theirs.summary["passes"]
    assert cluster.asked == [("here", None), ("here", None), (None, 2)]


def test_compare_holds_m_there_once_for_all_runs(mfact, M, cluster):
    code, out, err = mfact("compare", M, "--vary", "rank=1,2", "--vary", "method=momentum,adam",
                           *QUICK, "--workers", 2, "--format", "json")  # fmt: skip
    assert code == 3  # what is refused was not begun
    assert len(cluster.asked) == len(cluster.made) == 1
    assert not cluster.open
    found = json.loads(out)
    assert [run["differs"]["rank"] for run in found["runs"]] == ["1", "2"]
    assert len(found["refused"]) == 2
    assert "passes over M in each step" in str(found["refused"])
    assert err == "mfact: note: the scheduler is at tcp://here\n"
    for run in found["runs"]:
        alone = mfact("solve", M, "-r", run["differs"]["rank"], "--method", "momentum", *QUICK,
                      "--workers", 1, "--no-output", "--format", "json")  # fmt: skip
        assert json.loads(alone[1])["summary"]["gap"] == run["gap"]


def test_compare_refuses_to_vary_where_m_is(mfact, M, cluster, card):
    for varied, said in (
        ("workers=1,2", "--workers changes no result: vary another option"),
        ("scheduler=a,b", "--scheduler changes no result: vary another option"),
        ("device=cpu,cuda", "--device is that of all runs, which share M: give it beside --vary"),
    ):
        code, out, err = mfact("compare", M, "-r", 2, "--vary", varied)
        assert (code, out, err) == (2, "", f"mfact: {said}\n")
    code, _, err = mfact("compare", M, "--vary", "rank=1,2", *QUICK, "--device", "cuda", "-q")
    assert (code, err, len(card.made)) == (0, "", 1)
    assert cluster.asked == []


def test_runs_that_differ_in_who_held_m_are_told_apart_by_nothing(mfact, M, cluster, card):
    for name, asked in (("a", ("--workers", 1)), ("b", ("--scheduler", "x")),
                        ("c", ("--device", "cuda"))):  # fmt: skip
        assert mfact("solve", M, "-r", 2, *QUICK, *asked, "-q", "-o", f"{name}.h5")[0] == 0
    found = json.loads(mfact("compare", "a.h5", "b.h5", "--format", "json")[1])
    assert found["differ_in"] == []
    found = json.loads(mfact("compare", "a.h5", "c.h5", "--format", "json")[1])
    assert found["differ_in"] == ["device"]


def test_a_dry_run_shows_the_cluster(mfact, M, cluster):
    code, out, _ = mfact("solve", M, "-r", 2, *QUICK, "--workers", 2, "--dry-run")
    assert code == 0
    for said in (
        "buffers: a cluster holds M",
        "M held by a cluster\n  workers         2\n  shards          3\n",
        "a worker needs  5.0 MiB of 6.0 GiB",
        "a pass          4 tasks, about 7.8 KiB move",
        "their time     about ",
    ):
        assert said in out
    assert "note           the scheduler is at tcp://here" in out


def test_no_command_takes_these_options_in_vain(mfact, M, cluster, tmp_path, monkeypatch):
    (tmp_path / "run.toml").write_text("workers = 2\n")
    assert mfact("solve", M, "-r", 1, *QUICK, "-q", "--config", "run.toml")[0] == 0
    assert cluster.asked == [(None, 2)]
    for command in (("sweep", M), ("flow", M, "-r", 1), ("inspect", M), ("check", "M.run.h5")):
        for option in (("--workers", 2), ("--scheduler", "x"), ("--device", "cuda")):
            code, _, err = mfact(*command, *option)
            assert code == 2
            assert f"no such option '{option[0]}'" in err
    code, _, err = mfact("network", "--layers", "3-2", "--config", "run.toml")
    assert (code, "unknown key 'workers'" in err) == (2, True)
    monkeypatch.setenv("MFACT_WORKERS", "3")
    assert mfact("solve", M, "-r", 1, *QUICK, "-q")[0] == 0
    assert cluster.asked[1:] == [(None, 3)]
    net = ("--layers", "3-2", "--data", "uniform", "--targets", "network", "--points-count", 5)
    steps = ("--step-size", 0.1, "--max-iter", 2, "--checkpoint", "n.h5", "--no-output", "-q")
    assert mfact("network", *net, *steps)[0] == 0
    code, _, err = mfact("resume", "n.h5", "--max-iter", 3)
    assert code == 2
    assert "--workers has no meaning with a network's checkpoint: leave it out" in err
