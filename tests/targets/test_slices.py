"""Slices of M and the count of its entries, against the array that was given."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.holders import HOLDERS
from hypothesis import given
from hypothesis import strategies as st

from mfact.targets.counted import Counted


@pytest.mark.parametrize("holder", HOLDERS)
@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.integers(1, 100),
    st.sampled_from(["f8", "f4"]),
)
def test_slices_are_the_rows_of_the_longer_side(holder, shape, height, dtype):
    M = np.random.default_rng(3).integers(-1, 2, shape).astype(dtype)
    target, tall = HOLDERS[holder](M), M if shape[0] >= shape[1] else M.T
    found = list(target.slices(height))
    assert [len(rows) for rows in found[:-1]] == [height] * (len(found) - 1)
    assert np.array_equal(np.vstack(found), tall)
    assert all(rows.dtype == M.dtype and rows.flags.c_contiguous for rows in found)
    assert Counted(target).nonzeros == np.count_nonzero(M)
    for rows in found:
        rows[:] = 7
    assert np.array_equal(np.vstack(list(target.slices(100))), tall)


def test_slices_and_the_norm_are_no_passes():
    target = HOLDERS["foreign"](np.eye(3, 2))
    next(target.slices(2))
    assert (target.nonzeros, target.passes) == (2, 0)
