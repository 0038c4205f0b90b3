"""No number of threads, mfact's or BLAS's, changes a bit of what a command writes or prints."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest
import scipy.sparse
import threadpoolctl
from children import Child, mfact
from matrices import of_kind
from memory_limits import MIB, limited
from memory_limits import told as told_bytes
from network_cuts import prepared

from mfact.host import threads
from mfact.storage.either import read_either

SOLVE = ["-r", 2, "--schedule", "constant", "--seed", 1, "-q"]


def machine(cores, blas):
    """Done in a child: it may use so many processors, and BLAS starts with so many threads."""

    def install():
        os.sched_getaffinity = lambda pid: range(cores)
        threads.processors = lambda: iter(())
        threadpoolctl.threadpool_limits(blas, user_api="blas")

    return install


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Matrices of which BLAS sums the products in another order with two threads."""
    folder = tmp_path_factory.mktemp("threads")
    noise = np.random.default_rng(2).standard_normal((1200, 900))
    M = of_kind("rank two", shape=(1200, 900)) + 5e-4 * noise
    np.save(folder / "M.npy", M)
    np.save(folder / "F.npy", np.asfortranarray(M))
    scipy.sparse.save_npz(folder / "S.npz", scipy.sparse.csr_array(M * (abs(noise) < 0.5)))
    mfact(folder, "solve", "M.npy", *SOLVE, "-o", "run.h5")
    mfact(folder, "solve", "M.npy", *SOLVE, "--start", "balanced", "-o", "other.h5")
    return folder


def written(folder, *args, cores=2, blas=2):
    """The file run.h5 that a command writes, and what it prints."""
    child = mfact(folder, *args, before=machine(cores, blas))
    return (folder / "run.h5").read_bytes(), child.printed()


@pytest.mark.parametrize(
    "options",
    [
        ["M.npy", *SOLVE],
        pytest.param(["F.npy", *SOLVE], marks=pytest.mark.slow),
        pytest.param(["S.npz", *SOLVE, "--tol", 1e-3], marks=pytest.mark.slow),
        ["M.npy", "-r", 2, "--dtype", "float32", "--tol", 1e-3, "--seed", 1, "-q"],
        ["M.npy", *SOLVE, "--engine", "direct", "--max-iter", 20, "--force", "--exit-zero"],
    ],
    ids=["constant", "Fortran order", "sparse", "decaying, float32", "direct"],
)
def test_reproducible_runs_are_equal_bytes_for_any_number(folder, tmp_path, options):
    matrix, *more = options
    asked = ["solve", folder / matrix, *more, "--reproducible", "--format", "json",
             "--checkpoint", "c.h5", "-o", "run.h5"]  # fmt: skip
    images = [
        written(tmp_path, *asked, "--threads", 1, blas=1),
        written(tmp_path, *asked, "--threads", 2),
        written(tmp_path, *asked, "--threads", 4, blas=1),
        written(tmp_path, *asked),
        written(tmp_path, *asked, cores=5, blas=1),
    ]
    assert len(set(images)) == 1


@pytest.mark.parametrize("name", ["dual", "batches", "convolutions"])
def test_those_of_networks_too(tmp_path, name):
    asked = [*prepared(tmp_path, name), "--reproducible"]
    images = [
        written(tmp_path, *asked, "--threads", 1, blas=1),
        written(tmp_path, *asked, "--threads", 3),
        written(tmp_path, *asked),
    ]
    assert len(set(images)) == 1


def test_a_run_says_how_many_were_asked_for_and_how_many_worked(folder, tmp_path):
    asked = ["solve", folder / "M.npy", *SOLVE, "-o", "run.h5"]
    told = []
    for more in ([], ["--threads", 2]):
        mfact(tmp_path, *asked, *more, before=machine(3, 1))
        run = read_either(tmp_path / "run.h5")
        told.append((run.settings["threads"], run.provenance["threads"]))
    assert told == [
        ({"value": None, "source": "default"}, 3),
        ({"value": 2, "source": "flag"}, 2),
    ]


@pytest.mark.parametrize(
    "asked",
    [
        ["inspect", "M.npy", "--format", "json"],
        ["inspect", "S.npz", "--format", "json"],
        ["check", "run.h5", "M.npy", "--format", "json", "--exit-zero"],
        ["flow", "M.npy", "-r", 2, "--compare", "momentum,adam", "--time", 0.01, "--seed", 1,
         "--format", "json"],
        ["sweep", "M.npy", "-r", 2, "--seeds", 5, "--seed", 1, "--format", "json", "--exit-zero"],
        ["diff", "run.h5", "other.h5", "--format", "json", "--exit-zero"],
        ["generate", "made.npy", "--shape", "900x700", "--rank", 40, "--seed", 1],
        pytest.param(["plot", "run.h5", "--kind", "residual", "--matrix", "M.npy", "-o", "r.svg",
                      "--data", "r.csv"], marks=pytest.mark.slow),
        ["compare", "M.npy", "--vary", "rank=1,2", "--schedule", "constant", "--seed", 1,
         "--format", "json", "--no-timing"],
    ],
    ids=lambda asked: " ".join(asked[:2]),
)  # fmt: skip
def test_what_is_found_without_a_run_is_the_same_bytes(folder, tmp_path, asked):
    found = []
    for cores, blas in ((1, 1), (3, 2)):
        here = tmp_path / str(cores)
        here.mkdir()
        for each in folder.iterdir():
            if not each.name.startswith("."):
                (here / each.name).symlink_to(each)
        child = mfact(here, *asked, before=machine(cores, blas))
        made = [p for p in here.iterdir() if p.suffix in (".npy", ".csv") and not p.is_symlink()]
        found.append((child.printed(), [p.read_bytes() for p in made]))
    assert found[0] == found[1]


NETWORK = ["network", "--layers", "200:400r-400r-10", "--data", "uniform", "--points-count", 2000,
           "--step-size", 0.01, "--max-iter", 3, "--seed", 1, "--exit-zero", "-v",
           "-o", "run.h5"]  # fmt: skip


def test_where_addresses_are_limited_as_many_work_as_fit_and_no_run_is_refused(tmp_path):
    """Each worker has buffers of BLAS and a heap of its own: without room BLAS waits for ever."""

    def told(room, *more):
        def install():
            machine(4, 1)()
            limited(room)()

        child = Child(tmp_path, *NETWORK, *more, before=install)
        code = child.wait()
        return code, child.said()

    code, said = told(1 << 30, "--threads", 1)
    assert code == 0, said
    least = told_bytes(re.search(r"memory plan: (\S+ \S+) of", said)[1])
    each, spare = 112 * MIB, 8 * MIB
    for count in (1, 2, 4):
        code, said = told(least + (count - 1) * each + spare)
        assert code == 0, said
        assert read_either(tmp_path / "run.h5").provenance["threads"] == count
    code, said = told(least + 2 * each + spare, "--threads", 4)
    assert code == 1
    assert said.endswith("or --threads 3\n")
