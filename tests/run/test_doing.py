"""What a run says that it is busy with: reading, passes, closer looks, its certificate."""

from __future__ import annotations

import itertools
import re

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from matrices import of_kind

from mfact.matrices.source import open_matrix
from mfact.run.solve import resume, solve


def told_by(run):
    """What a run was busy with, one after another, and the numbers of passes it told."""
    told = []
    result = run(busy=lambda what, far: told.append((what, far)))
    passes = [int(m[1]) for _, far in told if (m := re.match(r"(\d+) passes", far))]
    return (
        [what for what, _ in itertools.groupby(told, key=lambda pair: pair[0])],
        passes,
        result,
        told,
    )


@pytest.fixture(params=["M.npy", "M.npz", "M.h5", "S.npz", "M.mtx", "S.mtx"])
def path(request, tmp_path):
    M = of_kind("noisy")
    np.save(tmp_path / "M.npy", M)
    np.savez(tmp_path / "M.npz", M)
    with h5py.File(tmp_path / "M.h5", "w") as file:
        file["M"] = M
    scipy.io.mmwrite(tmp_path / "M.mtx", M)
    scipy.io.mmwrite(tmp_path / "S.mtx", scipy.sparse.csr_array(M))
    scipy.sparse.save_npz(tmp_path / "S.npz", scipy.sparse.csr_array(M))
    return str(tmp_path / request.param)


def test_every_part_of_a_run_is_told_in_its_order(path, tmp_path):
    kept = str(tmp_path / "kept.h5")
    what, passes, result, told = told_by(
        lambda busy: solve(open_matrix(path), rank=2, seed=1, schedule="constant", busy=busy,
                           checkpoint=kept, checkpoint_every="10")
    )  # fmt: skip
    assert what[:3] == ["reading M", "first passes", ""]
    assert what[-2:] == ["certificate", ""]
    assert set(what) <= {"reading M", "first passes", "", "closer look", "certificate"}
    assert [far for what, far in told if what == "reading M"][-1] == "100 %"
    assert passes == sorted(passes)
    # Those while it steps are not numbered: the step is.
    assert 0 < len(passes) <= result.summary["passes"]
    again, _, _, _ = told_by(lambda busy: resume(kept, open_matrix(path), busy=busy))
    assert again[:3] == ["reading M", "first passes", ""]


def test_a_flight_is_told_as_it_gets_on():
    what, _, _, told = told_by(
        lambda busy: solve(of_kind("noisy"), rank=2, seed=1, schedule="power", busy=busy)
    )
    assert "fast-forward" in what
    steps = [float(far.partition("^")[2]) for what, far in told if what == "fast-forward"]
    assert steps == sorted(steps)
    assert len(steps) > 3
