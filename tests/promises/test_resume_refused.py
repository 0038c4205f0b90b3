"""What is no checkpoint of this run is refused in one line, before a step is taken."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from children import Child
from matrices import of_kind

import mfact.storage.checkpoints
from mfact.core import Outcome
from mfact.errors import StorageError
from mfact.run.solve import resume, solve
from mfact.storage.checkpoints import read_checkpoint, write_checkpoint

M = of_kind("noisy")
FLIPPED = M.copy()
FLIPPED[3, 4] *= -1  # of the same norm


@pytest.fixture
def saved(tmp_path):
    """A folder with M.npy, the checkpoint c.h5 of a run on it, and the run file run.h5."""
    np.save(tmp_path / "M.npy", M)
    child = Child(tmp_path, "solve", "M.npy", "-r", 2, "--seed", 1, "--schedule", "constant",
                  "--max-iter", 20, "--checkpoint", "c.h5", "-o", "run.h5")  # fmt: skip
    assert child.wait() == Outcome.ITERATION_LIMIT.exit_code, child.said()
    return tmp_path


def changed(folder: Any, **entries: Any) -> None:
    """The checkpoint with other entries in its document, and a digest that fits."""
    arrays, document = read_checkpoint(folder / "c.h5")
    for path, value in entries.items():
        *groups, name = path.split("__")
        place = document
        for group in groups:
            place = place[group]
        if value is None:
            del place[name]
        else:
            place[name] = value
    write_checkpoint(folder / "c.h5", arrays, document)


def damaged(folder: Any) -> None:
    image = bytearray((folder / "c.h5").read_bytes())
    image[len(image) // 2] ^= 1
    (folder / "c.h5").write_bytes(image)


def newer(folder: Any) -> None:
    arrays, document = read_checkpoint(folder / "c.h5")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mfact.storage.checkpoints, "FORMAT_VERSION", 99)
        write_checkpoint(folder / "c.h5", arrays, document)


def older(folder: Any) -> None:
    arrays, document = read_checkpoint(folder / "c.h5")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mfact.storage.checkpoints, "FORMAT_VERSION", 2)
        write_checkpoint(folder / "c.h5", arrays, document)


CASES = {
    "another matrix": (lambda f: np.save(f / "M.npy", M + 1e-9), "its norm was"),
    "one entry": (
        lambda f: np.save(f / "M.npy", FLIPPED),
        "from another matrix: its norm is as it was, but a signed sum of its entries was",
    ),
    "another shape": (lambda f: np.save(f / "M.npy", M[:-1]), r"its shape was \[14, 11\], now"),
    "no matrix": (lambda f: (f / "M.npy").unlink(), r"M\.npy"),
    "another rank": (lambda f: changed(f, settings__rank=3), "the spectrum in its state is of"),
    "another dtype": (lambda f: changed(f, settings__dtype="float32"), "its dtype was float64"),
    "another engine": (lambda f: changed(f, engine="quantum"), "does not hold a run"),
    "another schedule": (
        lambda f: changed(f, chosen__schedule__kind="Cosine"), "does not hold a run",
    ),
    "an option unknown": (lambda f: changed(f, settings__warp=9), "does not hold a run"),
    "a part missing": (lambda f: changed(f, state__step=None), "does not hold a run"),
    "no state": (lambda f: changed(f, state=None), "lacks state"),
    "older": (older, r"format version 2, and this mfact resumes 5: resume it with mfact 0\.2\.0"),
    "negated": (lambda f: np.save(f / "M.npy", -M), "its norm is as it was, but a signed sum"),
    "transposed": (lambda f: np.save(f / "M.npy", M.T.copy()), r"its shape was \[14, 11\], now"),
    "no sums": (lambda f: changed(f, fingerprint__sums=None), "does not hold a run"),
    "newer": (newer, "format version 99"),
    "damaged": (damaged, "is damaged"),
    "cut short": (
        lambda f: (f / "c.h5").write_bytes((f / "c.h5").read_bytes()[:-500]), "is damaged",
    ),
    "a run file": (
        lambda f: (f / "c.h5").write_bytes((f / "run.h5").read_bytes()), "a checkpoint",
    ),
    "a matrix": (lambda f: (f / "c.h5").write_bytes((f / "M.npy").read_bytes()), "a checkpoint"),
    "nothing": (lambda f: (f / "c.h5").unlink(), "No such file"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_refused_in_one_line(saved, name):
    change, words = CASES[name]
    change(saved)
    before = (saved / "run.h5").read_bytes()
    child = Child(saved, "resume", "c.h5", "--max-iter", 50)
    assert child.wait() == 1
    assert re.search(words, child.said()), child.said()
    assert child.said().count("\n") == 1
    assert "internal error" not in child.said()
    assert child.printed() == ""
    assert (saved / "run.h5").read_bytes() == before


def test_the_first_fingerprint_is_kept(tmp_path):
    """Else many resumes within rounding would let in another matrix."""
    path, options = str(tmp_path / "c.h5"), {"rank": 2, "seed": 1, "schedule": "constant"}
    begun = solve(M, max_iter=5, checkpoint=path, **options)
    first = begun.problem["fingerprint"]
    for turn in range(1, 4):
        # Each time as far again as a matrix may be, and still be taken for the same.
        near = M * (1 + 0.5 * turn * first["rounding"] / np.abs(first["sums"]).max())
        went_on = resume(path, near, max_iter=5 + turn)
        assert went_on.problem["fingerprint"] == first
        assert read_checkpoint(path)[1]["fingerprint"] == first
    with pytest.raises(StorageError, match="from another matrix"):
        resume(path, near + 3 * (near - M), max_iter=20)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_same_matrix_in_another_container_is_taken(tmp_path, dtype):
    path = str(tmp_path / "c.h5")
    begun = solve(M, rank=2, seed=1, schedule="constant", dtype=dtype, max_iter=5, checkpoint=path)
    for same in (np.asfortranarray(M), scipy.sparse.csr_array(M), scipy.sparse.csc_array(M)):
        assert resume(path, same, max_iter=9).problem["fingerprint"] == begun.problem["fingerprint"]
    for other in (-M, FLIPPED, np.where(np.arange(11) == 4, M[:, [5]], M)):
        with pytest.raises(StorageError, match="from another matrix"):
            resume(path, other, max_iter=20)


def test_the_matrix_may_have_moved(saved):
    (saved / "elsewhere").mkdir()
    (saved / "M.npy").rename(saved / "elsewhere" / "N.npy")
    child = Child(saved, "resume", "c.h5", "--max-iter", 500, "--matrix", "elsewhere/N.npy")
    assert child.wait() == 0, child.said()


def test_a_run_is_resumed_from_another_folder(saved):
    """Matrix, output and checkpoint are those of the folder in which the run began."""
    other = saved / "other"
    other.mkdir()
    (saved / "run.h5").unlink()
    child = Child(other, "resume", "../c.h5", "--max-iter", 30)
    assert child.wait() == Outcome.ITERATION_LIMIT.exit_code, child.said()
    assert (saved / "run.h5").exists()
    assert read_checkpoint(saved / "c.h5")[1]["state"]["step"] == 30
    assert [p.name for p in other.iterdir() if not p.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("checkpoint", "code", "words"),
    [
        ("M.npy", 2, "is the matrix and the checkpoint"),
        ("no/c.h5", 1, "create the folder first"),
        ("run.h5", 2, "is the output and the checkpoint"),
        (".", 1, "is a folder"),
    ],
)
def test_a_checkpoint_that_cannot_be_written_is_refused_before_the_run(
    saved, checkpoint, code, words
):
    child = Child(saved, "solve", "M.npy", "-r", 2, "--checkpoint", checkpoint, "-o", "run.h5")
    assert child.wait() == code
    assert words in child.said()
    assert child.said().count("\n") == 1
    assert np.array_equal(np.load(saved / "M.npy"), M)


def test_a_rhythm_that_is_none_is_refused(saved):
    for text in ("0", "-5", "0s", "soon", "1e3", "nan s"):
        child = Child(saved, "solve", "M.npy", "-r", 2, "--checkpoint-every", text)
        assert child.wait() == 2
        assert "give steps, as 100000, or seconds, as 60s" in child.said()


def test_a_run_on_an_array_names_the_way_to_its_matrix(tmp_path):
    solve(M, rank=2, seed=1, max_iter=5, checkpoint=str(tmp_path / "c.h5"))
    child = Child(tmp_path, "resume", "c.h5")
    assert child.wait() == 2
    assert "name its matrix with --matrix" in child.said()
