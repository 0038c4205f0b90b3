"""Workers that are lost, that join, and that come back in the middle of a pass: the same bits."""

from __future__ import annotations

import os
import random
import threading

import numpy as np
import pytest
from cluster_by_hand import Client, looking_often, target_of
from hypothesis import given
from hypothesis import strategies as st

from mfact.errors import StorageError
from mfact.matrices.source import open_matrix
from mfact.targets.blocks import BlockTarget
from mfact.targets.distributed import gathering, target

SHAPE, LINE = (150, 8), 64
EVENTS = ("kill", "kill all", "join", "again", "stranger")


@pytest.fixture(autouse=True)
def _at_once():
    with looking_often():
        yield


@pytest.fixture
def path(tmp_path):
    np.save(tmp_path / "M.npy", np.random.default_rng(3).standard_normal(SHAPE))
    return tmp_path / "M.npy"


@pytest.fixture
def sides():
    rng = np.random.default_rng(4)
    return tuple(rng.standard_normal((d, 3)) for d in SHAPE)


def alone(path, sides):
    """What a reading of the file finds, of slabs of three lines: 25 shards."""
    held = BlockTarget(open_matrix(str(path)).slabs(3 * LINE))
    return [*held.normal(*sides), held.norm, *held.sums]


def shared(path, client, **more):
    return target_of(path, client, block_bytes=3 * LINE, **more)


def same(target, sides, truth):
    found = [*target.normal(*sides), target.norm, *target.sums]
    return all(np.array_equal(one, other) for one, other in zip(found, truth, strict=True))


def happens(client, event, rng):
    there = sorted(client.workers)
    if event == "kill" and there:
        client.kill(rng.choice(there))
    elif event == "kill all":
        for address in there:
            client.kill(address)
        client.join(2)
    elif event == "again" and there:  # one that is started again at the same address
        address = rng.choice(there)
        client.kill(address)
        client.join(address=address)
    elif event == "stranger":
        client.join(versions={"numpy": "1.0"})
    else:
        client.join(rng.choice([1, 2]))
    if all(worker.versions for worker in client.workers.values()):
        client.join()


def test_whatever_happens_at_any_moment(path, sides):
    truth = alone(path, sides)

    @given(
        threads=st.lists(st.integers(1, 3), min_size=1, max_size=4),
        events=st.lists(st.tuples(st.integers(0, 150), st.sampled_from(EVENTS)), max_size=5),
        seed=st.integers(0, 2**32 - 1),
    )
    def check(threads, events, seed):
        client, rng, notes = Client(threads, seed), random.Random(seed), []
        held, left = shared(path, client, note=notes.append), sorted(events)

        def before(number):
            while left and left[0][0] <= number:
                happens(client, left.pop(0)[1], rng)

        client.before = before
        for _ in range(3):
            assert same(held, sides, truth)
        client.before = lambda number: None
        assert same(held, sides, truth)
        strangers = {a for a, worker in client.workers.items() if worker.versions}
        assert not strangers & {address for _, address in client.tasks}
        for address in strangers:
            assert sum(address in note and "numpy" in note for note in notes) == 1
        # All is even again, and nothing is kept that is of no use.
        for thread in threading.enumerate():
            if thread.name == gathering.GATHERS:
                thread.join()
        assert sum("shard" in future.key for future in client.futures) == 25

    check()


def test_what_others_have_done_is_not_done_again(path, sides):
    truth, client, notes = alone(path, sides), Client([1, 1, 1]), []
    held = shared(path, client, note=notes.append)
    assert same(held, sides, truth)
    begun, victim = len(client.tasks), sorted(client.workers)[1]

    def before(number):
        if victim in client.workers and number == begun + 6:
            client.kill(victim)

    client.before = before
    assert same(held, sides, truth)
    assert notes == [f"lost {victim}: what they held of M is read anew by others"]
    done = [(key, address) for key, address in client.tasks[begun:] if address != victim]
    # 9 of 25 shards were its own.
    assert sum("shard" in key for key, _ in done) == 9
    parts = [key for key, _ in done if key.startswith("take")]
    assert len(parts) == len(set(parts))
    begun = len(client.tasks)
    assert same(held, sides, truth)
    assert not any("shard" in key for key, _ in client.tasks[begun:])


def test_one_that_joins_is_given_its_share_and_no_more(path, sides):
    truth, client = alone(path, sides), Client([1, 1])
    held = shared(path, client)
    assert same(held, sides, truth)
    new, begun = client.join(), len(client.tasks)
    assert same(held, sides, truth)
    read = [address for key, address in client.tasks[begun:] if "shard" in key]
    assert read == [new] * 8
    # And those that were read last are given up first, so that neighbours stay neighbours.
    client.kill(new)
    assert same(held, sides, truth)
    new, begun = client.join(), len(client.tasks)
    before = {a: {key for key in worker.held if "shard" in key}
              for a, worker in client.workers.items()}  # fmt: skip
    assert same(held, sides, truth)
    read = [key for key, _ in client.tasks[begun:] if "shard" in key]
    assert len(read) == 8
    assert before[new] == set()


def test_a_pass_that_is_lost_again_and_again_is_given_up(path, sides):
    client = Client([1, 1])
    held = shared(path, client)

    def before(number):
        if number > 20:
            happens(client, "kill", random.Random(number))
            client.join()

    client.before = before
    with pytest.raises(StorageError, match="a pass over M was lost 6 times on the cluster"):
        held.normal(*sides)
    client.before = lambda number: None
    assert same(held, sides, alone(path, sides))


def test_no_worker_for_a_while(path, sides, monkeypatch):
    monkeypatch.setattr(target, "WORKERLESS_SECONDS", 0.05)
    client = Client([1, 1])
    held = shared(path, client)
    assert same(held, sides, alone(path, sides))
    for address in list(client.workers):
        client.kill(address)
    with pytest.raises(StorageError, match=r"no worker of the cluster has been there for 0\.05 s"):
        held.normal(*sides)
    client.join()
    assert same(held, sides, alone(path, sides))


def test_a_scheduler_that_is_gone(path, sides):
    client = Client([1, 1])
    held = shared(path, client)

    def before(number):
        client.status = "connecting" if number == 30 else client.status

    client.before = before
    with pytest.raises(StorageError, match="the scheduler of the cluster is gone"):
        held.normal(*sides)
    with pytest.raises(StorageError, match="the scheduler of the cluster is gone"):
        held.normal(*sides)


@pytest.mark.parametrize("change", ["longer", "other numbers", "gone"])
def test_a_file_that_changes(path, sides, change):
    client = Client([1, 1])
    held = shared(path, client)
    if change == "gone":
        path.unlink()
    else:
        M = np.load(path)
        np.save(path, np.vstack([M, M]) if change == "longer" else M + 1)
        if change == "other numbers":
            os.utime(path, (1, 1))
    with pytest.raises(StorageError, match=r"M.npy (was changed|cannot be seen)"):
        held.normal(*sides)
