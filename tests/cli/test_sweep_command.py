"""mfact sweep as a user meets it: the same numbers in both views, exit codes, refusals."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse

from mfact.settings import SweepSettings
from mfact.studies.sweep import singular_values, sweep


def mfact(*words, cwd=None):
    return subprocess.run(
        [sys.executable, "-c", "from mfact.cli.main import main; main()", *map(str, words)],
        capture_output=True,
        encoding="utf-8",
        cwd=cwd,
        check=False,
    )


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "M.npy"
    rng = np.random.default_rng(1)
    np.save(path, rng.standard_normal((12, 3)) @ rng.standard_normal((3, 9)))
    return path


def test_json_holds_what_the_library_finds(matrix):
    done = mfact("sweep", matrix, "-r", 2, "--seeds", 30, "--seed", 4, "--tol", 1e-3,
                 "--growth", "20,200", "--format", "json")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["schema"] == "mfact-sweep/1"
    settings = SweepSettings(rank=2, seeds=30, seed=4, tol=1e-3)
    runs = sweep(singular_values(np.load(matrix)), (12, 9), settings)
    assert found["matrix"]["steps"][-1]["max"] == runs.iterations().max()
    assert found["matrix"]["final_ratio"] == [runs.last.min(), runs.last.max()]
    assert [w["count"] for w in found["matrix"]["within"]] == [
        runs.within(bound) for bound in (2, 5, 10, 100)
    ]
    assert [row["shape"] for row in found["growth"]["sizes"]] == [[20, 20], [200, 200]]
    medians = [row["steps"][-1]["median"] for row in found["growth"]["sizes"]]
    assert found["growth"]["sizes"][1]["per_decade"] == medians[1] - medians[0]


def test_the_table_shows_the_numbers_of_the_document(matrix):
    words = ("sweep", matrix, "--seeds", 50, "--seed", 4, "--bounds", "3")
    found = json.loads(mfact(*words, "--format", "json").stdout)["matrix"]
    text = mfact(*words).stdout
    assert "\x1b" not in text
    last = found["steps"][-1]
    line = r"\s+".join(["1e-06", *(str(last[k]) for k in ("reached", "min", "5%", "median"))])
    assert re.search(line, text)
    within = found["within"][0]
    assert re.search(rf"3\s+{within['count']}\s+{within['fraction']:.4f}", text)
    # Long values are folded at the right edge.
    folded = " ".join(text.split())
    assert "hypotheses not met: M has rank 3, and it is about rank 1" in folded


def test_a_sparse_matrix_gives_the_same_counts(matrix, tmp_path):
    path = tmp_path / "S.npz"
    scipy.sparse.save_npz(path, scipy.sparse.csr_array(np.load(matrix)))
    tails = []
    for source in (matrix, path):
        done = mfact("sweep", source, "--seeds", 20, "--seed", 4, "--format", "json")
        found = json.loads(done.stdout)["matrix"]
        tails.append({k: v for k, v in found.items() if k != "name"})
    assert tails[0] == tails[1]


def test_the_seed_that_was_drawn_repeats_the_page():
    first = mfact("sweep", "--growth", "10", "--seeds", "5").stdout
    seed = re.search(r"drawn from seed (\d+)", first)[1]
    assert mfact("sweep", "--growth", "10", "--seeds", "5", "--seed", seed).stdout == first


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--max-iter", "5"), 3),
        (("--max-iter", "5", "--exit-zero"), 0),
        (("--c-step", "5"), 4),
        (("--c-step", "5", "--exit-zero"), 4),
    ],
)
def test_exit_codes(words, code):
    done = mfact("sweep", "--growth", "10,100", "--seeds", "5", "--seed", "1", *words)
    assert done.returncode == code
    assert "per decade" in done.stdout


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ((), "give sizes with --growth"),
        (("--growth", "10,x"), "'x' is not a whole number"),
        (("--growth", "10", "--bounds", "0.5"), "0.5 is not at least 1"),
        (("--growth", "10", "-r", "11"), "at most 10"),
        (("--growth", "10", "--tol", "2"), "choose it below 1"),
        (("M.npy", "-r", "10"), "choose -r from 1 to 9"),
    ],
)
def test_bad_input_is_one_line_with_a_way_out(matrix, words, part):
    done = mfact("sweep", *words, cwd=matrix.parent)
    assert done.returncode == 2
    assert done.stdout == ""
    assert part in done.stderr
    assert done.stderr.count("\n") == 1
