"""A run whose rank is found is, from there on, the run of that number."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import matrix
from scipy.sparse import csr_array

from mfact.core import Outcome, Verdict
from mfact.errors import MemoryPlanError, SettingsError, StorageError
from mfact.matrices.source import open_matrix
from mfact.run import checkpoint, wished
from mfact.run.memory import plan_of
from mfact.run.solve import resume, solve
from mfact.settings import RunSettings
from mfact.storage.checkpoints import read_checkpoint, write_checkpoint
from mfact.storage.runs import read_run, write_run
from mfact.studies.check import recompute
from mfact.studies.diff import compare as diff
from mfact.targets import streamed
from mfact.targets.door import held

SIGMA = [9.0, 7.0, 5.0, 0.3, 0.2, 0.1]
M = matrix(np.random.default_rng(4), (23, 17), SIGMA)[0]
ASKED = {"schedule": "constant", "seed": 1}
WISHES = {"90%": 3, "50%": 1, "auto": 6, "99.9999%": 6, "100%": 6}


def same(one, other, passes):
    """But for the clock, what was asked for, the note on it, and the passes that it took."""
    assert (one.outcome, one.message) == (other.outcome, other.message)
    for name in ("U", "V"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    assert one.trace.keys() == other.trace.keys()
    for name, column in one.trace.items():
        np.testing.assert_array_equal(column, other.trace[name])
    assert one.claims == other.claims
    assert one.problem == other.problem
    rest = [{n: e for n, e in run.settings.items() if n != "rank"} for run in (one, other)]
    assert rest[0] == rest[1]
    notes = [*(other.summary.get("notes") or [])]
    assert one.summary["notes"][1:] == notes
    assert one.summary["passes"] == other.summary["passes"] + passes
    aside = {"notes", "passes", "seconds", "wall_seconds"}
    numbers = [{n: v for n, v in r.summary.items() if n not in aside} for r in (one, other)]
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("form", ["dense", "sparse", "float32", "direct"])
def test_the_bits_are_those_of_the_number(wish, form):
    given = csr_array(M) if form == "sparse" else M
    options = dict(ASKED)
    options |= {"dtype": "float32"} if form == "float32" else {}
    options |= {"engine": "direct", "max_iter": 50} if form == "direct" else {}
    options |= {"max_iter": 300, "fast_forward": "off"} if form == "float32" else {}
    one = solve(given, rank=wish, **options)
    rank = one.problem["rank"]
    if not (form == "float32" and wish in ("100%", "99.9999%")):
        assert rank == WISHES[wish]
    same(one, solve(given, rank=rank, **options), 1)
    assert one.settings["rank"] == {"value": wish, "source": "default", "used": rank}
    assert one.summary["notes"][0].startswith(f"rank {rank}, the ")


@pytest.mark.slow
@given(st.integers(0, 2**32), st.floats(1, 99), st.sampled_from(["gaussian", "balanced"]))
def test_so_they_are_of_any_matrix(seed, percent, start):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((rng.integers(2, 15), rng.integers(2, 15)))
    options = {**ASKED, "start": start, "max_iter": 60}
    one = solve(A, rank=f"{percent:.3g}%", **options)
    same(one, solve(A, rank=one.problem["rank"], **options), 1)


@pytest.mark.parametrize("kind", ["C.npy", "F.npy", "chunked.h5"])
def test_of_a_matrix_that_stays_in_its_file(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(streamed, "SLAB_BYTES", 500)
    path = tmp_path / kind
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file.create_dataset("M", data=M, chunks=(len(M), 3))
    else:
        np.save(path, np.asfortranarray(M) if kind == "F.npy" else M)

    def in_file():
        return held(open_matrix(str(path)), "float64").streamed()

    told = []
    one = solve(in_file(), rank="90%", busy=lambda *each: told.append(each), **ASKED)
    same(one, solve(in_file(), rank=3, **ASKED), 2)  # the norm is a reading of its own
    assert one.problem["held"] == "in its file"
    assert ("rank", "") in told
    assert any(what == "reading M" and "pass 1" in far for what, far in told)


@pytest.mark.slow
def test_it_is_left_in_its_file_where_the_rank_makes_the_run_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(streamed, "SLAB_BYTES", 1 << 20)
    rng, path = np.random.default_rng(1), str(tmp_path / "M.npy")
    np.save(path, rng.standard_normal((12000, 4)) @ rng.standard_normal((4, 250)))
    asked = RunSettings(rank=4, threads=1, **ASKED)
    least, smaller = (
        plan_of(held(open_matrix(path), "float64"), replace(asked, rank=r, max_memory=1)).total
        for r in (4, 1)
    )
    asked = replace(asked, max_memory=least - (1 << 20))
    assert smaller < asked.max_memory
    one, other = (solve(open_matrix(path), asked, rank=rank) for rank in ("99.9%", 4))
    assert one.problem["held"] == "in its file"
    same(one, other, 1)  # in memory, where it fitted


def test_what_does_not_hang_on_the_rank_is_refused_before_it_is_read(tmp_path):
    class Unread:
        shape, dtype, norm = (5, 4), np.dtype(float), 1.0
        stored_eps = 0.0

        def products(self, U, V):
            raise AssertionError("read")

        residual_norm = products

    for options in (
        {"method": "none"},
        {"min_iter": 5, "max_iter": 4},
        {"checkpoint": str(tmp_path)},
        {"checkpoint": str(tmp_path / "no" / "c.h5")},
        {"rank": "200%"},
        {"tol": -1.0},
    ):
        with pytest.raises((SettingsError, StorageError)):
            solve(Unread(), **{"rank": "95%", **options})
    with pytest.raises(MemoryPlanError):
        solve(Unread(), rank="95%", max_memory=1000)


def test_what_hangs_on_it_is_refused_once_it_is_known():
    with pytest.raises(SettingsError, match="is for rank 1, and the rank is 3"):
        solve(M, rank="90%", schedule="theorem-3.2")
    assert solve(M, rank="50%", seed=1).settings["schedule"]["used"] == "theorem-3.2"
    with pytest.raises(SettingsError, match="--delta has no meaning"):
        solve(M, rank="50%", delta=0.1, sources={"delta": "flag", "rank": "flag"})


def test_the_time_that_it_takes_counts(monkeypatch):
    real = wished.ranked

    def slow(*given):
        import time

        time.sleep(0.3)
        return real(*given)

    monkeypatch.setattr(wished, "ranked", slow)
    one = solve(M, rank="90%", max_time=0.2, **ASKED)
    assert one.outcome is Outcome.TIME_LIMIT
    assert one.summary["seconds"] > 0.3


def cut(rank, path, **options):
    """A run that ends at its limit and keeps its state, and one that was never cut."""
    solve(M, rank=rank, checkpoint=path, max_iter=20, **ASKED, **options)
    return resume(path, M, max_iter=400), solve(M, rank=rank, max_iter=400, **ASKED, **options)


def test_a_run_that_is_resumed_tells_the_same(tmp_path):
    path = str(tmp_path / "c.h5")
    again, whole = cut("90%", path)
    assert np.array_equal(again.U, whole.U)
    assert again.settings["rank"] == whole.settings["rank"]
    assert again.settings["rank"] == {"value": "90%", "source": "default", "used": 3}
    assert again.summary["notes"] == whole.summary["notes"]
    assert again.summary["passes"] >= whole.summary["passes"]
    assert checkpoint.read(path).asked.wish == "90%"
    assert cut(3, path)[0].settings["rank"]["value"] == 3


@pytest.mark.parametrize("wish", [None, 3, "", "0%", "95.0%", "AUTO", ["95%"]])
def test_a_checkpoint_with_another_wish_is_refused(tmp_path, wish):
    path = tmp_path / "c.h5"
    cut("90%", str(path))
    arrays, document = read_checkpoint(str(path))
    write_checkpoint(str(path), arrays, {**document, "wish": wish})
    with pytest.raises(StorageError, match="wish"):
        checkpoint.read(str(path))


@pytest.mark.parametrize("wish", ["90%", "auto"])
def test_a_run_file_tells_what_was_asked_and_what_was_found(tmp_path, wish):
    path, one = str(tmp_path / "run.h5"), solve(M, rank=wish, **ASKED)
    write_run(path, one)
    back = read_run(path)
    assert back.settings == one.settings
    assert back.summary["explained"] == one.summary["explained"]
    found = recompute(held(M, "float64").target(), back)
    assert all(claim.verdict is not Verdict.VIOLATED for claim in found.claims)
    assert found.numbers["explained"] == pytest.approx(one.summary["explained"], abs=1e-12)
    off = replace(back, summary={**back.summary, "explained": 0.99})
    claims = {c.name: c for c in recompute(held(M, "float64").target(), off).claims}
    assert claims["stored-explained"].verdict is Verdict.VIOLATED
    told = {c.name: c.detail for c in diff(one, solve(M, rank=WISHES[wish], **ASKED))}
    assert told["settings"] == "all equal"  # what was used


@pytest.mark.parametrize(
    "entry",
    [
        {"value": "90%", "source": "flag"},
        {"value": "90%", "source": "flag", "used": None},
        {"value": "90%", "source": "flag", "used": "3"},
        {"value": "lots", "source": "flag", "used": 3},
        {"value": None, "source": "flag", "used": 3},
    ],
)
def test_a_run_file_with_another_rank_is_refused(tmp_path, entry):
    path, one = str(tmp_path / "run.h5"), solve(M, rank="90%", max_iter=3, **ASKED)
    write_run(path, replace(one, settings={**one.settings, "rank": entry}))
    with pytest.raises(StorageError):
        read_run(path)
