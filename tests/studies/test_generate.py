"""Generated matrices: repeatable, of the chosen spectrum, with noise of the stated size."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mfact.errors import SettingsError
from mfact.studies import generate as generation
from mfact.studies.generate import chosen_spectrum, generate_matrix


def test_equal_arguments_give_equal_numbers():
    args = ((30, 20), (3.0, 1.0))
    first = generate_matrix(*args, noise=0.5, seed=4)
    assert np.array_equal(first, generate_matrix(*args, noise=0.5, seed=4))
    assert not np.array_equal(first, generate_matrix(*args, noise=0.5, seed=5))


def test_noise_is_the_stated_one(monkeypatch):
    clean = generate_matrix((300, 200), (3.0, 1.0), seed=4)
    noisy = generate_matrix((300, 200), (3.0, 1.0), seed=4, noise=0.5)
    # ‖a·N/√(d1·d2)‖ has mean a and standard deviation a/√(2·d1·d2) = 0.0014: seven of them.
    assert np.linalg.norm(noisy - clean) == pytest.approx(0.5, abs=0.01)
    monkeypatch.setattr(generation, "BLOCK", 1000)  # the blocks do not change the stream
    again = generate_matrix((300, 200), (3.0, 1.0), seed=4, noise=0.5)
    assert np.array_equal(noisy, again)


def test_directions_are_uniform():
    # The mean of Q₁Q₁ᵀ over seeds is (r/d)·I; entries have standard deviation below 0.4/√n.
    total = np.zeros((4, 4))
    for seed in range(400):
        Q = np.linalg.svd(generate_matrix((4, 3), (1.0,), seed=seed))[0][:, :1]
        total += Q @ Q.T / 400
    np.testing.assert_allclose(total, np.eye(4) / 4, atol=0.08)


def test_single_precision():
    single = generate_matrix((9, 7), (2.0,), seed=1, dtype="float32")
    assert single.dtype == np.float32
    assert np.array_equal(single, generate_matrix((9, 7), (2.0,), seed=1).astype(np.float32))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "neither"),
        ({"spectrum": [1.0], "condition": 2.0}, "its own condition"),
        ({"spectrum": [1.0], "rank": 2}, "do not fit"),
        ({"rank": 5}, "rank 5 does not fit"),
        ({"rank": 0}, "rank 0 does not fit"),
        ({"spectrum": []}, "rank 0 does not fit"),
        ({"spectrum": [1.0, 0.0]}, "not positive"),
        ({"spectrum": [math.nan]}, "not positive"),
        ({"spectrum": [math.inf]}, "not positive"),
        ({"rank": 2, "condition": 0.5}, "below 1"),
        ({"rank": 2, "condition": math.nan}, "below 1"),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(SettingsError, match=message):
        chosen_spectrum((4, 6), **options)


@pytest.mark.parametrize("noise", [-1.0, math.nan, math.inf])
def test_noise_that_is_none(noise):
    with pytest.raises(SettingsError, match="noise"):
        generate_matrix((4, 3), (1.0,), noise=noise)


def test_entries_past_the_largest_number_are_refused():
    generate_matrix((8, 6), [1e300, 1.0], seed=1)
    with pytest.raises(SettingsError, match="past the largest number of float32"):
        generate_matrix((8, 6), [1e300, 1.0], seed=1, dtype="float32")
