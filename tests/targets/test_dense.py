import numpy as np
import pytest
from contracts.target_contract import TargetContract

from mfact.errors import DataError
from mfact.targets.dense import DenseTarget


class TestDenseTarget(TargetContract):
    def make(self, M):
        return DenseTarget(M)


class TestFortranOrderedDenseTarget(TargetContract):
    def make(self, M):
        return DenseTarget(np.asfortranarray(M))


def test_the_matrix_is_not_copied():
    for M in (np.ones((5, 3)), np.ones((5, 3), order="F")):
        assert np.shares_memory(DenseTarget(M).matrix, M)


@pytest.mark.parametrize(
    "bad", [np.ones(3), np.ones((0, 3)), np.ones((2, 2), int), np.ones((2, 2), complex)]
)
def test_what_is_no_float_matrix_is_refused(bad):
    with pytest.raises(DataError):
        DenseTarget(bad)
