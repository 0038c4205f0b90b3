"""Runs in several threads of one process: what they share is left as it was found."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from mfact.errors import DataError
from mfact.host.threads import blas_threads
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
    first, second = blas_threads(None), blas_threads(None)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert blas() == {1}
    second.__exit__(None, None, None)
    assert blas() == found


def test_of_different_numbers_the_least_holds(found):
    four, one, two = blas_threads(4), blas_threads(1), blas_threads(2)
    seen = []
    for step in (four.__enter__, one.__enter__, two.__enter__):
        step()
        seen.append(blas())
    for end in (one, four, two):
        end.__exit__(None, None, None)
        seen.append(blas())
    assert seen == [{4}, {1}, {1}, {2}, {2}, found]


def test_an_error_restores_too(found):
    with blas_threads(1), pytest.raises(ValueError, match="inner"), blas_threads(1):
        raise ValueError("inner")
    assert blas() == found


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
                threads = 1 + seed % 2
                results.append(
                    solve(source, rank=2, seed=1, threads=threads, max_iter=200, signals=True)
                )
                with pytest.raises(DataError):
                    open_matrix(str(tmp_path / "M.mtx")).read()
                with pytest.raises(DataError):
                    solve(0 * M, rank=2)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len({result.outcome for result in results}) == 1
    assert state() == before


def test_a_child_of_a_process_with_a_run_on_restores_as_well(found):
    with blas_threads(1):
        child = os.fork()
        if child == 0:
            with blas_threads(2):
                inside = blas()
            os._exit(0 if (inside, blas()) == ({2}, found) else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert blas() == found
