"""Fingerprints: equal for one matrix however it is held, and for no other."""

import numpy as np
import pytest
import scipy.sparse

from mfact.targets import grid, tiles
from mfact.targets.dense import DenseTarget
from mfact.targets.fingerprint import fingerprint, probes, same_matrix
from mfact.targets.sparse import SparseTarget

SHAPES = [(1, 1), (1, 9), (9, 1), (2, 2), (14, 11), (1, 5000), (5000, 1), (120, 90), (700, 400)]
KINDS = ["normal", "constant", "heavy", "zero rows", "sparse", "the probes themselves", "ratings"]


def matrix(kind, shape, dtype=np.float64):
    rng = np.random.default_rng(3)
    g = rng.standard_normal(shape)
    w, z = probes(shape)
    made = {
        "normal": g,
        "constant": np.full(shape, 0.1),
        "heavy": g * np.exp(6 * rng.standard_normal(shape)),
        "zero rows": g * (np.arange(shape[0]) % 3 == 0)[:, None],
        "sparse": g * (rng.random(shape) < 0.02),
        "the probes themselves": np.outer(w[:, 0], z[:, 0]),
        "ratings": np.round(2 * np.abs(g)),
    }
    return made[kind].astype(dtype)


def ways_to_hold(M, monkeypatch):
    """The same matrix in every container, whole and in small blocks."""
    everywhere = scipy.sparse.csr_array(np.ones(M.shape))
    everywhere.data = M.ravel().copy()  # zeros are entries too
    for entries in (1 << 17, 50):
        monkeypatch.setattr(tiles, "LOOK_ENTRIES", entries)
        monkeypatch.setattr(grid, "SHARE_ENTRIES", entries)
        yield fingerprint(DenseTarget(M))
        yield fingerprint(DenseTarget(np.asfortranarray(M)))
        yield fingerprint(DenseTarget(np.repeat(M, 2, axis=1)[:, ::2]))
        yield fingerprint(SparseTarget(scipy.sparse.csr_array(M)))
        yield fingerprint(SparseTarget(scipy.sparse.csc_array(M)))
        yield fingerprint(SparseTarget(everywhere))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_equal_however_it_is_held(shape, kind, dtype, monkeypatch):
    M = matrix(kind, shape, dtype)
    first, *others = ways_to_hold(M, monkeypatch)
    for other in others:
        assert same_matrix(first, other) == same_matrix(other, first) == ""
        # The bound is not so wide that it would only just hold.
        apart = np.abs(np.subtract(first["sums"], other["sums"])).max()
        assert apart <= 0.2 * (first["rounding"] + other["rounding"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_cast_to_float32_is_the_same_matrix(shape, kind):
    M = matrix(kind, shape)
    one, other = (fingerprint(DenseTarget(M.astype(kind))) for kind in (np.float64, np.float32))
    assert same_matrix(one, other) == same_matrix(other, one) == ""


def others(M):
    """Matrices that differ from M by more than rounding."""
    rng = np.random.default_rng(8)
    yield "negated", -M
    for factor in (2.0, -1.0, 1 + 1e-6, 0.0):
        changed = M.copy()
        changed[np.unravel_index(np.abs(M).argmax(), M.shape)] *= factor
        yield f"largest entry times {factor}", changed
    one = np.unravel_index(rng.choice(np.flatnonzero(M)), M.shape)
    added = M.copy()
    added[one] += 1e-6 * np.abs(M).max()
    yield "one entry", added
    for axis in (0, 1):
        yield f"cycled along {axis}", np.roll(M, 1, axis)
        yield f"reversed along {axis}", np.flip(M, axis)
    if M.shape[0] == M.shape[1]:
        yield "transposed", M.T.copy()
    swapped = M.ravel().copy()
    i, j = np.abs(M).argmax(), np.abs(M).argmin()
    swapped[[i, j]] = swapped[[j, i]]
    yield "two entries swapped", swapped.reshape(M.shape)
    pair = M.copy()
    pair[0], pair[-1] = -M[-1], -M[0]
    yield "two rows swapped and negated", pair


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("scale", [1.0, 1e-150, 1e150])
@pytest.mark.parametrize("kind", ["normal", "constant", "zero rows", "sparse", "ratings"])
@pytest.mark.parametrize("shape", [*SHAPES, (60, 60)])
def test_another_matrix_is_seen(shape, kind, scale, dtype):
    M = matrix(kind, shape, dtype)
    if dtype == np.float64:
        M = M * scale
    told, seen = fingerprint(DenseTarget(M)), 0
    for what, other in others(M) if M.any() else ():
        if not np.array_equal(other, M):
            assert same_matrix(told, fingerprint(DenseTarget(other))) != "", what
            seen += 1
    assert seen >= 2 or not M.any()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_one_unit_in_the_last_place_of_float32_is_seen_in_a_large_matrix(dtype):
    M = matrix("normal", (2000, 1500), dtype)
    told = fingerprint(DenseTarget(M))
    M[1234, 567] = 1.0
    whole = fingerprint(DenseTarget(M))
    M[1234, 567] = 1 + 2.0**-23
    assert same_matrix(told, whole) != ""
    assert same_matrix(whole, fingerprint(DenseTarget(M))) != ""


def test_probes_depend_on_side_and_place_alone():
    w, z = probes((50, 70))
    longer = probes((300, 71))
    np.testing.assert_array_equal(longer[0][:50], w)
    np.testing.assert_array_equal(longer[1][:70], z)
    assert not np.array_equal(w, z[:50])
    for side in (w, z):
        assert ((np.abs(side) >= 1) & (np.abs(side) < 2)).all()
        np.testing.assert_array_equal(side.astype(np.float32), side)
    # Another version of NumPy that drew others would take every matrix for another one.
    assert [w[0, 0], w[49, 3], z[0, 0], z[69, 3]] == PINNED


PINNED = [1.143899917602539, 1.089247703552246, 1.6105661392211914, 1.9996528625488281]


def test_what_differs_is_told_in_words():
    M = matrix("normal", (3, 4))
    told = fingerprint(DenseTarget(M))
    assert same_matrix(told, fingerprint(DenseTarget(M[:2]))) == (
        "its shape was [3, 4], now it is [2, 4]"
    )
    other = fingerprint(DenseTarget(2 * M))
    assert same_matrix(told, other) == f"its norm was {told['norm']}, now it is {other['norm']}"
    assert "its norm is as it was, but a signed sum of its entries was" in same_matrix(
        told, fingerprint(DenseTarget(-M))
    )


@pytest.mark.parametrize("bad", [{"sums": None}, {"sums": [1.0]}, {"rounding": "?"}, {"shape": 3}])
def test_what_is_no_fingerprint_raises(bad):
    told = fingerprint(DenseTarget(matrix("normal", (3, 4))))
    for pair in ((told, told | bad), (told | bad, told)):
        with pytest.raises((TypeError, ValueError, KeyError)):
            same_matrix(*pair)


@pytest.mark.parametrize("name", ["sums", "rounding"])
def test_a_fingerprint_that_is_not_finite_is_of_no_matrix(name):
    told = fingerprint(DenseTarget(matrix("normal", (3, 4))))
    worthless = told | {name: [np.nan] * 4 if name == "sums" else np.nan}
    assert same_matrix(told, worthless) != ""
