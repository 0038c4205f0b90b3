"""A result in Python: what it shows, what is made of it, and the file that it becomes."""

from __future__ import annotations

import dataclasses
import pickle
import sys

import numpy as np
import pytest
from matrices import gaussian, noisy

import mfact
from mfact.core import Claim, Verdict
from mfact.errors import MissingPackageError
from mfact.storage.runs import read_run

M = noisy(np.random.default_rng(0), (14, 11), [4.0, 3.0, 2.0], 0.01)
RESULT = mfact.solve(M, 2, schedule="constant", seed=1)


def example(**changes):
    return mfact.Result(dataclasses.replace(RESULT.record, **changes))


def test_it_shows_itself_in_a_few_lines():
    lines = repr(RESULT).splitlines()
    assert len(lines) == 5
    assert lines[0] == "Result: reached a global optimum"
    assert "within tol=1e-10" in lines[1]
    assert lines[2].endswith("U is 14×2, V is 11×2")
    assert lines[3].startswith(f"  gap {RESULT.summary['gap']:.1e}"[:8])
    assert "claims hold" in lines[4]
    assert max(map(len, lines)) < 100
    assert len(repr(RESULT.record)) < 200


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ({"gap": 1.23456e-3, "gap_bound": 1e-5}, "gap 0.00123"),
        ({"gap": 1.0e-12, "gap_bound": 2e-9}, "gap below 2e-09"),
        ({"gap": 1.23456e-3, "gap_bound": None, "drift": 0.5}, "gap 0.001235, drift 0.5"),
    ],
)
def test_digits_that_are_not_known_are_not_shown(numbers, shown):
    assert repr(example(summary=numbers)).splitlines()[3].strip() == shown


def test_claims_are_counted():
    claims = tuple(Claim(v.name, "", v, "", "") for v in Verdict)
    told = repr(example(claims=claims)).splitlines()[-1]
    assert told.strip() == "1 claim holds, 2 could not be judged, 1 is violated"


def test_it_is_saved_and_loaded_as_it_was(tmp_path):
    RESULT.save(tmp_path / "run.h5")
    back = mfact.load(tmp_path / "run.h5")
    assert np.array_equal(back.U, RESULT.U)
    assert repr(back) == repr(RESULT)
    # The file is that of the command line, in its words.
    assert "--tol 1e-10" in read_run(tmp_path / "run.h5").message


def test_it_is_pickled():
    assert repr(pickle.loads(pickle.dumps(RESULT))) == repr(RESULT)


def test_notes_are_in_the_words_of_python():
    notes = ["decaying steps need 9, --schedule constant 3"]
    told = example(summary={"notes": notes}).summary["notes"]
    assert told == ['decaying steps need 9, schedule="constant" 3']


def test_the_trace_becomes_a_frame():
    frame = RESULT.frame()
    assert list(frame.columns) == list(RESULT.trace)
    assert np.array_equal(frame["loss"], RESULT.trace["loss"])


def test_without_pandas_a_frame_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingPackageError, match="a frame needs pandas: pip install pandas"):
        RESULT.frame()


@pytest.mark.parametrize("shape", [(14, 11), (5, 40), (3, 3)])
@pytest.mark.parametrize("deficient", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_balanced_pair_has_the_same_product(shape, deficient, dtype):
    U, V = gaussian(np.random.default_rng(2), shape, 3, 1.0)
    if deficient:
        U[:, 2] = U[:, 0] - 2 * U[:, 1]
    U, V = U.astype(dtype), 10 * V.astype(dtype)
    A, B = example(U=U, V=V).balanced()
    small = 100 * np.finfo(dtype).eps
    assert (A.shape, B.shape, A.dtype, B.dtype) == (U.shape, V.shape, dtype, dtype)
    product, size = U.astype(float) @ V.T, np.linalg.norm(U) * np.linalg.norm(V)
    np.testing.assert_allclose(A @ B.T, product, atol=small * size)
    np.testing.assert_allclose(A.T @ A, B.T @ B, atol=small * size)
    sigma = np.linalg.svd(product, compute_uv=False)[:3]
    np.testing.assert_allclose(np.diag(A.T @ A), sigma, atol=small * size)


def test_of_scaled_methods_it_has_what_they_keep():
    options = {"schedule": "constant", "seed": 1, "start": "spectral", "method": "scaled"}
    result = mfact.solve(M, 2, damping=0.0, **options)
    ends = [np.linalg.slogdet(X.T @ X)[1] for X in (result.U, result.V)]
    assert result.trace["log_det"][-1] == pytest.approx(ends[0] - ends[1], abs=1e-12)
    assert set(result.frame().columns) == set(result.trace)
    assert "log_det" not in RESULT.trace
    drifted = mfact.solve(M, 2, schedule="constant", seed=1, method="scaled")
    told = f", log det drift {drifted.summary['log_det_drift']:.4g}"
    assert repr(drifted).splitlines()[3].endswith(told)


def test_the_parameter_of_a_method_is_the_one_given():
    options = {"schedule": "constant", "seed": 1, "method": "momentum"}
    result = mfact.solve(M, 2, momentum=0.25, **options)
    assert result.settings["momentum"] == {"value": 0.25, "source": "argument"}
    root = np.sqrt(0.5 / 4.0 * (3.0 - 2.0))  # the noise moves each σ by little
    chosen = mfact.solve(M, 2, **options).settings["momentum"]["used"]
    assert chosen == pytest.approx((1 - root) ** 2, rel=0.05)
    with pytest.raises(mfact.MfactError, match='momentum has no meaning with method="gradient-de'):
        mfact.solve(M, 2, momentum=0.5)
