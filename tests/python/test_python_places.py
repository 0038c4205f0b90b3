"""workers, scheduler and device from Python, with a cluster that is none."""

from __future__ import annotations

import numpy as np
import pytest
from matrices import noisy

import mfact
from mfact.errors import MfactError, StorageError

QUICK = {"schedule": "constant", "seed": 1}


@pytest.fixture
def path(tmp_path):
    np.save(tmp_path / "M.npy", noisy(np.random.default_rng(1), (150, 120), [30, 20, 10.0], 0.3))
    return tmp_path / "M.npy"


def test_a_run_on_a_cluster_and_on_from_what_it_left(path, tmp_path, cluster):
    kept = tmp_path / "c.h5"
    whole = mfact.solve(path, 2, workers=2, **QUICK)
    cluster.at, cluster.error = 9, StorageError("the scheduler is gone")
    with pytest.raises(StorageError) as error:
        mfact.solve(path, 2, scheduler="tcp://here", checkpoint=kept, **QUICK)
    assert str(error.value) == (
        f'the scheduler is gone: resume with mfact.resume("{kept}"), and scheduler for a cluster'
    )
    cluster.at = None
    for asked in ({}, {"workers": 3}, {"scheduler": "tcp://here"}):
        went_on = mfact.resume(kept, **asked)
        assert np.array_equal(went_on.U, whole.U)
        assert {name: went_on.settings[name]["value"] for name in asked} == asked
    assert cluster.asked[2:] == [(None, 3), ("tcp://here", None)]


def test_runs_that_are_compared_share_m(path, cluster):
    found = mfact.compare(path, vary={"rank": [1, 2]}, workers=2, **QUICK)
    assert (len(cluster.asked), len(cluster.made)) == (1, 1)
    assert np.array_equal(found.runs[1].U, mfact.solve(path, 2, workers=1, **QUICK).U)
    with pytest.raises(MfactError, match="device is that of all runs, which share M: give it"):
        mfact.compare(path, 2, vary={"device": ["cpu", "cuda"]}, **QUICK)


def test_refusals_in_the_words_of_python(path, cluster):
    M = np.load(path)
    for given, asked, said in (
        (M, {"workers": 2}, "workers is for a matrix in a file, which the workers read"),
        (path, {"workers": 2, "scheduler": "a"}, "workers starts a cluster here, and scheduler"),
        (path, {"workers": 2, "method": "adam"}, 'workers with method="adam" passes over M in'),
    ):
        with pytest.raises(MfactError, match=said):
            mfact.solve(given, 2, **asked)
    assert cluster.asked == []
