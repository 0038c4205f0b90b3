"""Where M is held: a cluster has the bits of the file, and no run is begun where it cannot be."""

from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.sparse
from cut_runs import assert_same
from fake_places import TOLD
from matrices import noisy

from mfact.errors import SettingsError, StorageError
from mfact.krylov.columns import block_columns
from mfact.matrices.source import open_matrix
from mfact.run.checkpoint import read
from mfact.run.memory import SUMMED_BLOCKS, plan_of
from mfact.run.solve import resume, solve
from mfact.settings import RunSettings
from mfact.storage.checkpoints import read_checkpoint, write_checkpoint
from mfact.storage.runs import run_image
from mfact.studies.dry_run import dry_run
from mfact.targets import streamed
from mfact.targets.door import held

CONSTANT = {"rank": 2, "schedule": "constant", "seed": 1, "modes": "on"}


@pytest.fixture(autouse=True)
def _small_slabs(monkeypatch):
    monkeypatch.setattr(streamed, "SLAB_BYTES", 20_000)


@pytest.fixture
def path(tmp_path):
    np.save(tmp_path / "M.npy", noisy(np.random.default_rng(1), (150, 120), [30, 20, 10.0], 0.3))
    return str(tmp_path / "M.npy")


def in_file(path):
    return held(open_matrix(path), "float64").streamed()


def test_a_run_on_a_cluster_is_that_in_its_file_bit_for_bit(path, cluster):
    one = solve(in_file(path), **CONSTANT, reproducible=True)
    other = solve(open_matrix(path), **CONSTANT, workers=2, reproducible=True)
    assert cluster.asked == [(None, 2)]
    assert not cluster.open
    assert_same(one, other, changed=("workers",))
    # And as files: which cluster it was is no part of a result that equal runs share.
    assert run_image(one, reproducible=True) == run_image(other, reproducible=True)
    third = solve(open_matrix(path), **CONSTANT, scheduler="tcp://here", reproducible=True)
    assert run_image(third, reproducible=True) == run_image(one, reproducible=True)
    assert cluster.asked[1:] == [("tcp://here", None)]


def test_the_norm_and_the_sums_come_with_its_first_pass(path, cluster):
    result = solve(open_matrix(path), **CONSTANT, workers=1)
    (target,) = cluster.made
    assert target.readings == result.summary["passes"]


def test_what_is_told_of_the_place(path, cluster, card):
    result = solve(open_matrix(path), **CONSTANT, workers=2)
    assert result.provenance["cluster"] == TOLD
    assert result.problem["held"] == "in its file"
    result = solve(open_matrix(path), **CONSTANT, device="auto")
    assert result.provenance["device"] == {"worker_limit": 1 << 34}
    assert result.problem["device"] == "a card"
    assert result.settings["device"] == {"value": "auto", "source": "default", "used": "cuda"}
    card.most = 0
    notes = []
    result = solve(open_matrix(path), **CONSTANT, device="auto", note=notes.append)
    assert "device" not in result.problem
    assert result.settings["device"]["used"] == "cpu"
    assert notes[0] == "there is no device: M is held here"


def test_what_is_said_of_its_passes(path, cluster, card):
    notes, told = [], []
    how = {"note": notes.append, "busy": lambda *words: told.append(words)}
    # One thread, which so is the one that tells of the last slab.
    result = solve(open_matrix(path), **CONSTANT, workers=2, threads=1, **how)
    assert re.fullmatch(
        r"M is held by a cluster, 2 workers, 3 shards: each pass goes through 140\.6 KiB, in \S+ s"
        r" at \S+ \S+ a second; \d+ passes so far, about \d+ in all", notes[-1])  # fmt: skip
    assert ("multiplying M", f"140.6 KiB of 140.6 KiB, pass {result.summary['passes']}") in told
    assert "reading M" not in dict(told)
    solve(open_matrix(path), **CONSTANT, device="cuda", **how)
    told = r"M is held on a card: each pass goes through 140\.6 KiB; \d+ passes so far, about \d+"
    assert re.fullmatch(rf"{told} in all", notes[-1])


def test_an_array_goes_to_a_device_and_to_no_cluster(path, cluster, card):
    M = np.load(path)
    one, other = solve(M, **CONSTANT, device="cuda"), solve(M, **CONSTANT)
    assert len(card.made) == 1
    np.testing.assert_allclose(one.U @ one.V.T, other.U @ other.V.T, atol=1e-11)
    for given in (M, scipy.sparse.csr_array(M), card.made[0]):
        for asked in ({"workers": 2}, {"scheduler": "tcp://here"}):
            with pytest.raises(SettingsError, match=r"is for a matrix in a file.* numpy\.save"):
                solve(given, **CONSTANT, **asked)
    assert cluster.asked == []


def test_a_file_that_the_cluster_refuses_is_refused_before_a_pass(tmp_path, cluster):
    path = tmp_path / "S.npz"
    scipy.sparse.save_npz(path, scipy.sparse.csr_array(np.eye(5)))
    with pytest.raises(SettingsError, match="it is sparse"):
        solve(open_matrix(str(path)), **CONSTANT, workers=2)
    assert not cluster.open


def test_a_wished_rank_is_found_on_the_cluster(path, cluster):
    asked = {"schedule": "constant", "seed": 1, "rank": "40%"}
    one, other = solve(in_file(path), **asked), solve(open_matrix(path), **asked, workers=2)
    assert_same(one, other, changed=("workers",))
    assert len(cluster.made) == 1  # M is placed once


def test_means_are_taken_there(path, cluster):
    asked = {**CONSTANT, "center": "columns"}
    one, other = solve(in_file(path), **asked), solve(open_matrix(path), **asked, workers=2)
    assert_same(one, other, changed=("workers",))


def test_the_plan_has_what_goes_there_and_comes_back(path, cluster):
    def matrix_bytes(rank):
        M = held(open_matrix(path), "float64").at(cluster)
        return plan_of(M, RunSettings(rank=rank, threads=1)).parts["matrix"]

    fixed = 1 << 20
    for rank in (1, 9):
        columns = SUMMED_BLOCKS * block_columns(rank)
        assert matrix_bytes(rank) == fixed + 8 * (150 + 120) * columns


def test_a_dry_run_tells_the_place(path, cluster, card):
    def plan(**asked):
        return dry_run(open_matrix(path), RunSettings(**CONSTANT, **asked), sources={}, output=None,
                       files={}, admit=lambda fingerprint: None)  # fmt: skip

    found, here = plan(workers=2), plan()
    assert found["place"] == {**TOLD, "bytes_moved": 1000 * block_columns(2)}
    assert (found["passes"]["from"], found["passes"]["bytes_each"]) == ("cluster", 8 * 150 * 120)
    assert found["passes"]["read_seconds"] > 0
    assert "the scheduler is at tcp://here" in found["notes"]
    assert (here["place"], here["passes"]["from"]) == (None, "memory")
    for name in ("so_far", "in_all"):
        assert found["passes"][name] == here["passes"][name]
    found = plan(device="cuda")
    assert found["passes"]["from"] == "device"
    assert (found["place"]["name"], found["place"]["bytes_moved"]) == ("a card", None)


@pytest.mark.parametrize("ways", [("file", "cluster"), ("cluster", "file"), ("cluster", "cluster")])
def test_a_run_goes_on_elsewhere_with_the_same_bits(path, tmp_path, cluster, ways):
    kept, warned = str(tmp_path / "kept.h5"), []
    whole = solve(in_file(path), **CONSTANT)
    first, then = ({"workers": 2} if way == "cluster" else {} for way in ways)
    begun = open_matrix(path) if first else in_file(path)
    solve(begun, **CONSTANT, **first, max_iter=20, checkpoint=kept)
    result = resume(kept, open_matrix(path), max_iter=10**6, **then, warn=warned.append)
    assert_same(whole, result, changed=("max_iter", "workers"))
    assert warned == []
    assert result.settings["workers"]["value"] == then.get("workers")
    assert len(cluster.asked) == ways.count("cluster")


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        ({}, {"workers": 2}, ("in memory", "by a cluster")),
        ({}, {"device": "cuda"}, ("in memory", "on a device")),
        ({"device": "cuda"}, {"device": "cpu"}, ("on a device", "in memory")),
        ({"device": "cuda"}, {"workers": 2}, ("on a device", "by a cluster")),
        ({"workers": 2}, {"device": "cuda"}, ("in its file", "on a device")),
        ({"device": "cuda"}, {}, None),
        ({"device": "auto"}, {"device": "cuda"}, None),
    ],
)  # fmt: skip
def test_where_other_bits_come_it_is_said(path, tmp_path, cluster, card, first, then, said):
    kept, warned = str(tmp_path / "kept.h5"), []
    solve(open_matrix(path), **CONSTANT, **first, max_iter=20, checkpoint=kept)
    result = resume(kept, open_matrix(path), max_iter=10**6, **then, warn=warned.append)
    words = "M was held {}, and is held {} now: the last digits may differ"
    assert warned == ([] if said is None else [words.format(*said)])
    found = {"by a cluster": ("in its file", None), "on a device": (None, "a card")}
    told = result.problem.get("held"), result.problem.get("device")
    assert said is None or told == found.get(said[1], (None, None))
    assert result.outcome.name == "GLOBAL_OPTIMUM"


def test_a_checkpoint_of_before_there_were_places_goes_on(path, tmp_path, cluster):
    kept, other = str(tmp_path / "kept.h5"), str(tmp_path / "other.h5")
    solve(in_file(path), **CONSTANT, max_iter=20, checkpoint=kept)
    arrays, document = read_checkpoint(kept)
    for name in ("device", "workers", "scheduler"):
        del document["settings"][name]
    write_checkpoint(other, arrays, document)
    went_on = [resume(other, open_matrix(path), max_iter=99, **asked)
               for asked in ({}, {"workers": 3})]  # fmt: skip
    assert_same(*went_on, changed=("workers",))


def test_what_does_not_go_together_is_refused_on_resuming_too(path, tmp_path, cluster, card):
    kept = str(tmp_path / "kept.h5")
    solve(np.load(path), **CONSTANT, max_iter=20, checkpoint=kept)
    for asked, said in (
        ({"workers": 2, "scheduler": "tcp://here"}, "leave out one of them"),
        ({"workers": 2, "device": "cuda"}, "leave out one of them"),
        ({"workers": 0}, "--workers is 0"),
        ({"workers": 2}, "is for a matrix in a file"),
    ):
        with pytest.raises(SettingsError, match=said):
            resume(kept, np.load(path), **asked)
    assert read(kept).last_step["step"] == 20


def test_a_cluster_that_dies_leaves_a_checkpoint_to_go_on_from_without_it(path, tmp_path, cluster):
    kept = tmp_path / "kept.h5"
    whole, cut = solve(in_file(path), **CONSTANT), []
    (passes,) = [target.readings for target in cluster.made] or [whole.summary["passes"]]
    cluster.error = StorageError("the scheduler is gone")
    for cluster.at in range(1, passes + 1):
        with pytest.raises(StorageError) as error:
            solve(open_matrix(path), **CONSTANT, workers=2, checkpoint=str(kept))
        if not kept.exists():
            assert str(error.value) == "the scheduler is gone"
            continue
        way = f"resume with `mfact resume {kept}`, and --workers for a cluster"
        assert str(error.value) == f"the scheduler is gone: {way}"
        cut.append(resume(str(kept), open_matrix(path)))
        kept.unlink()
    assert len(cut) > 2
    for result in cut:
        assert_same(whole, result, changed=("workers",))
