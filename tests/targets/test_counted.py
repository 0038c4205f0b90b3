import numpy as np
import pytest
from contracts.holders import Foreign
from contracts.target_contract import TargetContract

from mfact.host.threads import ALONE
from mfact.targets.counted import Counted
from mfact.targets.dense import DenseTarget


class TestCounted(TargetContract):
    def make(self, M, workers=ALONE):
        return Counted(DenseTarget(M, None, workers))


class TestCountedForeign(TargetContract):
    def make(self, M, workers=ALONE):
        return Counted(Foreign(M))

    def sums_eps(self, dtype):
        return float(np.finfo(dtype).eps)


@pytest.mark.parametrize("widths", [(2, 2), (2, 0), (0, 1), (0, 0)])
def test_every_product_is_a_pass_and_the_norm_is_none(widths):
    target = Counted(DenseTarget(np.ones((5, 4))), passes=7)
    assert target.norm == pytest.approx(20**0.5)
    assert len(target.sums[0]) == len(Counted(Foreign(np.ones((5, 4)))).sums[0]) == 4
    assert target.passes == 7
    target.products(np.ones((5, widths[0])), np.ones((4, widths[1])))
    target.residual_norm(np.ones((5, 1)), np.ones((4, 1)))
    assert target.passes == 9
    target.held.residual_norm(np.ones((5, 1)), np.ones((4, 1)))
    assert target.passes == 9


def test_the_rounding_of_what_is_stored_is_passed_on():
    M = DenseTarget(np.ones((5, 4), np.float32))
    M.stored_eps = 0.25
    assert Counted(M).stored_eps == 0.25


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_target_that_does_not_say_how_it_was_stored_was_stored_as_it_is(dtype):
    class Silent:
        shape, dtype, norm = (5, 4), None, 1.0

    Silent.dtype = np.dtype(dtype)
    assert Counted(Silent()).stored_eps == np.finfo(dtype).eps
