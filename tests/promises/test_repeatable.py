"""Equal runs give equal bytes; what may differ between them is said, and bounded."""

from __future__ import annotations

import json
import shlex

import h5py
import numpy as np
import pytest
from children import mfact
from matrices import of_kind

from mfact.storage.runs import read_run

M = of_kind("noisy", shape=(40, 30))

RUNS: dict[str, list[object]] = {
    "decaying": ["-r", 2],
    "constant": ["-r", 2, "--schedule", "constant"],
    "rank 1": ["-r", 1],
    "direct, balanced": ["-r", 2, "--engine", "direct", "--objective", "balanced",
                         "--schedule", "constant"],
    "float32": ["-r", 2, "--dtype", "float32", "--schedule", "constant", "--tol", "1e-5"],
    "theorem 3.1": ["-r", 2, "--schedule", "theorem-3.1", "--eps", 1],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    np.save(tmp_path / "M.npy", M)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "form"),
    [*((name, "json") for name in RUNS), *(("constant", f) for f in ("table", "jsonl", "junit"))],
)
def test_the_same_bytes(folder, name, form):
    pages, images = [], []
    for output in ("a.h5", "b.h5"):
        child = mfact(folder, "solve", "M.npy", *RUNS[name], "--seed", 1, "--reproducible",
                      "--format", form, "-o", output)  # fmt: skip
        pages.append(child.printed())
        images.append((folder / output).read_bytes())
    assert pages[0] == pages[1] != ""
    assert images[0] == images[1]


def test_different_seeds_give_different_bytes(folder):
    """Else equal bytes would prove nothing."""
    images = []
    for seed in (1, 2):
        mfact(folder, "solve", "M.npy", "-r", 2, "--seed", seed, "--reproducible", "-o", "a.h5")
        images.append((folder / "a.h5").read_bytes())
    assert images[0] != images[1]


def kinds_of_file(folder):
    """The matrix in files of every layout, the same numbers in each."""
    np.save(folder / "C.npy", np.ascontiguousarray(M))
    np.save(folder / "F.npy", np.asfortranarray(M))
    np.save(folder / "big-endian.npy", M.astype(">f8"))
    np.savez(folder / "M.npz", M)
    with h5py.File(folder / "plain.h5", "w") as file:
        file["X"] = M
    with h5py.File(folder / "chunked.h5", "w") as file:
        file.create_dataset("X", data=M, chunks=(40, 3), compression="gzip", shuffle=True)
    return ["C.npy", "big-endian.npy", "M.npz", "plain.h5", "chunked.h5"], ["F.npy"]


@pytest.mark.slow
def test_the_file_format_does_not_matter(folder):
    same, rounded = kinds_of_file(folder)
    results = {}
    for name in [*same, *rounded]:
        mfact(folder, "solve", name, *RUNS["decaying"], "--seed", 1, "-q", "-o", "run.h5")
        results[name] = read_run(folder / "run.h5")
    first = results["C.npy"]
    for name in same:
        assert np.array_equal(first.U, results[name].U), name
        assert np.array_equal(first.V, results[name].V), name
        for column, values in first.trace.items():
            assert np.array_equal(values, results[name].trace[column], equal_nan=True), column
    # Fortran order lets BLAS sum in another order. The factors then differ by what rounding grows
    # to while modes emerge from the start: by less than 100 eps of them in all that was seen.
    for name in rounded:
        apart = np.linalg.norm(first.U - results[name].U)
        assert apart <= 1e3 * np.finfo(float).eps * np.linalg.norm(first.U)
        assert first.outcome is results[name].outcome


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ["-r", 2],
        ["-r", 2, "--schedule", "constant", "--no-optimum", "--tol-gradient", "1e-9"],
        ["-r", 1, "--c-step", "0.2", "--start-scale", "1e-3", "--every", 5],
        ["-r", 2, "--start", "unbalanced", "--start-ratio", 7, "--max-basis-bytes", "40M",
         "--checkpoint", "c.h5", "--checkpoint-every", "500"],
        ["-r", 2, "--max-iter", 900, "--force", "--fast-forward", "off", "--escape"],
        ["-r", 2, "--dtype", "float32", "--schedule", "constant", "--tol", "1e-5", "--threads", 2],
    ],
)  # fmt: skip
def test_the_shown_command_repeats_the_run(folder, options):
    """With a seed that was drawn, and --exit-zero, so that each may end as it likes."""
    mfact(folder, "solve", "M.npy", *options, "-q", "--exit-zero", "-o", "first.h5")
    line = mfact(folder, "show", "first.h5", "--command").printed()
    words = shlex.split(line)
    assert words[:3] == ["mfact", "solve", "M.npy"]
    mfact(folder, *words[1:], "-q", "--exit-zero", "-o", "again.h5")
    # Seconds, time and the command line itself are all that differs.
    pages = [
        json.loads(
            mfact(folder, "show", f"{name}.h5", "--reproducible", "--format", "json").printed()
        )
        for name in ("first", "again")
    ]
    for page in pages:
        assert page["settings"].pop("seed")["source"] in ("drawn", "flag")
    assert pages[0] == pages[1]
    one, two = (read_run(folder / f"{name}.h5") for name in ("first", "again"))
    assert np.array_equal(one.U, two.U)
    assert np.array_equal(one.V, two.V)


def test_the_shown_command_of_a_resumed_run_repeats_the_whole(folder):
    args = ["solve", "M.npy", "-r", 2, "--seed", 3, "--schedule", "constant", "-q", "--exit-zero"]
    mfact(folder, *args, "--max-iter", 20, "--force", "--checkpoint", "c.h5", "-o", "run.h5")
    mfact(folder, "resume", "c.h5", "--max-iter", 4000, "-q", "--factors-npy", "f")
    words = shlex.split(mfact(folder, "show", "run.h5", "--command").printed())
    assert words[words.index("--max-iter") + 1] == "4000"
    whole = mfact(folder, *words[1:], "-o", "whole.h5", "-q")
    assert whole.said() == ""
    one, two = (read_run(folder / f"{name}.h5") for name in ("run", "whole"))
    assert np.array_equal(one.U, two.U)
    assert np.array_equal(np.load(folder / "f_U.npy"), one.U)


def test_links_that_were_followed_are_followed_again(folder):
    with h5py.File(folder / "data.h5", "w") as file:
        file["X"] = M
    with h5py.File(folder / "link.h5", "w") as file:
        file["X"] = h5py.ExternalLink("data.h5", "/X")
    mfact(folder, "solve", "link.h5:/X", "--follow-links", "-r", 2, "--seed", 1, "--max-iter", 9,
          "--force", "--exit-zero", "--checkpoint", "c.h5")  # fmt: skip
    mfact(folder, "resume", "c.h5", "--max-iter", 15, "--exit-zero")
