"""What every schedule must do: inherit ScheduleContract and say how to make one."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mfact.core import Schedule


class ScheduleContract(ABC):
    """The tests of Schedule: a value, and a formula in the step number alone."""

    @abstractmethod
    def make(self) -> Schedule:
        """The same schedule at every call."""

    def test_blocks_are_the_same_numbers_as_one_by_one(self):
        """Bit for bit, or a run that is resumed in other blocks would be another run."""
        schedule = self.make()

        # Within the method, because Hypothesis wants one class for each test that it runs.
        @given(start=st.integers(0, 10**7), count=st.integers(1, 50))
        @example(start=2**53 - 3, count=7)
        def check(start, count):
            block = schedule.steps(start, count)
            assert block.dtype == np.float64
            assert block.tolist() == [schedule(start + i) for i in range(count)]

        check()

    def test_no_steps_are_an_empty_block(self):
        assert self.make().steps(5, 0).shape == (0,)

    def test_steps_are_positive_and_never_grow(self):
        steps = self.make().steps(0, 2000)
        assert np.all(np.isfinite(steps) & (steps > 0))
        assert np.all(np.diff(steps) <= 0)
        assert 0 < self.make()(10**18) <= steps[-1]

    def test_the_least_step_is_the_limit(self):
        """As far as a step number goes: a step that is left after 10^300 is below none."""
        schedule = self.make()
        assert schedule.least == pytest.approx(schedule(10**300), abs=1e-30 * schedule(0))

    def test_steps_for_a_flow_time_add_up_to_it(self):
        schedule = self.make()
        sums = np.cumsum(schedule.steps(0, 10**5))
        for count in (100, 10**5):
            # The error of the sum is half a term.
            found = 10 ** schedule.steps_for(float(sums[count - 1]))
            assert found == pytest.approx(count, rel=1 / count)
        assert schedule.steps_for(0.0) == 0.0

    def test_in_other_units_it_takes_other_steps_as_many(self):
        schedule = self.make()
        scaled = schedule.scaled(4.0)  # exact in binary
        assert scaled.steps(0, 100).tolist() == (4.0 * schedule.steps(0, 100)).tolist()
        assert (scaled.least, scaled.name) == (4.0 * schedule.least, schedule.name)
        assert scaled.steps_for(4.0) == schedule.steps_for(1.0)

    def test_a_look_changes_nothing(self):
        schedule = self.make()
        first = schedule.steps(3, 40)
        first *= 2  # what is handed out is the caller's
        schedule.steps(100, 7)
        assert schedule.steps(3, 40).tolist() == self.make().steps(3, 40).tolist()

    def test_it_is_a_value(self):
        schedule = self.make()
        assert schedule == self.make()
        assert hash(schedule) == hash(self.make())
        assert schedule.name.isprintable()
        assert schedule.eps is None or (schedule.eps > 0 and math.isfinite(schedule.eps))
        with pytest.raises(FrozenInstanceError):
            schedule.name = "another"
