"""What a network's run promises of its files and its views, by the command line."""

from __future__ import annotations

import csv
import io
import json
import os
import resource
import shlex
import xml.etree.ElementTree as ET

import h5py
import numpy as np
import pytest
from children import Child, litter, mfact
from network_cuts import data, prepared

from mfact.storage.network_runs import read_network_run

SHORT = ["network", "X.npy", "Y.npy", "--layers", "8r-6rb-3", "--step-size", 0.05, "--seed", 1]


@pytest.fixture
def folder(tmp_path):
    data(tmp_path)
    return tmp_path


def refused(folder, *args, code):
    """The one line that it is refused with; nothing is written."""
    before = {path: path.read_bytes() for path in folder.iterdir() if path.name[0] != "."}
    child = Child(folder, *args)
    assert (child.wait(), child.printed()) == (code, ""), child.said()
    assert child.said().count("\n") == 1, child.said()
    assert {path: path.read_bytes() for path in folder.iterdir() if path.name[0] != "."} == before
    return child.said()


@pytest.mark.parametrize("name", ["dual, nesterov", "batches"])
def test_a_higher_limit_goes_on(tmp_path, name):
    images = []
    for limit in (None, 97):
        folder = tmp_path / str(limit)
        folder.mkdir()
        command = prepared(folder, name)
        most = command[command.index("--max-iter") + 1]
        if limit is not None:
            mfact(folder, *command, "--max-iter", limit)
            assert read_network_run(folder / "run.h5").summary["iterations"] == limit
            mfact(folder, "resume", "c.h5", "--max-iter", most, "--reproducible")
        else:
            mfact(folder, *command)
        images.append(read_network_run(folder / "run.h5"))
    whole, went_on = images
    for part in ("weights", "start", "neurons", "trace"):
        ours, theirs = getattr(whole, part), getattr(went_on, part)
        assert {k: v.tobytes() for k, v in ours.items()} == {
            k: v.tobytes() for k, v in theirs.items()
        }, part
    assert repr(whole.claims) == repr(went_on.claims)


def test_a_limit_in_seconds_ends_a_run_with_its_result(folder):
    child = Child(folder, *SHORT, "--max-time", 0.3, "--max-iter", 10**8, "--checkpoint", "c.h5")
    assert child.wait() == 3
    assert "--max-time" in child.printed()
    steps = read_network_run(folder / "X.network.run.h5").summary["iterations"]
    assert 0 < steps < 10**6
    again = Child(folder, "resume", "c.h5", "--max-time", 1e5, "--max-iter", steps + 5)
    assert again.wait() == 0
    assert read_network_run(folder / "X.network.run.h5").summary["iterations"] == steps + 5


@pytest.mark.parametrize("name", ["X.npy", "Y.npy"])
def test_other_points_are_refused(folder, name):
    mfact(folder, *SHORT, "--max-iter", 30, "--checkpoint", "c.h5")
    A = np.load(folder / name)
    A[3, 1] = np.nextafter(A[3, 1], 9)
    np.save(folder / name, A)
    said = refused(folder, "resume", "c.h5", "--max-iter", 60, code=1)
    assert "c.h5 is from other points: their numbers differ" in said
    # And where nobody has said where to write, their run is not written over another's.
    said = refused(folder, *SHORT, "--max-iter", 5, code=2)
    assert "name another output with -o" in said
    mfact(folder, *SHORT, "--max-iter", 5, "-o", "other.h5")


def test_the_run_of_the_same_points_is_replaced_and_what_is_none_is_not(folder):
    mfact(folder, *SHORT, "--max-iter", 5)
    said = mfact(folder, *SHORT, "--max-iter", 6).said()
    assert "X.network.run.h5 is a run on these points" in said
    assert read_network_run(folder / "X.network.run.h5").summary["iterations"] == 6
    (folder / "X.network.run.h5").write_text("mine")
    assert "name another output" in refused(folder, *SHORT, "--max-iter", 5, code=2)


@pytest.mark.parametrize("limit", [0, 4096, 20_000])
def test_a_disk_that_is_full_leaves_what_was_there(folder, limit):
    mfact(folder, *SHORT, "--max-iter", 5)
    old = (folder / "X.network.run.h5").read_bytes()

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    (folder / ".err").write_bytes(b"")
    child = Child(folder, *SHORT, "--max-iter", 300, "-q", before=small)
    assert child.wait() == 1
    assert (folder / "X.network.run.h5").read_bytes() == old
    assert litter(folder) == []
    if limit:
        assert "X.network.run.h5" in child.said()
        assert "Traceback" not in child.said()


def test_a_checkpoint_that_cannot_be_written_is_refused_before_the_run(folder):
    (folder / "c.h5").mkdir()
    child = Child(folder, *SHORT, "--max-iter", 5, "--checkpoint", "c.h5")
    assert child.wait() == 1
    assert "is a folder" in child.said()
    assert not (folder / "X.network.run.h5").exists()


@pytest.mark.parametrize("every", [None, 1, 7])
def test_the_stream_is_the_trace_of_the_file(folder, every):
    more = [] if every is None else ["--every", every]
    child = mfact(folder, *SHORT, "--max-iter", 50, *more, "--format", "jsonl", "-o", "r.h5")
    *rows, last = map(json.loads, child.printed().splitlines())
    run = read_network_run(folder / "r.h5")
    rows = [row for row in rows if "step" in row]
    assert rows[-1]["step"] == 50
    kept = {int(step): i for i, step in enumerate(run.trace["step"])}
    assert {row["step"] for row in rows} >= kept.keys()
    for row in rows:
        if row["step"] in kept:
            for name, column in run.trace.items():
                value = row.get(name)
                if value is not None:
                    assert value == column[kept[row["step"]]], (name, row["step"])
    assert last["outcome"]


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown", "junit", "github"])
@pytest.mark.parametrize("name", ["dual", "convolutions", "generated"])
def test_show_is_what_the_command_printed(tmp_path, form, name):
    child = mfact(tmp_path, *prepared(tmp_path, name), "--format", form, "--no-timing")
    printed = child.printed()
    if form == "json":
        assert json.loads(printed)["summary"]["iterations"]
    elif form == "csv":
        rows = list(csv.reader(io.StringIO(printed)))
        assert {len(row) for row in rows} == {len(rows[0])}
    elif form == "junit":
        assert ET.fromstring(printed).iter("testcase")
    shown = mfact(tmp_path, "show", "run.h5", "--format", form, "--no-timing", "--reproducible")
    assert shown.printed() == printed


@pytest.mark.parametrize("name", ["convolutions", "generated", "shared, float32"])
def test_the_line_of_show_repeats_the_run_to_the_byte(tmp_path, name):
    mfact(tmp_path, *prepared(tmp_path, name))
    image = (tmp_path / "run.h5").read_bytes()
    line = mfact(tmp_path, "show", "run.h5", "--command").printed()
    (tmp_path / "run.h5").unlink()
    words = shlex.split(line)
    assert words[:2] == ["mfact", "network"]
    mfact(tmp_path, *words[1:], "-o", "run.h5", "--reproducible")
    assert (tmp_path / "run.h5").read_bytes() == image


def test_the_line_of_show_names_datasets(folder):
    with h5py.File(folder / "both.h5", "w") as file:
        file["a/X"], file["a/Y"] = np.load(folder / "X.npy"), np.load(folder / "Y.npy")
    command = ["network", "both.h5:/a/X", "both.h5:/a/Y", *SHORT[3:], "--max-iter", 20]
    mfact(folder, *command, "-o", "run.h5", "--checkpoint", "c.h5", "--reproducible")
    image = (folder / "run.h5").read_bytes()
    line = mfact(folder, "show", "run.h5", "--command").printed()
    mfact(folder, *shlex.split(line)[1:], "-o", "run.h5", "--reproducible")
    assert (folder / "run.h5").read_bytes() == image
    mfact(folder, "resume", "c.h5", "--max-iter", 25)
    assert read_network_run(folder / "run.h5").summary["iterations"] == 25


def test_quiet_log_config_and_environment(folder):
    (folder / "run.toml").write_text('layers = "8r-6rb-3"\nstep-size = 0.05\nmax-iter = 9\n')
    command = ["network", "X.npy", "Y.npy", "--config", "run.toml", "--seed", 1]
    child = mfact(folder, *command, "-q", "--log-file", "log.txt")
    assert (child.printed(), child.said()) == ("", "")
    assert "wrote X.network.run.h5" in (folder / "log.txt").read_text()
    run = read_network_run(folder / "X.network.run.h5")
    assert run.settings["step_size"] == {"value": 0.05, "source": "config"}
    line = mfact(folder, "show", "X.network.run.h5", "--command").printed()
    assert "--layers 8r-6rb-3" in line
    assert "--max-iter 9" in line
    child = mfact(folder, *command, before=lambda: os.environ.update(MFACT_MAX_ITER="7"))
    run = read_network_run(folder / "X.network.run.h5")
    assert run.settings["max_iter"] == {"value": 7, "source": "environment"}
    assert run.summary["iterations"] == 7


def test_points_through_a_pipe_are_refused_as_such(folder):
    said = refused(folder, "network", "/dev/stdin", "Y.npy", *SHORT[3:], code=1)
    assert "/dev/stdin" in said
