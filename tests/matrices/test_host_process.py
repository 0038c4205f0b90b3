"""The child that reads HDF5 in a process that has threads, files and locks of its own."""

from __future__ import annotations

import fcntl
import gc
import multiprocessing
import os
import threading

import h5py
import numpy as np
import pytest
from h5py._objects import phil

from mfact.matrices.apart import Piece, apart
from mfact.matrices.source import open_matrix
from mfact.run.solve import solve

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def matrix(tmp_path):
    path = tmp_path / "M.h5"
    with h5py.File(path, "w") as file:
        file["M"] = np.arange(12.0).reshape(4, 3) + np.eye(4, 3)
    return str(path)


def waiting():
    """Work that has begun, and goes on until it is ended."""

    def work():
        while True:
            yield Piece(1, None)

    pieces = apart(work, "M")
    next(pieces)
    return pieces


@pytest.mark.parametrize("mode", ["w", "r+", "r"])
def test_a_file_of_the_host_is_free_once_the_host_has_closed_it(tmp_path, matrix, mode):
    path = tmp_path / "host.h5"
    h5py.File(path, "w").close()
    file = h5py.File(path, mode)
    pieces = waiting()
    file.close()
    h5py.File(path, "w").close()  # refused while anyone has the lock
    pieces.close()


def test_a_lock_of_the_host_is_its_own(tmp_path):
    with (tmp_path / "lock").open("w") as mine:
        fcntl.flock(mine, fcntl.LOCK_EX)
        pieces = waiting()
    with (tmp_path / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    pieces.close()


def test_a_pipe_of_the_host_ends_when_the_host_closes_it():
    reading, writing = os.pipe()
    pieces = waiting()
    os.close(writing)
    assert os.read(reading, 1) == b""
    pieces.close()
    os.close(reading)


def test_the_child_can_write_to_no_file_of_the_host(tmp_path):
    file = (tmp_path / "text").open("w+b", buffering=0)
    file.write(b"before")

    def work():
        try:
            yield Piece(os.pread(file.fileno(), 9, 0), None)
            os.write(file.fileno(), b"child")
        except OSError as error:
            yield Piece(error.errno is not None, None)

    assert [piece.note for piece in apart(work, "M")] == [b"before", True]
    file.close()
    assert (tmp_path / "text").read_bytes() == b"before"


def test_what_the_host_has_dropped_is_not_flushed_by_the_child(tmp_path):
    class Cycle:
        pass

    path, cycle = tmp_path / "host.h5", Cycle()
    cycle.me, cycle.file = cycle, h5py.File(path, "w")
    cycle.file["x"] = np.arange(10)
    before = path.read_bytes()
    gc.disable()
    try:
        del cycle
        assert [p.note for p in apart(lambda: iter([Piece(gc.collect() >= 0, None)]), "M")] == [
            True
        ]
        assert path.read_bytes() == before
    finally:
        gc.enable()
        gc.collect()
    with h5py.File(path) as file:
        assert file["x"][9] == 9


def test_a_thread_inside_hdf5_is_waited_for(matrix):
    inside, done = threading.Event(), threading.Event()

    def host():
        with phil:
            inside.set()
            done.wait(0.3)

    thread = threading.Thread(target=host)
    thread.start()
    inside.wait()
    assert open_matrix(matrix).read().shape == (4, 3)
    done.set()
    thread.join()


@pytest.mark.slow
def test_a_host_that_reads_and_writes_all_the_time(tmp_path, matrix):
    stop, errors, rounds = threading.Event(), [], []

    def host(number):
        try:
            while not stop.is_set():
                with h5py.File(tmp_path / f"{number}.h5", "w") as file:
                    file["x"] = np.arange(100.0)
                    assert file["x"][99] == 99
                rounds.append(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=host, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(15):
        assert open_matrix(matrix).read()[3, 2] == 11
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors
    assert rounds


@pytest.mark.parametrize("mode", ["r", "r+"])
def test_the_matrix_may_be_open_in_the_host(matrix, mode):
    with h5py.File(matrix, mode) as file:
        if mode == "r+":
            file["M"][0, 0] = 100.0
        assert open_matrix(matrix).read()[0, 0] == (100.0 if mode == "r+" else 1.0)
        if mode == "r+":
            file["M"][0, 1] = 50.0
    assert open_matrix(matrix).read()[0, :2].tolist() == ([100, 50] if mode == "r+" else [1, 1])


def _outcome(path):
    return solve(open_matrix(path), rank=1, seed=1, max_iter=50).outcome


def test_readers_in_threads_and_in_forked_processes(matrix):
    expected = _outcome(matrix)
    found = []
    threads = [threading.Thread(target=lambda: found.append(_outcome(matrix))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found += pool.map(_outcome, [matrix] * 3)
    assert found == [expected] * 6
