"""center= of what is asked beside solving, of arrays and of files."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

import mfact
from mfact.errors import SettingsError

RNG = np.random.default_rng(2)
A = 300 + RNG.standard_normal((700, 3)) @ RNG.standard_normal((3, 300))
M = A - A.mean(axis=0)
SIGMA = np.linalg.svd(M, compute_uv=False)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("centred") / "A.npy"
    np.save(path, A)
    return path


@pytest.mark.parametrize("kind", ["array", "sparse", "file"])
def test_all_three_are_of_what_is_left(kind, file):
    given = {"array": A, "sparse": csr_array(A)}.get(kind, file)
    found = mfact.inspect(given, center="columns")
    np.testing.assert_allclose(found.singular_values[:3], SIGMA[:3], rtol=1e-10)
    assert found.numerical_rank == 3
    assert repr(found).startswith("a 700×300 matrix less the means of its columns, ‖M‖_F = ")
    swept = mfact.sweep(given, 3, seeds=5, center="columns")
    np.testing.assert_allclose(swept.values, SIGMA[:3], rtol=1e-10)
    flown = mfact.flow(given, 2, center="columns", points=2)
    np.testing.assert_allclose(flown.sigma[:3], SIGMA[:3], rtol=1e-10)
    assert flown.settings.center == "columns"


def test_what_is_suggested_is_said_as_python_has_it():
    found = mfact.inspect(A)
    assert (found.suggested_center, found.center) == ("mean", "none")
    assert repr(found).splitlines()[1].endswith(", center mean")
    less = mfact.inspect(A, center=found.suggested_center)
    assert less.singular_values[0] < 4 * found.singular_values[1]
    with pytest.raises(SettingsError, match='use center="mean", '):
        mfact.solve(A, 3, schedule="constant", max_time=0.001, seed=1, engine="reduced")


@pytest.mark.parametrize(
    "ask", [mfact.inspect, mfact.sweep, lambda *a, **k: mfact.flow(*a, 1, **k)]
)
@pytest.mark.parametrize("value", ["cols", None, True])
def test_other_words_are_refused(ask, value, file):
    for given in (A, file):
        with pytest.raises(SettingsError, match=r"center is .*: .*none, mean, columns"):
            ask(given, center=value)
