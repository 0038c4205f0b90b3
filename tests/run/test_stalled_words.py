"""What is said of runs that come no farther, at equal singular values or in float32."""

from __future__ import annotations

import numpy as np
import pytest

import mfact
from mfact.methods.choice import METHODS

IN_BASES = [name for name, method in METHODS.items() if method.commutes_with_rotation]


def solved(M, r, **options):
    with pytest.warns(mfact.ConvergenceWarning):
        return mfact.solve(M, r, seed=3, schedule="constant", **options)


def equal(d1, d2, count):
    rng = np.random.default_rng(d1)
    left, right = (np.linalg.qr(rng.standard_normal((d, count)))[0] for d in (d1, d2))
    return left @ right.T


@pytest.mark.parametrize("method", IN_BASES)
def test_any_of_equal_components_are_fitted(method):
    """r = 4 of twelve: which four is free. No vector of the bases sees how many more there are."""
    M = equal(23, 12, 12)
    result = solved(M, 4, method=method)
    assert np.linalg.norm(result.U @ result.V.T - M) ** 2 == pytest.approx(8, abs=1e-12)
    assert "not fitted" not in result.message
    short = solved(M, 4, method=method, max_iter=30, step_size=0.01, force=True)
    assert "components 1, 2, 3, 4 are not fitted" in short.message


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_more_patience_is_advised_only_where_some_was_asked_for(dtype):
    """A point that steps do not change any more has no use for it; float64 has."""
    M = equal(23, 12, 12)
    said = solved(M, 4, dtype=dtype, method="momentum").message
    assert "too small to change" in said
    assert "patience" not in said
    assert ("use dtype=" in said) == (dtype == "float32")
    assert "raise patience" in solved(M, 4, method="momentum", patience=1, tol=1e-30).message


@pytest.mark.parametrize("escape", [False, True])
def test_escape_is_not_advised_to_one_who_asked_for_it(escape):
    """Steps that do not shrink with the gradient hover about a saddle, and ask for no escape."""
    M = np.diag([5.0, 3.0, 2.0, 1.0])
    one = np.eye(4, 2) * [5**0.5, 0]
    options = {"method": "adam", "start": (one + 1e-5, one), "step_size": 1e-7, "max_iter": 3}
    with pytest.warns(mfact.ConvergenceWarning):
        said = mfact.solve(M, 2, escape=escape, **options).message
    assert ("escape" in said) != escape
