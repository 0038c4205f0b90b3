"""Weights rounded to the kinds that files store: the nearest, and of two the even one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfact.errors import DataError
from mfact.matrices.decoding import from_bfloat16
from mfact.tensors.rounding import to_kind

BITS = np.arange(0x7F80, dtype=np.uint16)  # of all bfloat16 from 0 on that are finite
VALUES = from_bfloat16(BITS).astype(float)


def test_bfloat16_at_and_around_all_ties():
    below, above = BITS[:-1], BITS[1:]
    ties = (VALUES[:-1] + VALUES[1:]) / 2
    np.testing.assert_array_equal(to_kind(VALUES, "bfloat16"), BITS)
    np.testing.assert_array_equal(to_kind(ties, "bfloat16"), below + below % 2)
    # A hair beside a tie, which would be lost if float32 came between.
    np.testing.assert_array_equal(to_kind(np.nextafter(ties, 0), "bfloat16"), below)
    np.testing.assert_array_equal(to_kind(np.nextafter(ties, np.inf), "bfloat16"), above)
    np.testing.assert_array_equal(to_kind(-ties, "bfloat16"), (below + below % 2) | 0x8000)


@given(value=st.floats(-3.38e38, 3.38e38))
def test_no_bfloat16_is_nearer(value):
    found = float(from_bfloat16(to_kind(np.array([value]), "bfloat16"))[0])
    assert abs(found - value) == np.abs(VALUES - abs(value)).min()


@given(value=st.floats(-65519.0, 65519.0))
def test_no_float16_is_nearer(value):
    grid = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(float)
    found = float(to_kind(np.array([value]), "float16")[0])
    assert abs(found - value) == np.abs(grid - abs(value)).min()


def test_signs_and_what_is_not_finite_stay():
    bits = to_kind(np.array([-0.0, -1.0, np.inf, -np.inf]), "bfloat16")
    assert list(bits) == [0x8000, 0xBF80, 0x7F80, 0xFF80]
    none = np.array([np.nan, -np.nan])
    assert np.isnan(from_bfloat16(to_kind(none, "bfloat16"))).all()
    for kind in ("float64", "float32", "float16"):
        assert np.isnan(to_kind(none, kind)).all()
        assert np.isinf(to_kind(np.array([np.inf]), kind)).all()


@pytest.mark.parametrize(
    ("kind", "most", "too_much"),
    [
        ("float16", 65519.99, 65520.0),
        ("float32", 3.4028235e38, 3.4028236e38),
        ("bfloat16", 3.396e38, 3.397e38),
    ],
)
def test_the_largest_that_fits(kind, most, too_much):
    to_kind(np.array([most, -most]), kind)
    with pytest.raises(DataError, match=rf"fc would hold -[\d.e+]+, which does not fit {kind}: "):
        to_kind(np.array([1.0, -too_much]), kind, "fc")


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (2, 3)])
def test_shapes_stay(shape):
    for kind in ("bfloat16", "float16", "float64"):
        assert to_kind(np.ones(shape), kind).shape == shape
