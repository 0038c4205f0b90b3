"""What a cluster is asked before it holds M, what it is refused for, and what is told of it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from cluster_by_hand import Client, looking_often, packed, target_of, unpacked
from scipy.io import mmwrite
from scipy.sparse import eye_array

from mfact.errors import MemoryPlanError, SettingsError
from mfact.matrices.source import open_matrix
from mfact.targets.blocks import BlockTarget
from mfact.targets.distributed import joining
from mfact.targets.distributed.cluster import Cluster
from mfact.targets.distributed.recipes import Recipe
from mfact.targets.distributed.shards import Shard, Shared, Work, load, take
from mfact.targets.reading import Asked, doubled

MIB = 1 << 20


@pytest.fixture
def path(tmp_path):
    np.save(tmp_path / "M.npy", np.random.default_rng(1).standard_normal((100, 16)))
    return str(tmp_path / "M.npy")


def place(client, block_bytes=512, note=lambda text: None, **more):
    return Cluster(client, note, block_bytes, **more)


def refused(client, path, kind=SettingsError, **more):
    with pytest.raises(kind) as error:
        place(client, **more).of(open_matrix(path), "float64")
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_is_in_no_file_or_cannot_be_read_in_parts(tmp_path):
    client = Client()
    with pytest.raises(SettingsError, match="it was given in memory: pass the path of a file"):
        place(client).of(np.eye(3), "float64")
    mmwrite(tmp_path / "M.mtx", eye_array(5))
    assert "M.mtx is sparse, and workers read parts of a dense one" in refused(
        client, str(tmp_path / "M.mtx")
    )
    np.savetxt(tmp_path / "M.csv", np.eye(5), delimiter=",")
    assert "M.csv is in a format that is read from end to end" in refused(
        client, str(tmp_path / "M.csv")
    )


def test_no_workers_yet(path):
    client, notes = Client([]), []
    assert "the scheduler has no workers: start some" in refused(client, path)

    class Later(Client):
        def _identity(self, n_workers):
            if len(notes) and not self.workers:
                self.join()
            return super()._identity(n_workers)

    client = Later([])
    found = place(client, note=notes.append, patience=60).of(open_matrix(path), "float64")
    assert notes == ["waiting for workers: the scheduler has no workers"]
    assert found.told["workers"] == 1


def test_other_packages(path):
    client = Client([1])
    other = client.join(versions={"mfact": "0.1", "numpy": None})
    text = refused(client, path)
    assert text.startswith(f"worker {other}: mfact 0.1, here ")
    assert "; numpy missing, here 2.0: let all workers have the same packages" in text


@pytest.mark.parametrize(
    ("there", "words"),
    [
        (None, "cannot be seen: No such file or directory"),
        (np.zeros((50, 16)), "was changed since it was looked at, or is another there"),
        (np.zeros((50, 32)), "holds another matrix there"),
    ],
)
def test_a_worker_that_sees_another_file(path, there, words):
    """Before the first task, which looks whether it does."""
    client, status = Client([1]), Path(path).stat()

    def before(number):
        Path(path).unlink()
        if there is not None:
            np.save(path, there)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    client.before = before
    text = refused(client, path)
    assert f"M.npy {words}: let all workers" in text
    assert text.startswith("worker tcp://1:1: /")


def test_one_that_does_not_answer(path, monkeypatch):
    monkeypatch.setattr(joining, "ANSWER_SECONDS", 0.1)
    client = Client([1])
    client.until = lambda futures, timeout: (_ for _ in ()).throw(TimeoutError)
    assert "worker tcp://1:1: it does not answer" in refused(client, path)


def test_too_little_memory(path):
    base = joining.BASE_BYTES
    # 13 shards of two slabs of four lines of 128 bytes, in whole shards.
    client = Client([])
    for _ in range(2):
        client.join(memory=base + 12 * 1024)
    text = refused(client, path, MemoryPlanError)
    assert "M takes 13.0 KiB on worker tcp://1:1, when another is lost, which has room for" in text
    client = Client([])
    for _ in range(2):
        client.join(memory=2 * base)
    found = place(client).of(open_matrix(path), "float64")
    assert found.told["worker_bytes"] <= found.told["worker_limit"]
    client = Client([])
    client.join(memory=(base + 100) * 10 // 6 + 1)  # of which Dask uses 60 % by itself
    assert "M takes 13.0 KiB on worker tcp://1:1, which has room for 100 B" in refused(
        client, path, MemoryPlanError
    )
    client.workers["tcp://1:1"].memory = 0  # of which there is no limit
    assert place(client).of(open_matrix(path), "float64").told["shards"] == 13


@pytest.mark.parametrize("threads", [[1], [1, 1], [1] * 4, [4, 2], [1] * 11])
def test_what_is_told_is_what_is_counted(tmp_path, threads):
    """Of a matrix that is cut as one of 2 GB: into 31 shards of two slabs."""
    shape, k = (3100, 3000), 24
    np.save(tmp_path / "M.npy", np.ones(shape, "f4"))
    client = Client(threads)
    found = place(client, 50 * 3000 * 4).of(open_matrix(str(tmp_path / "M.npy")), "float64")
    with looking_often():
        target = found.make(lambda share: None, None)
        V, none = np.ones((shape[1], k)), np.ones((shape[0], 0))
        target.normal(none, V)
        begun = len(client.tasks)
        client.moved = dict.fromkeys(client.moved, 0)
        target.normal(none, V)
    assert found.told["shards"] == 31
    assert found.told["tasks"] == len(client.tasks) - begun
    moved, forecast = sum(client.moved.values()), k * found.told["column_bytes"]
    # Tasks are of a few hundred bytes without what they are told.
    assert 0 <= moved - forecast <= 3000 * found.told["tasks"]
    if (workers := len(threads)) <= 4:  # of many shards each
        assert moved <= (workers + 2) * sum(shape) * k * 8
    # And every worker holds what was forecast of it at most, in whole shards.
    held = [sum(each.__sizeof__() for key, each in worker.held.items() if "shard" in key)
            for worker in client.workers.values()]  # fmt: skip
    assert sum(held) == 4 * shape[0] * shape[1]
    assert max(held) <= found.told["worker_bytes"]


def test_what_comes_at_any_byte_has_the_same_bits(tmp_path):
    rng = np.random.default_rng(2)
    np.save(tmp_path / "M.npy", rng.standard_normal((64, 300)))
    source = open_matrix(str(tmp_path / "M.npy"))
    slabs = source.slabs(16 * 300 * 8)
    recipe = Recipe.of(source, slabs, "float64", 16 * 300 * 8)
    U, V = rng.standard_normal((64, 5)), rng.standard_normal((300, 5))
    begin, totals = rng.standard_normal((64, 5)), (np.zeros((300, 5)), np.zeros((300, 5)))
    asked, lines = Asked(doubled, U, V, begin, totals), slice(32, 64)
    given = [load(recipe, 1)], Work.of(asked, lines), Shared(V, ())
    moved = [unpacked(packed(each)[0]) for each in given]
    # Else what is tested is not what it is tested for.
    assert not unpacked(packed(V)[0]).flags.aligned
    assert all(block.flags.aligned for block in moved[0][0].blocks)
    one, other = take(*given), take(*moved)
    np.testing.assert_array_equal(one.own, other.own)
    for first, second in zip(one.sums[0], other.sums[0], strict=True):
        np.testing.assert_array_equal(first, second)
    assert isinstance(moved[0][0], Shard)
    alone = BlockTarget(slabs)
    np.testing.assert_array_equal(alone.normal(U, V, begin)[0][lines], one.own)


def test_a_matrix_of_one_slab_on_many_workers(path):
    client, notes = Client([2] * 5), []
    with looking_often():
        held = target_of(path, client, block_bytes=MIB, note=notes.append)
        alone = BlockTarget(open_matrix(path).slabs(MIB))
        assert held.norm == alone.norm
    assert notes == ["M is cut into 1 shards: 4 of 5 workers idle"]
    assert len({address for key, address in client.tasks if key.startswith("take")}) == 1
