"""Workers and the threads of BLAS: what a process shares is left as it was found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from mfact.errors import DataError
from mfact.host import threads
from mfact.host.threads import cores, working
from mfact.matrices.source import open_matrix
from mfact.run.solve import solve


def blas():
    """The numbers of threads of the BLAS libraries that are loaded."""
    return {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}


@pytest.fixture(params=[2, 3])
def found(request):
    with threadpool_limits(request.param, user_api="blas"):
        yield {request.param}


def test_the_last_of_two_that_overlap_restores_what_the_first_found(found):
    first, second = working(2), working()
    first.__enter__()
    second.__enter__()
    assert blas() == {1}
    first.__exit__(None, None, None)
    assert blas() == {1}
    second.__exit__(None, None, None)
    assert blas() == found


def test_an_error_restores_too(found):
    with working(), pytest.raises(ValueError, match="inner"), working():
        raise ValueError("inner")
    assert blas() == found


def test_a_library_that_is_loaded_within_is_limited_from_the_next_on():
    """SciPy brings a BLAS of its own, which comes with the number of threads that it finds."""
    script = """
import numpy
from threadpoolctl import threadpool_info, threadpool_limits
from mfact.host.threads import working
def blas():
    return sorted(each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas")
threadpool_limits(2, user_api="blas")
with working(1):
    print(blas())
    import scipy.linalg
    threadpool_limits(2, user_api="blas")  # as it is loaded where there are two cores
    with working(1):
        print(blas())
    print(blas())
print(blas())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert done.stdout == "[1]\n[1, 1]\n[1, 1]\n[2, 2]\n", done.stderr


def test_what_a_task_raises_is_raised_when_none_is_left():
    """The caller's own share fails at once; the other worker ends its first task and no more."""
    begun, done = threading.Event(), []

    def fail():
        begun.wait()
        raise ValueError("mine")

    def slow():
        begun.set()
        time.sleep(0.05)
        done.append(1)

    with working(2) as workers:
        with pytest.raises(ValueError, match="mine"):
            workers.each([fail, slow, print, slow])
        assert done == [1]
        assert workers.each([lambda: 1, lambda: 2]) == [1, 2]  # and goes on


def test_an_interrupt_of_the_caller_ends_the_others_too():
    """SIGINT reaches the thread that waits for the workers."""

    def slow(done):
        time.sleep(0.05)
        done.append(1)

    done: list[int] = []
    mine = partial(signal.raise_signal, signal.SIGINT)
    with working(3) as workers, pytest.raises(KeyboardInterrupt):
        workers.each([mine, *[partial(slow, done)] * 8])
    assert len(done) <= 2 + 2


def test_files_are_read_in_a_child_while_workers_stand_by(tmp_path):
    """A fork has none of the threads of the pool, and waits for none."""
    M = np.random.default_rng(0).standard_normal((30, 20))
    with h5py.File(tmp_path / "M.h5", "w") as file:
        file["X"] = M
    with working(3) as workers:
        for _ in range(2):
            workers.each([partial(np.matmul, M, M.T)] * 6)
            assert np.array_equal(open_matrix(str(tmp_path / "M.h5")).read(), M)


@pytest.mark.parametrize(
    ("affinity", "quotas", "count"),
    [(4, [], 4), (4, [8.0], 4), (4, [2.5, 3.0], 3), (4, [0.2], 1), (1, [3.0], 1)],
)
def test_cores_are_the_least_of_the_mask_and_the_quotas(monkeypatch, affinity, quotas, count):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(affinity))
    monkeypatch.setattr(threads, "processors", lambda: iter(quotas))
    assert cores() == count
    with working() as workers:
        assert workers.count == count


def test_where_addresses_are_limited_one_works_unless_told_how_many_fit(monkeypatch):
    monkeypatch.setattr(threads, "limits_addresses", lambda: True)
    monkeypatch.setattr(threads, "cores", lambda: 3)
    with working() as alone, working(2) as two:
        assert (alone.count, two.count) == (1, 2)


@pytest.mark.slow
def test_runs_in_many_threads_leave_the_process_as_it_was(found, tmp_path):
    rng = np.random.default_rng(0)
    M = rng.standard_normal((30, 20))
    np.save(tmp_path / "M.npy", M)
    (tmp_path / "M.mtx").write_text("%%MatrixMarket matrix array real general\n2 2\n1 2 3 x\n")

    def state():
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)
        handlers = [signal.getsignal(number) for number in numbers]
        return blas(), handlers, list(warnings.filters), np.geterr(), dict(os.environ), Path.cwd()

    solve(M, rank=2, seed=1, max_iter=5)  # imports add filters of theirs, once
    with pytest.raises(DataError):
        open_matrix(str(tmp_path / "M.mtx")).read()
    before, errors, results = state(), [], []

    def run(seed):
        try:
            for _ in range(2):
                source = open_matrix(str(tmp_path / "M.npy"))
                count = 1 + seed % 2
                results.append(
                    solve(source, rank=2, seed=1, threads=count, max_iter=200, signals=True)
                )
                with pytest.raises(DataError):
                    open_matrix(str(tmp_path / "M.mtx")).read()
                with pytest.raises(DataError):
                    solve(0 * M, rank=2)
        except BaseException as error:
            errors.append(error)

    running = [threading.Thread(target=run, args=(seed,)) for seed in range(4)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert not errors
    assert len({result.outcome for result in results}) == 1
    assert state() == before


def test_a_child_of_a_process_with_a_run_on_restores_as_well(found):
    with working(2) as workers:
        workers.each([print, print])
        child = os.fork()
        if child == 0:
            with working(2) as own:
                inside, both = blas(), own.each([lambda: 1, lambda: 2])
            os._exit(0 if (inside, both, blas()) == ({1}, [1, 2], found) else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert blas() == found
