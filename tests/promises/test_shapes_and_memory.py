"""Commands plan before they read, and cost what a file stores, not the shape that it declares."""

from __future__ import annotations

import json
import re
import signal

import h5py
import numpy as np
import pytest
from children import Child
from memory_limits import limited, reporting, told
from scipy.sparse import random_array, save_npz

from mfact.matrices.source import open_matrix
from mfact.studies.inspect import inspect_matrix
from mfact.studies.memory import plan_inspection

MIB = 1 << 20
LONG, TRIPLES = 10**9, ((0, 0, 3.0), (6, 1, 2.0))
SECONDS = 10  # of the processor; what is done takes a tenth of one


def hurried() -> None:
    """Done in a child: it is killed when it works for long, or takes more than 1 GiB."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    limited(1 << 30)()


def market(path, shape, symmetry="general"):
    lines = [f"{row + 1} {column + 1} {value}" for row, column, value in TRIPLES]
    size = f"{shape[0]} {shape[1]} {len(TRIPLES)}"
    head = f"%%MatrixMarket matrix coordinate real {symmetry}"
    path.write_text("\n".join([head, size, *lines, ""]), encoding="ascii")


def coo(path, shape):
    row, col, data = (np.array(part) for part in zip(*TRIPLES, strict=True))
    np.savez(path, format=np.array(b"coo"), shape=np.array(shape), data=data, row=row, col=col)


def csc(path, shape):
    parts = {"data": np.array([3.0, 2.0]), "indices": np.array([0, 6])}
    pointers = np.minimum(np.arange(shape[1] + 1), 2)
    np.savez(path, format=np.array(b"csc"), shape=np.array(shape), indptr=pointers, **parts)


def group(path, name, attributes, **members):
    with h5py.File(path, "w") as file:
        made = file.create_group(name)
        made.attrs.update(attributes)
        for member, values in members.items():
            made[member] = np.array(values)


FILES = {
    "long.mtx": lambda path: market(path, (LONG, 2)),
    "wide.mtx": lambda path: market(path, (8, LONG)),
    "square.mtx": lambda path: market(path, (LONG, LONG)),
    "symmetric.mtx": lambda path: market(path, (LONG, LONG), "symmetric"),
    "longest.mtx": lambda path: market(path, (10**17, 2)),
    "coo.npz": lambda path: coo(path, (LONG, 2)),
    "csc.npz": lambda path: csc(path, (LONG, 2)),
    "10x.h5": lambda path: group(
        path,
        "matrix",
        {},
        data=[3.0, 2.0],
        indices=[0, 6],
        indptr=[0, 1, 2],
        shape=[LONG, 2],
        barcodes=[b"A", b"C"],
        genes=[b"g"],
    ),
    "csc.h5ad": lambda path: group(
        path,
        "X",
        {"encoding-type": "csc_matrix", "shape": [LONG, 2]},
        data=[3.0, 2.0],
        indices=[0, 6],
        indptr=[0, 1, 2],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_shape_far_beyond_what_is_stored_is_looked_into_at_once(tmp_path, name):
    FILES[name](tmp_path / name)
    child = Child(tmp_path, "inspect", name, "--format", "json", "--leading", LONG, before=hurried)
    assert child.wait() == 0, child.said()
    found = json.loads(child.printed())
    expected = [3.0, 2.0, 2.0] if name == "symmetric.mtx" else [3.0, 2.0]
    assert found["singular_values"][: len(expected)] == pytest.approx(expected)
    assert not any(found["singular_values"][len(expected) :])
    assert found["shape"] == list(open_matrix(str(tmp_path / name)).shape)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "command",
    [
        ["solve", "-r", 1, "--seed", 1],
        ["flow", "-r", 1, "--seed", 1],
        ["sweep", "--seeds", 2, "--seed", 1, "--tol", 0.1, "--exit-zero"],
    ],
    ids=lambda command: command[0],
)
def test_and_other_commands_work_or_refuse_it_with_the_numbers(tmp_path, name, command):
    FILES[name](tmp_path / name)
    child = Child(tmp_path, command[0], name, *command[1:], before=hurried)
    code = child.wait()
    assert code == (0 if command[0] == "sweep" else 1), child.said()
    if code:
        assert re.fullmatch(
            r"mfact: the (run|flow) needs [\d.]+ [TGP]iB of memory and .* is available \(.*\): "
            r"free memory, or use a .*\n", child.said()
        ), child.said()  # fmt: skip


def test_pointers_that_were_never_written_are_not_waited_for(tmp_path):
    group(tmp_path / "x.h5ad", "X", {"encoding-type": "csr_matrix", "shape": [LONG, 2]},
          data=np.zeros(0), indices=np.zeros(0, int))  # fmt: skip
    with h5py.File(tmp_path / "x.h5ad", "a") as file:
        file["X"].create_dataset("indptr", shape=(LONG + 1,), dtype=int, chunks=(1000,))
    child = Child(tmp_path, "inspect", "x.h5ad", before=hurried)
    assert child.wait() == 1
    assert child.said().endswith("has indptr that were never written: write it again\n")


def test_datasets_without_a_stored_chunk_are_refused_by_their_size(tmp_path):
    with h5py.File(tmp_path / "M.h5", "w") as file:
        file.create_dataset("M", shape=(10**6, 10**5), dtype=float, chunks=(1000, 1000))
    assert (tmp_path / "M.h5").stat().st_size < 2000
    for command in (["inspect"], ["solve", "-r", 1], ["flow", "-r", 1], ["sweep"]):
        child = Child(tmp_path, command[0], "M.h5", *command[1:], before=hurried)
        assert child.wait() == 1
        note, line = child.said().splitlines()
        assert note.endswith("nothing was ever written to it, so each entry is its fill value")
        assert re.search(r"needs [\d.]+ [GT]iB of memory and .* is available", line)


@pytest.mark.slow
def test_empty_rows_and_columns_change_nothing_but_zeros(tmp_path):
    M = random_array((4000, 2000), density=2e-4, rng=np.random.default_rng(1)).tocsr()
    save_npz(tmp_path / "M.npz", M)
    source = open_matrix(str(tmp_path / "M.npz")).occupied()
    rows, columns = (len(set(part)) for part in M.nonzero())
    assert source.read().shape == (rows, columns)
    found = inspect_matrix(source)
    whole = np.linalg.svd(M.toarray(), compute_uv=False)
    kept = len(found.singular_values)
    assert not found.complete
    assert found.rank_is_exact
    np.testing.assert_allclose(found.singular_values, whole[:kept], atol=1e-13)
    assert found.numerical_rank == np.linalg.matrix_rank(M.toarray())
    assert (found.shape, found.nonzeros) == (M.shape, M.nnz)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("matrices"), np.random.default_rng(1)
    np.save(folder / "dense.npy", rng.standard_normal((3000, 700)))
    np.save(folder / "large.npy", rng.standard_normal((1700, 1600)))
    save_npz(folder / "long.npz", random_array((30_000, 400), density=1e-3, rng=rng).tocsr())
    save_npz(folder / "sparse.npz", random_array((9000, 4000), density=1e-3, rng=rng).tocsr())
    return folder


COMMANDS = {
    "dense": ("dense.npy", ["inspect"]),
    "large": ("large.npy", ["inspect", "--leading", 60]),
    "long": ("long.npz", ["inspect"]),
    "sparse": ("sparse.npz", ["inspect", "--leading", 60]),
    "flow": ("dense.npy", ["flow", "-r", 2, "--seed", 1, "--points", 2, "--time", 1e-4]),
    "flow, sparse": ("long.npz", ["flow", "-r", 2, "--seed", 1, "--points", 2, "--time", 1e-4]),
    "sweep": ("dense.npy", ["sweep", "--seeds", 2, "--max-iter", 5, "--exit-zero"]),
    "sweep, sparse": ("long.npz", ["sweep", "--seeds", 2, "--max-iter", 5, "--exit-zero"]),
    "dense, centred": ("dense.npy", ["inspect", "--center", "columns"]),
    "long, centred": ("long.npz", ["inspect", "--center", "rows"]),
    "sparse, centred": ("sparse.npz", ["inspect", "--leading", 60, "--center", "columns"]),
    "flow, centred": (
        "long.npz",
        ["flow", "-r", 2, "--seed", 1, "--points", 2, "--time", 1e-4, "--center", "rows"],
    ),
    "sweep, centred": (
        "long.npz",
        ["sweep", "--seeds", 2, "--max-iter", 5, "--exit-zero", "--center", "mean"],
    ),
    "check": ("dense.npy", ["check"]),
    "check, long": ("long.npz", ["check"]),
    "check, sparse": ("sparse.npz", ["check"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_stays_within_the_plan_that_it_says(folder, tmp_path, name):
    file, (command, *options) = COMMANDS[name]
    subject = [folder / file]
    if command == "check":
        run = ["-r", 5, "--seed", 1, "--max-iter", 5, "--force", "--exit-zero", "-o", "run.h5"]
        assert Child(tmp_path, "solve", *subject, *run).wait() == 0
        subject = ["run.h5", *subject]
    child = Child(
        tmp_path, command, *subject, *options, "-v", before=reporting(tmp_path / "memory")
    )
    assert child.wait() == 0, child.said()
    plan = re.search(r"^memory plan: (\S+ \S+) of ", child.said(), re.M)
    base, peak = map(int, (tmp_path / "memory").read_text(encoding="ascii").split())
    assert peak - base <= told(plan[1])
    child = Child(tmp_path, command, *subject, *options, before=limited(told(plan[1]) - MIB))
    assert child.wait() == 1
    assert re.match(r"mfact: .* needs [\d.]+ MiB of memory and", child.said()), child.said()
    child = Child(tmp_path, command, *subject, *options, before=limited(told(plan[1]) + 8 * MIB))
    assert child.wait() == 0, child.said()


def test_as_many_leading_values_as_are_said_to_fit_do(folder, tmp_path):
    command = ["inspect", folder / "sparse.npz", "--leading"]
    room = limited(700 * MIB)
    child = Child(tmp_path, *command, 3999, before=room)
    assert child.wait() == 1
    way = re.search(r"free memory, or use --leading (\d+)\n$", child.said())
    assert way, child.said()
    source, fitting = open_matrix(str(folder / "sparse.npz")).occupied(), int(way[1])
    assert plan_inspection(source, fitting + 1).plan.total > 700 * MIB
    child = Child(tmp_path, *command, min(fitting, 30), before=room)
    assert child.wait() == 0, child.said()
