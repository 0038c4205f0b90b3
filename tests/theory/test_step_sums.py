"""Steps to a flow time, against sums and the zeta function."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import zeta

from mfact.theory.step_sums import log10_steps, sum_constant


@pytest.mark.parametrize("power", [0.3, 0.55, 0.75, 1.0])
def test_steps_to_a_flow_time_against_sums(power):
    sums = np.cumsum(0.3 * np.arange(1.0, 10**6 + 1) ** -power)
    for steps in (50, 10**3, 10**6):
        # The error of the sum is half a term: relative 1/(2T) of T.
        assert 10 ** log10_steps(0.3, power, sums[steps - 1]) == pytest.approx(steps, rel=1 / steps)
    assert log10_steps(0.3, power, 0.0) == 0.0


def test_the_constant_of_the_sum_is_zeta():
    for power in (0.3, 0.5, 0.9, 0.999):
        assert sum_constant(power) == pytest.approx(zeta(power) + 1 / (1 - power), abs=1e-10)
    assert sum_constant(1.0) == pytest.approx(np.euler_gamma, abs=1e-12)
