"""Runs on a matrix that stays in its file: those in memory but for rounding, and to be gone on."""

from __future__ import annotations

import os
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from matrices import of_kind

from mfact.core import Factors, Outcome
from mfact.errors import MemoryPlanError, StorageError
from mfact.host.memory import available_bytes
from mfact.matrices.source import open_matrix
from mfact.run.checkpoint import read
from mfact.run.memory import plan_of
from mfact.run.solve import resume, solve
from mfact.settings import RunSettings
from mfact.studies.dry_run import dry_run
from mfact.studies.residual import residual_of
from mfact.targets import streamed
from mfact.targets.door import held
from mfact.targets.readahead import read_through

CONSTANT = {"rank": 2, "schedule": "constant", "seed": 1}


@pytest.fixture(autouse=True)
def _small_slabs(monkeypatch):
    monkeypatch.setattr(streamed, "SLAB_BYTES", 2000)


@pytest.fixture(params=["C.npy", "F.npy", "f4.npy", "i2.npy", "chunked.h5", "packed.h5"])
def path(request, tmp_path):
    M = of_kind("noisy")
    path = tmp_path / request.param
    kind = {"C.npy": M, "F.npy": np.asfortranarray(M), "f4.npy": M.astype("f4"),
            "i2.npy": np.round(M * 100).astype("i2")}  # fmt: skip
    if path.suffix == ".npy":
        np.save(path, kind[request.param])
    else:
        how = {"compression": "gzip"} if request.param == "packed.h5" else {}
        with h5py.File(path, "w") as file:
            file.create_dataset("M", data=M, chunks=(len(M), 3), **how)
    return str(path)


def in_file(path, dtype="float64"):
    found = held(open_matrix(path), dtype).streamed()
    assert found.from_file > 0
    return found


@pytest.mark.parametrize("options", [CONSTANT, {"rank": 2, "seed": 1},
                                     {**CONSTANT, "engine": "direct", "max_iter": 40}])  # fmt: skip
def test_a_run_out_of_memory_is_that_in_memory(path, options):
    one, other = solve(open_matrix(path), **options), solve(in_file(path), **options)
    assert one.outcome is other.outcome
    scale = np.linalg.norm(one.U) * np.linalg.norm(one.V)
    # The iterates of every engine are those of the plain loop to 1e-12 or so.
    np.testing.assert_allclose(other.U @ other.V.T, one.U @ one.V.T, rtol=0, atol=1e-12 * scale)
    assert other.summary["passes"] == one.summary["passes"]
    assert (one.problem.get("held"), other.problem["held"]) == (None, "in its file")
    assert other.problem["norm"] == pytest.approx(one.problem["norm"], rel=1e-14)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_no_bit_depends_on_the_threads(path, threads):
    runs = [solve(in_file(path), **CONSTANT, threads=count) for count in (1, threads)]
    np.testing.assert_array_equal(runs[0].U, runs[1].U)
    np.testing.assert_array_equal(runs[0].V, runs[1].V)


def test_float32_arithmetic_streams_too(path):
    options = {**CONSTANT, "dtype": "float32", "tol": 1e-6}
    one, other = solve(open_matrix(path), **options), solve(in_file(path, "float32"), **options)
    assert other.U.dtype == np.float32
    scale = np.linalg.norm(one.U) * np.linalg.norm(one.V)
    np.testing.assert_allclose(other.U @ other.V.T, one.U @ one.V.T, rtol=0, atol=1e-5 * scale)


def test_a_run_that_was_cut_goes_on_in_its_file_bit_for_bit(path, tmp_path):
    kept = str(tmp_path / "kept.h5")
    whole = solve(in_file(path), **CONSTANT)
    cut = solve(in_file(path), **CONSTANT, max_iter=20, checkpoint=kept)
    assert cut.outcome is Outcome.ITERATION_LIMIT
    warned = []
    # There is room enough now; yet the bits of a pass are those of a file.
    went_on = resume(kept, open_matrix(path), max_iter=10**6, warn=warned.append)
    np.testing.assert_array_equal(went_on.U, whole.U)
    assert went_on.problem["held"] == "in its file"
    assert warned == []


@pytest.fixture
def larger(tmp_path):
    """By a megabyte and more than its run needs beside it."""
    path = str(tmp_path / "M.npy")
    np.save(path, np.random.default_rng(1).standard_normal((600, 500)) + 1)
    return path


def test_one_that_fits_no_longer_goes_on_in_its_file_and_says_so(larger, tmp_path, monkeypatch):
    kept = str(tmp_path / "kept.h5")
    solve(open_matrix(larger), **CONSTANT, max_iter=5, checkpoint=kept, threads=1)
    bases = read(kept).chosen.basis_limit
    settings = RunSettings(**CONSTANT, max_basis_bytes=bases, threads=1)
    room = plan_of(held(open_matrix(larger), "float64"), settings).total - 1
    monkeypatch.setattr(f"{plan_of.__module__}.available_bytes", lambda most=None: room)
    warned = []
    went_on = resume(kept, open_matrix(larger), max_iter=8, warn=warned.append)
    assert went_on.problem["held"] == "in its file"
    assert len(warned) == 1
    assert "stays in its file" in warned[0]


@pytest.mark.parametrize("how", ["ends", "is another"])
def test_a_file_that_changes_ends_the_run_and_leaves_its_checkpoint(how, tmp_path):
    path, kept = str(tmp_path / "M.npy"), str(tmp_path / "kept.h5")
    M = of_kind("noisy")
    np.save(path, M)

    class Spoiler:
        def start(self, facts):
            pass

        def segment(self, rows):
            if Path(kept).exists():
                os.truncate(path, 900) if how == "ends" else np.save(path, M + 1)

        def stop(self, result):
            pass

    options = {**CONSTANT, "checkpoint": kept, "checkpoint_every": "1"}
    with pytest.raises(StorageError, match=r"M\.npy was changed while it was read"):
        solve(in_file(path), **options, block=10, observers=[Spoiler()])
    np.save(path, M)
    result = resume(kept, open_matrix(path))
    np.testing.assert_array_equal(result.U, solve(in_file(path), **CONSTANT).U)


def test_what_is_said_of_the_passes(path):
    notes, told = [], []
    result = solve(in_file(path), **CONSTANT, note=notes.append,
                   busy=lambda *words: told.append(words))  # fmt: skip
    said = [text for text in notes if "stays in its file" in text]
    assert len(said) == 1
    assert re.fullmatch(
        r"M stays in its file: each pass reads \d\S* K?i?B, in \S+ s at \S+ \S+ a second;"
        r" \d passes so far, about \d+ in all", said[0])  # fmt: skip
    assert said[0] not in result.summary.get("notes", [])
    far = [far for what, far in told if what == "reading M"]
    assert all(re.fullmatch(r"\S+ K?i?B of \d\S* K?i?B, pass \d+", each) for each in far)
    assert far[-1].endswith(f"pass {result.summary['passes']}")


@pytest.mark.parametrize("start", ["gaussian", "spectral", "given"])
def test_every_reading_is_a_pass_of_the_run(path, start, monkeypatch):
    """The norm and the fingerprint have no reading of their own."""
    calls = []

    def counted(*args, **how):
        calls.append(args)
        return read_through(*args, **how)

    monkeypatch.setattr("mfact.targets.blocks.read_through", counted)
    rng, options = np.random.default_rng(0), {**CONSTANT, "start": start}
    factors = None
    if start == "given":
        d1, d2 = open_matrix(path).shape
        factors = Factors(*(1e-2 * rng.standard_normal((d, options["rank"])) for d in (d1, d2)))
        del options["start"]
    result = solve(in_file(path), **options, factors=factors)
    assert result.summary["passes"] == len(calls)


def test_a_dry_run_says_where_the_matrix_is(path, tmp_path):
    def plan(M):
        return dry_run(M, RunSettings(**CONSTANT), sources={}, output=None, files={},
                       admit=lambda fingerprint: None)  # fmt: skip

    there = plan(in_file(path))["passes"]
    assert there["from"] == "disk"
    assert there["bytes_each"] == in_file(path).from_file
    assert there["read_seconds"] > 0
    here = plan(open_matrix(path))["passes"]
    assert (here["from"], here["read_seconds"]) == ("memory", None)


def test_residuals_of_rows_and_columns_are_those_in_memory(path):
    result = solve(open_matrix(path), **CONSTANT)
    one, other = (residual_of(held(M, "float64"), result)
                  for M in (open_matrix(path), in_file(path)))  # fmt: skip
    for a, b in ((one.rows, other.rows), (one.columns, other.columns)):
        np.testing.assert_allclose(a.residuals, b.residuals, rtol=1e-12)


def test_a_limit_decides_and_is_refused_with_what_fits(larger):
    source, options = open_matrix(larger), {**CONSTANT, "threads": 1, "max_iter": 5}
    assert "held" not in solve(source, **options).problem
    assert "held" not in solve(source, **options, max_memory=available_bytes() // 2).problem
    with pytest.raises(MemoryPlanError) as error:
        solve(source, **options, max_memory=1 << 20)
    told = int(re.search(r"use --max-memory (\d+)M", error.value.way_out)[1])
    assert solve(source, **options, max_memory=told << 20).problem["held"] == "in its file"
    with pytest.raises(MemoryPlanError):
        solve(source, **options, max_memory=(told - 2) << 20)
