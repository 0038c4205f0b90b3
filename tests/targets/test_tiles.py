"""The kernels for one block, against NumPy in float64, within the bound of any order of sums."""

from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfact.targets import tiles

SIDES = st.integers(1, 90)
COLUMNS = st.integers(0, 4)
ORDERS = st.sampled_from(["C", "F", "strided"])
DTYPES = st.sampled_from([np.float64, np.float32])
SEEDS = st.integers(0, 2**32 - 1)


@contextmanager
def small_tiles():
    """8×56 or so: several across and down a block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "SMALL_PRODUCT", 2000)
        patch.setattr(tiles, "BAND_BYTES", 4000)
        patch.setattr(tiles, "LEAST_BAND", 8)
        patch.setattr(tiles, "LOOK_ENTRIES", 200)
        yield


@given(SIDES, SIDES, COLUMNS, COLUMNS, ORDERS, DTYPES, SEEDS)
@small_tiles()
def test_multiply_adds_both_products(h, w, k, n, order, dtype, seed):
    rng = np.random.default_rng(seed)
    block = _block(rng, h, w, order, dtype)
    left, right = _sides(rng, (h, k), (w, n), dtype)
    start = _sides(rng, (h, n), (w, k), dtype)
    forward, backward = (np.array(array) for array in start)
    tiles.multiply(block, left, right, forward, backward)
    _check(forward, block, right, start[0])
    _check(backward, block.T, left, start[1])


@given(SIDES, SIDES, COLUMNS, COLUMNS, ORDERS, DTYPES, SEEDS)
@small_tiles()
def test_normal_takes_two_degrees(h, w, k, n, order, dtype, seed):
    rng = np.random.default_rng(seed)
    block = _block(rng, h, w, order, dtype)
    left, right = _sides(rng, (h, k), (w, n), dtype)
    start = _sides(rng, (w, k), (w, n), dtype)
    backward, again = (np.array(array) for array in start)
    forward = np.zeros((h, n), dtype)
    tiles.normal(block, left, right, forward, backward, again)
    _check(forward, block, right)
    _check(backward, block.T, left, start[0])
    _check(again, block.T, forward, start[1])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("k", [1, 12, 13, 128, 129])
def test_any_number_of_columns_has_its_tiles(k, order):
    rng = np.random.default_rng(k)
    block = _block(rng, 700, 530, order, np.float64)
    left, right = _sides(rng, (700, k), (530, k), np.float64)
    forward, backward, again = (np.zeros((length, k)) for length in (700, 530, 530))
    tiles.multiply(block, left, right, forward, backward)
    _check(forward, block, right)
    _check(backward, block.T, left)
    forward[:] = 0
    tiles.normal(block, left[:, :0], right, forward, backward[:, :0], again)
    _check(forward, block, right)
    _check(again, block.T, forward)


@given(SIDES, SIDES, COLUMNS, ORDERS, DTYPES, SEEDS)
@small_tiles()
def test_the_squared_difference_is_of_the_differences(h, w, k, order, dtype, seed):
    rng = np.random.default_rng(seed)
    left, right = (rng.integers(-4, 5, (length, k)).astype(dtype) for length in (h, w))
    block = _arranged(left @ right.T, order)
    assert tiles.squared_difference(block, left, right) == 0
    block[h - 1, w - 1] += 2.0**-10
    block[0, 0] += 3
    truth = 2.0**-20 + 9 if block.size > 1 else (3 + 2.0**-10) ** 2
    assert tiles.squared_difference(block, left, right) == truth


@given(SIDES, SIDES, ORDERS, DTYPES, SEEDS)
@small_tiles()
def test_the_first_look_sums_in_float64(h, w, order, dtype, seed):
    rng = np.random.default_rng(seed)
    block = _block(rng, h, w, order, dtype)
    left, right = rng.standard_normal((h, 4)), rng.standard_normal((w, 4))
    square, sums = tiles.first_look(block, left, right)
    wide = block.astype(np.float64)
    # h·w + w terms, each rounded once or twice.
    eps = (h * w + w + 4) * float(np.finfo(np.float64).eps)
    assert square == pytest.approx(np.square(wide).sum(), rel=eps)
    bound = eps * np.einsum("ij,ij->j", np.abs(left), np.abs(wide) @ np.abs(right))
    assert (np.abs(sums - np.einsum("ij,ij->j", left, wide @ right)) <= bound).all()


@given(st.integers(1, 10**5), st.integers(1, 5000))
def test_cuts_are_even_and_in_eights(length, most):
    sizes = [at.stop - at.start for at in tiles.cuts(length, most)]
    assert sum(sizes) == length
    assert len(set(sizes[:-1])) <= 1
    assert max(sizes) <= max(8, most)
    assert all(size % 8 == 0 for size in sizes[:-1])


def _block(rng, h, w, order, dtype):
    return _arranged(rng.standard_normal((h, w)).astype(dtype), order)


def _arranged(array, order):
    if order != "strided":
        return np.asarray(array, order=order)
    wide = np.zeros((2 * array.shape[0], 3 * array.shape[1]), array.dtype)
    wide[::2, ::3] = array
    return wide[::2, ::3]


def _sides(rng, *shapes_and_dtype):
    *shapes, dtype = shapes_and_dtype
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def _check(product, left, right, start=0):
    eps = float(np.finfo(product.dtype).eps)
    left, right, start = (np.asarray(array, np.float64) for array in (left, right, start))
    bound = (left.shape[1] + 3) * eps * (np.abs(left) @ np.abs(right) + np.abs(start))
    assert (np.abs(product - left @ right - start) <= bound).all()
