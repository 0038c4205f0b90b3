import numpy as np
import pytest
from contracts.pass_contract import matrix, problem
from contracts.target_contract import TargetContract
from hypothesis import given
from hypothesis import strategies as st

from mfact.core import LEFT, RIGHT
from mfact.errors import DataError
from mfact.host.threads import ALONE, Workers
from mfact.targets import bands
from mfact.targets.dense import DenseTarget


class TestDenseTarget(TargetContract):
    def make(self, M, workers=ALONE):
        return DenseTarget(M, None, workers)


class TestFortranOrderedDenseTarget(TargetContract):
    def make(self, M, workers=ALONE):
        return DenseTarget(np.asfortranarray(M), None, workers)


class TestDenseTargetInManyBands(TargetContract):
    @pytest.fixture(autouse=True)
    def bands_of_few_lines(self, monkeypatch):
        monkeypatch.setattr(bands, "LEAST_BYTES", 64)
        monkeypatch.setattr(bands, "LINES_A_COLUMN", 1)

    def make(self, M, workers=ALONE):
        return DenseTarget(M, None, workers)


def test_the_matrix_is_not_copied():
    for M in (np.ones((5, 3)), np.ones((5, 3), order="F")):
        assert np.shares_memory(DenseTarget(M).matrix, M)


@pytest.mark.parametrize(
    "bad", [np.ones(3), np.ones((0, 3)), np.ones((2, 2), int), np.ones((2, 2), complex)]
)
def test_what_is_no_float_matrix_is_refused(bad):
    with pytest.raises(DataError):
        DenseTarget(bad)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("order", ["C", "F"])
def test_one_value_that_is_not_finite_is_found_wherever_it_is(bad, order):
    # Of 5 MB: several bands, and several pieces of each.
    M = np.asarray(matrix((800, 850), np.float64), order=order)
    for at in ((0, 0), (430, 7), (-1, -1)):
        kept, M[at] = M[at], bad
        with pytest.raises(DataError):
            _ = DenseTarget(M).norm
        M[at] = kept


@pytest.mark.parametrize(
    ("shape", "order", "leads"),
    [
        ((8, 6), "C", RIGHT),
        ((6, 8), "C", RIGHT),
        ((8, 6), "F", LEFT),
        ((6, 8), "F", LEFT),
        ((8, 1), "F", RIGHT),
        ((1, 8), "C", LEFT),
        ((50, 8), "F", RIGHT),
        ((8, 50), "C", LEFT),
    ],
)
def test_the_lines_that_are_in_one_piece_lead_unless_they_are_few(shape, order, leads):
    assert DenseTarget(np.ones(shape, order=order)).leads == leads


@given(
    lines=st.integers(1, 10**6),
    length=st.integers(1, 10**6),
    columns=st.integers(0, 300),
    itemsize=st.sampled_from([4, 8]),
)
def test_bands_are_equal_and_their_sums_small(lines, length, columns, itemsize):
    cut = bands.bands((lines, length), columns, itemsize)
    sizes = [band.stop - band.start for band in cut]
    assert [band.start for band in cut[1:]] == [band.stop for band in cut[:-1]]
    assert (cut[0].start, cut[-1].stop) == (0, lines)
    assert max(sizes) - min(sizes) <= 1
    assert len(cut) in (1, 2, 4, 8, 16, 32, 64)
    if len(cut) > 1:
        assert min(sizes) >= 1
        assert min(sizes) * length * itemsize > bands.LEAST_BYTES - length * itemsize
        assert 16 * len(cut) * length * columns <= lines * length


def test_the_sums_of_bands_are_added_one_after_the_other():
    parts = np.random.default_rng(4).standard_normal((7, 900, 3))
    truth = np.zeros((900, 3))
    for part in parts:
        truth += part
    with Workers(3) as workers:
        found = bands.added(parts, workers)
    np.testing.assert_array_equal(found, truth)
    assert found.base is None  # and so keeps none of the parts


def test_all_workers_take_part_in_every_pass():
    M, U, V = problem((1500, 1000), 5, np.float64)

    class Told(Workers):
        tasks = ()

        def shared(self, tasks):
            self.tasks += (len(tasks),)
            return super().shared(tasks)

    for ask in (
        lambda target: target.products(U, V),
        lambda target: target.normal(U, V),
        lambda target: target.residual_norm(U, V),
        lambda target: target.norm,
    ):
        with Told(2) as workers:
            ask(DenseTarget(M, None, workers))
        assert min(workers.tasks) >= 4
