"""Whatever may hold M, on both sides of what is taken: scale, kinds, bytes, and a new row."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import matrix
from scipy.sparse import coo_array, csr_array, save_npz

from mfact.errors import DataError
from mfact.matrices.source import open_matrix
from mfact.problems.scale import require_scale
from mfact.run.solve import resume, solve
from mfact.studies.check import recompute
from mfact.studies.flow import FlowSettings, study
from mfact.studies.inspect import inspect_matrix
from mfact.studies.sweep import singular_values
from mfact.targets import door
from mfact.targets.dense import DenseTarget
from mfact.targets.door import held
from mfact.targets.holders import Holder
from mfact.theory.lemma_3_2 import GLOBAL_OPTIMUM

ENDS = [("float64", 1e-50, 1e50), ("float32", 1e-8, 1e8)]


def of_norm(norm, dtype, seed=0):
    M = np.random.default_rng(seed).standard_normal((5, 4))
    return (M * (norm / np.linalg.norm(M))).astype(dtype)


@pytest.mark.parametrize(("dtype", "least", "most"), ENDS)
@given(seed=st.integers(0, 1000))
def test_a_norm_within_the_limits_runs_and_one_beyond_is_refused(dtype, least, most, seed):
    for norm in (1.01 * least, 0.99 * most):
        require_scale(DenseTarget(of_norm(norm, dtype, seed)))
    for norm in (0.99 * least, 1.01 * most):
        with pytest.raises(DataError, match="the arithmetic needs it between") as error:
            require_scale(DenseTarget(of_norm(norm, dtype, seed)))
        assert f"{least:g} and {most:g}" in error.value.sentence
        # What it says to do mends it.
        factor = float(error.value.way_out.removeprefix("divide the matrix by "))
        require_scale(DenseTarget(of_norm(norm / factor, dtype, seed)))


@pytest.mark.parametrize(("dtype", "least", "most"), ENDS)
def test_a_run_refuses_what_the_limits_refuse_and_takes_what_they_take(dtype, least, most):
    for norm in (0.99 * least, 1.01 * most):
        with pytest.raises(DataError, match="‖M‖_F = "):
            solve(of_norm(norm, dtype), rank=1, seed=1, dtype=dtype)
    for norm in (1.01 * least, 0.99 * most):
        result = solve(of_norm(norm, dtype), rank=1, seed=1, dtype=dtype, max_iter=3)
        assert all(np.isfinite(factor).all() for factor in (result.U, result.V))
        assert np.isfinite(result.summary["loss"])


def test_zero_is_refused_as_zero():
    with pytest.raises(DataError, match="the matrix is zero"):
        require_scale(DenseTarget(np.zeros((3, 2))))


@pytest.mark.parametrize("kind", ["f8", "f4", "f2", "i1", "u8", "?"])
def test_real_numbers_of_every_kind_become_those_of_the_arithmetic(kind):
    M = np.array([[1, 0], [1, 1]]).astype(kind)
    for dtype in ("float64", "float32"):
        found = held(M, dtype)
        target = found.target()
        assert target.dtype == np.dtype(dtype)
        # The norm of (1 0; 1 1) is √3, in the arithmetic asked for.
        assert target.norm == pytest.approx(3**0.5, rel=2 * float(np.finfo(dtype).eps))
        assert found.described == {"name": "array"}


@pytest.mark.parametrize("kind", ["c16", "O", "U3"])
def test_what_is_not_a_real_number_is_refused_by_its_kind(kind):
    M = np.ones((2, 2)).astype(kind)
    with pytest.raises(DataError, match="pass real numbers") as error:
        held(M, "float64").target()
    assert str(M.dtype) in error.value.sentence


def test_a_target_is_taken_as_it_is():
    target = DenseTarget(np.eye(3))
    assert held(target, "float32").target().held is target


@pytest.mark.parametrize("shape", [(), (3,), (2, 2, 2)])
def test_what_is_no_matrix_is_refused_by_its_shape(shape):
    with pytest.raises(DataError, match="pass a non-empty 2-D matrix") as error:
        held(np.ones(shape), "float64")
    assert str(shape) in error.value.sentence


def test_what_memory_it_takes_is_what_is_not_there_yet(tmp_path):
    M = np.eye(50, 40)
    np.save(tmp_path / "M.npy", M)
    save_npz(tmp_path / "S.npz", csr_array(M))
    dense, sparse = (open_matrix(str(tmp_path / name)) for name in ("M.npy", "S.npz"))
    needed = {dtype: [held(each, dtype).needed for each in (M, M.tolist(), dense, DenseTarget(M))]
              for dtype in ("float64", "float32")}  # fmt: skip
    assert needed == {"float64": [0, 16000, 16000, 0], "float32": [8000, 8000, 8000, 0]}
    assert 0 < held(csr_array(M), "float64").needed < held(sparse, "float64").needed < 16000


def test_a_sparse_matrix_in_memory_costs_its_entries():
    rows, d = np.arange(100), 10**6
    M = coo_array((np.ones(100), (rows * 7919, rows * 104_729 % d)), shape=(d, d))
    found = held(M, "float64")
    assert found.needed < 1 << 30
    assert found.target().norm == pytest.approx(10)
    with pytest.raises(DataError, match="pass real numbers"):
        held(M.astype(complex), "float64").target()


def test_nothing_is_read_before_the_target_is_asked_for(tmp_path):
    np.save(tmp_path / "M.npy", np.full((3, 2), np.nan))
    found = held(open_matrix(str(tmp_path / "M.npy")), "float64")
    assert (found.described["stored_dtype"], found.named["dataset"]) == ("<f8", None)
    with pytest.raises(DataError, match="not finite"):
        found.target()


def test_passes_go_on_from_those_already_taken():
    assert held(np.eye(3), "float64").target(5).passes == 5


class Tiles:
    """Rows of a matrix in three parts, as a user may keep them."""

    def __init__(self, M):
        self.parts, self.shape = np.array_split(M, 3), M.shape


class TiledTarget:
    """The least that a target is."""

    def __init__(self, tiles):
        self.parts, self.shape, self.dtype = tiles.parts, tiles.shape, np.dtype(float)
        self.norm = math.sqrt(sum(float(np.sum(part**2)) for part in self.parts))
        self.cuts = np.cumsum([len(part) for part in self.parts])[:-1]

    def products(self, U, V):
        backward = zip(self.parts, np.split(U, self.cuts), strict=True)
        return np.vstack([part @ V for part in self.parts]), sum(p.T @ u for p, u in backward)

    def residual_norm(self, U, V):
        both = zip(self.parts, np.split(U, self.cuts), strict=True)
        return math.sqrt(sum(float(np.sum((u @ V.T - part) ** 2)) for part, u in both))


@pytest.fixture
def tiles(monkeypatch):
    """A new way to hold M: its target, and one row at the door."""
    row = Holder(lambda given: isinstance(given, Tiles), lambda *_: 0, lambda M, *_: TiledTarget(M))
    monkeypatch.setattr(door, "HOLDERS", (row, *door.HOLDERS))
    M, _, _ = matrix(np.random.default_rng(1), (30, 20), np.r_[3.0, 2.0, np.full(5, 0.1)])
    return M, Tiles(M)


def test_a_new_row_is_taken_wherever_a_matrix_is(tiles, tmp_path):
    M, tiled = tiles
    path = str(tmp_path / "c.h5")
    options = {"rank": 2, "seed": 1, "schedule": "constant"}
    expected = solve(M, **options)
    solve(tiled, **options, max_iter=5, checkpoint=path)
    for result in (solve(tiled, **options), resume(path, tiled, max_iter=10_000)):
        assert result.outcome.name == "GLOBAL_OPTIMUM"
        np.testing.assert_allclose(result.U @ result.V.T, expected.U @ expected.V.T, atol=1e-9)
    found = recompute(held(tiled, "float64").target(), expected)
    assert found.certificate.kind == GLOBAL_OPTIMUM
    for each in (M, tiled):
        seen = inspect_matrix(each)
        assert (seen.numerical_rank, seen.nonzeros) == (7, 600)
        np.testing.assert_allclose(singular_values(each), seen.singular_values[:7], rtol=1e-12)
        assert study(each, FlowSettings(rank=2)).sigma[1] == pytest.approx(2.0)
