"""A mean that stands before all else is told of with the centring that takes it off."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfact.core import Outcome
from mfact.errors import SettingsError
from mfact.run.solve import solve
from mfact.studies.inspect import inspect_matrix

D1, D2 = 60, 40
RNG = np.random.default_rng(4)
REST = np.outer(np.sin(np.linspace(0, 6, D1)), np.cos(np.linspace(0, 3, D2)))
REST += 0.2 * np.outer(RNG.standard_normal(D1), RNG.standard_normal(D2))
OF_COLUMNS = np.tile(1e4 * RNG.standard_normal(D2), (D1, 1))
MATRICES = {
    "mean": 1e5 + REST,
    "columns": OF_COLUMNS + REST,
    "rows": np.tile(1e4 * RNG.standard_normal(D1), (D2, 1)).T + REST,
}
ALL_BUT = {"columns": 1e6 + OF_COLUMNS / 100 + REST}
"""Here the mean alone would leave a component that stands before the rest."""


def refusal(M, **options):
    """Why a run of rank 2 with a constant step is refused; "" where it is not."""
    try:
        solve(M, rank=2, seed=1, schedule="constant", refuse=True, max_iter=5000, **options)
    except SettingsError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("kind", "M"), [*MATRICES.items(), *ALL_BUT.items()], ids=[*MATRICES, "columns, not mean"]
)
def test_the_centring_that_is_told_lets_the_run_end(kind, M):
    told = refusal(M)
    assert f"use --center {kind}," in told
    assert told.count("--center") == 1
    less = solve(M, rank=2, seed=1, schedule="constant", refuse=True, center=kind)
    assert less.outcome is Outcome.GLOBAL_OPTIMUM
    assert inspect_matrix(M).suggested_center == kind


def test_it_is_not_told_where_the_run_is_without_it_already():
    faint = MATRICES["columns"] + 1e8
    told = refusal(faint, center="mean")
    assert "use --center columns," in told
    assert refusal(faint, center="columns") == ""
    # Of what is left the leading component is a mean of rows, and the two do not go together.
    crossed = MATRICES["rows"] + 100 * OF_COLUMNS
    told = refusal(crossed, center="columns")
    assert "use -r 1" in told
    assert "--center" not in told


def test_what_varies_along_both_sides_is_no_mean():
    u, v = (1 + 0.05 * RNG.standard_normal(d) for d in (D1, D2))
    M = 1e6 * np.outer(u, v) + REST
    assert "use -r 1" in refusal(M)
    assert "--center" not in refusal(M)
    found = inspect_matrix(M)
    assert (found.suggested_center, found.center_share) == (None, None)


@given(
    st.tuples(st.integers(3, 40), st.integers(3, 40)),
    st.integers(0, 2**32),
    st.floats(0, 6),
    st.tuples(st.floats(0, 2), st.floats(0, 2)),
)
def test_a_share_that_is_told_is_that_of_the_means_and_they_hid_the_rest(shape, seed, level, ends):
    rng = np.random.default_rng(seed)
    along, across = (10**end * rng.standard_normal(d) for end, d in zip(ends, shape, strict=True))
    A = 10**level + along[:, None] + across + rng.standard_normal(shape)
    found = inspect_matrix(A)
    if found.suggested_center is None:
        return
    means = {
        "mean": np.full(shape, A.mean()),
        "columns": np.tile(A.mean(axis=0), (shape[0], 1)),
        "rows": np.tile(A.mean(axis=1)[:, None], shape[1]),
    }[found.suggested_center]
    assert found.center_share == pytest.approx((np.linalg.norm(means) / np.linalg.norm(A)) ** 2)
    _, second, *_ = np.linalg.svd(A, compute_uv=False)
    # MUCH of σ₂ is left of the leading component, and the others are no longer than before, or
    # twice where both sides are projected.
    assert np.linalg.svd(A - means, compute_uv=False)[0] <= 4 * second + 1e-6 * found.norm
