"""Two runs beside each other: rotations are no difference, anything else is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from handmade import handmade
from hypothesis import given
from hypothesis import strategies as st
from matrices import orthonormal
from scipy.linalg import orthogonal_procrustes

from mfact.core import Factors, Outcome, Verdict
from mfact.errors import DataError, SettingsError
from mfact.studies.diff import Tolerances, compare
from mfact.studies.modulo_rotation import factor_distance, procrustes, product_distance

SEEDS = st.integers(0, 10**6)


def factors(rng, r):
    return Factors(rng.standard_normal((7, r)), rng.standard_normal((5, r)))


def differing(a, b, *args):
    return [claim.name for claim in compare(a, b, *args) if claim.verdict == "violated"]


@given(SEEDS, st.integers(1, 4))
def test_rotated_factors_are_the_same(seed, r):
    rng = np.random.default_rng(seed)
    A, Q = factors(rng, r), orthonormal(rng, r, r)
    B = Factors(A.U @ Q, A.V @ Q)
    assert factor_distance(A, B) < 1e-14
    assert product_distance(A, B) < 1e-14


@given(SEEDS, st.integers(1, 4))
def test_the_distance_is_the_least_over_rotations(seed, r):
    rng = np.random.default_rng(seed)
    A, B = factors(rng, r), factors(rng, r)
    best, _ = orthogonal_procrustes(np.vstack(B), np.vstack(A))
    assert np.allclose(procrustes(A, B), best, atol=1e-10)
    size = np.linalg.norm(np.vstack(A))
    for Q in (best, *(orthonormal(rng, r, r) for _ in range(20))):
        off = np.linalg.norm(np.vstack(A) - np.vstack(B) @ Q) / size
        assert factor_distance(A, B) <= off + 1e-12
    direct = np.linalg.norm(A.U @ A.V.T - B.U @ B.V.T) / np.linalg.norm(A.U @ A.V.T)
    assert product_distance(A, B) == pytest.approx(direct, rel=1e-10)


def test_a_change_of_basis_that_is_no_rotation_is_a_difference():
    # The product is the same, D is not, and gradient descent from there goes another way.
    rng = np.random.default_rng(1)
    A, T = factors(rng, 2), np.array([[2.0, 0.3], [0.0, 1.0]])
    B = Factors(A.U @ T, A.V @ np.linalg.inv(T).T)
    assert product_distance(A, B) < 1e-14
    assert factor_distance(A, B) > 0.1


def test_equal_runs_agree_in_everything():
    claims = compare(handmade(), handmade())
    assert {claim.verdict for claim in claims} == {"holds"}
    names = {claim.name for claim in claims}
    assert names >= {"factors", "loss", "gap", "imbalance", "iterations", "outcome", "verdicts"}
    assert "audit" not in names


@pytest.mark.parametrize("name", ["loss", "gap", "gradient_norm", "imbalance", "step_size"])
def test_one_changed_row_is_found_with_its_step(name):
    a = handmade()
    column = a.trace[name].copy()
    column[1] *= 1 + 1e-5
    b = dataclasses.replace(a, trace={**a.trace, name: column})
    assert differing(a, b) == [name]
    detail = next(c.detail for c in compare(a, b) if c.name == name)
    assert "1 of 5 steps differ, first at step 10" in detail
    assert differing(a, b, Tolerances(rtol=1e-4)) == []
    assert differing(a, b, Tolerances(columns={name: (1e-4, 0.0)})) == []
    assert differing(a, b, Tolerances(ignore=(name,))) == []


def test_rounding_far_below_the_start_is_no_difference():
    a = handmade()
    loss = a.trace["loss"].copy()
    loss[-1] *= 1.5  # 1.5e-13 against ‖M‖² = 152: a residual of 3.5e-8 that is not resolved
    b = dataclasses.replace(a, trace={**a.trace, "loss": loss})
    assert differing(a, b) == []
    assert differing(a, b, Tolerances(atol=0.0)) == ["loss"]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_not_finite_differs_from_one_that_is(bad):
    a = handmade()
    loss = a.trace["loss"].copy()
    loss[2] = bad
    b = dataclasses.replace(a, trace={**a.trace, "loss": loss})
    assert differing(a, b) == ["loss"]
    assert differing(b, b) == []


def test_only_common_steps_are_compared():
    a = handmade()
    b = dataclasses.replace(a, trace={n: v[::2] for n, v in a.trace.items()})
    assert differing(a, b) == []
    assert next(c for c in compare(a, b) if c.name == "step").detail.startswith("3 of 5 and 3")
    late = dataclasses.replace(a, trace={**a.trace, "step": a.trace["step"] + 5})
    assert differing(a, late) == ["step"]


def test_counts_outcomes_verdicts_and_matrices_are_compared():
    a = handmade()
    b = dataclasses.replace(
        a,
        outcome=Outcome.STALLED,
        summary={**a.summary, "iterations": 41},
        problem={**a.problem, "norm": 13.0},
        claims=(dataclasses.replace(a.claims[0], verdict=Verdict.INCONCLUSIVE), *a.claims[1:]),
    )
    assert differing(a, b) == ["matrix", "outcome", "iterations", "verdicts"]
    ignored = Tolerances(ignore=("matrix", "outcome", "iterations", "verdicts"))
    assert differing(a, b, ignored) == []


def test_other_settings_are_told_and_do_not_fail():
    a = handmade()
    other = {**a.settings, "engine": {"value": "direct", "source": "flag"}}
    claim = next(
        c for c in compare(a, dataclasses.replace(a, settings=other)) if c.name == "settings"
    )
    assert claim.verdict == "inconclusive"
    assert "engine: auto and direct" in claim.detail


def test_what_cannot_be_compared_is_refused():
    a = handmade()
    with pytest.raises(DataError, match="one matrix and one rank"):
        compare(a, dataclasses.replace(a, U=a.U[:, :1], V=a.V[:, :1]))
    for tolerances in (Tolerances(ignore=("los",)), Tolerances(columns={"los": (1.0, 0.0)})):
        with pytest.raises(SettingsError, match="column los"):
            compare(a, a, tolerances)
