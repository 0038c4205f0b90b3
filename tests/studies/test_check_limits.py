"""A run file's numbers, each off by a little less and a little more than rounding explains."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import matrix
from oracles import gradient_norm

from mfact.core import Outcome, Result, Verdict
from mfact.run.solve import solve
from mfact.studies.check import recompute
from mfact.targets.dense import DenseTarget
from mfact.targets.door import held

SEEDS = st.integers(0, 10**6)
UNIT = float(np.finfo(float).eps)
M, _, _ = matrix(np.random.default_rng(11), (14, 9), [3.0, 2.0, 1.2, 0.5])
NAMES = (
    "loss", "penalty", "relative_residual", "gap", "gradient_norm", "imbalance",
    "relative_imbalance", "norm_ratio",
)  # fmt: skip


@cache
def halfway(weight):
    """A run that ends well before any optimum: no number in it is small."""
    options = {"objective": "balanced", "balance_weight": weight} if weight else {}
    result = solve(M, rank=2, seed=3, schedule="constant", start="unbalanced", start_ratio=4.0,
                   start_scale=0.4, max_iter=6, **options)  # fmt: skip
    assert result.outcome is Outcome.ITERATION_LIMIT
    return result


def violated(result, target=None, **options):
    found = recompute(target or DenseTarget(M), result, **options)
    return [claim.name for claim in found.claims if claim.verdict == "violated"]


def told(result, name, value):
    """The run file with another number in its summary, or norm of M."""
    if name == "matrix":
        return dataclasses.replace(result, problem={**result.problem, "norm": value})
    return dataclasses.replace(result, summary={**result.summary, name: value})


@pytest.mark.parametrize("weight", [0.0, 0.7])
@pytest.mark.parametrize("name", [*NAMES, "matrix"])
def test_a_relative_error_of_a_hundred_millionth_is_the_limit(name, weight):
    """Below it two orders of summation cannot be told; rounding adds 1e-3 of it at the most."""
    result = halfway(weight)
    assert violated(result) == []
    value = result.problem["norm"] if name == "matrix" else result.summary[name]
    if name == "penalty" and not weight:
        assert value == 0
        return
    assert value > 1e-2
    wrong = f"stored-{name.replace('_', '-')}"
    for sign in (-1, 1):
        assert violated(told(result, name, value * (1 + sign * 0.9e-8))) == []
        assert violated(told(result, name, value * (1 + sign * 1.15e-8))) == [wrong]


# M = diag(4, 1) = UVᵀ with U = V = diag(2, 1): every sum is exact, and all that is left is the
# rounding that a number may have. ‖M‖² = 17, ‖U‖² + ‖V‖² = 10.
SQUARE = np.diag([4.0, 1.0])
NORM, SIZE = 17**0.5, 10.0
EXACT = {
    # f = ½‖δR‖² with ‖δR‖ = 8u √(1 + d/256) (‖M‖ + ‖U‖‖V‖).
    "loss": 0.5 * (8 * UNIT * (1 + 2 / 256) ** 0.5 * (NORM + SIZE / 2)) ** 2,
    "penalty": (64 * UNIT * SIZE) ** 2,
    "relative_residual": 64 * UNIT,
    "gradient_norm": 256 * UNIT * SIZE**0.5 * (NORM + SIZE),
    "imbalance": 64 * UNIT * SIZE,
    "relative_imbalance": 64 * UNIT * SIZE / NORM,
}


def exact():
    root = np.sqrt(SQUARE)
    chosen = {"rank": 2, "objective": "balanced", "balance_weight": 1.0, "tol": 1e-10}
    return Result(
        Outcome.GLOBAL_OPTIMUM, "", root, root, {}, {"norm": NORM, "sigma_1": 4.0},
        {name: {"value": value, "source": "flag"} for name, value in chosen.items()},
        {**dict.fromkeys(EXACT, 0.0), "gap": 0.0, "norm_ratio": 1.0},
    )  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_of_a_number_that_is_zero_rounding_alone_is_allowed(name):
    target = DenseTarget(SQUARE)
    assert violated(exact(), target) == []
    assert violated(told(exact(), name, 0.95 * EXACT[name]), target) == []
    wrong = [f"stored-{name.replace('_', '-')}"]
    assert violated(told(exact(), name, 1.05 * EXACT[name]), target) == wrong


def test_a_gap_is_known_to_rounding_and_to_what_the_run_knew_of_the_optimum():
    target = DenseTarget(SQUARE)
    assert violated(told(exact(), "gap", 64 * UNIT), target) == []
    assert violated(told(exact(), "gap", 1e-11), target) == ["stored-gap"]
    known = told(exact(), "gap_bound", 1e-6)
    assert violated(told(known, "gap", 0.99e-6), target) == []
    assert violated(told(known, "gap", 1.05e-6), target) == ["stored-gap"]


@pytest.mark.parametrize("name", ["U", "V"])
@given(seed=SEEDS)
def test_a_moved_factor_does_not_have_the_numbers_of_the_file(name, seed):
    result = halfway(0.0)
    factor = getattr(result, name)
    direction = np.random.default_rng(seed).standard_normal(factor.shape)
    moved = factor + 1e-6 * direction / np.linalg.norm(direction)
    found = violated(dataclasses.replace(result, **{name: moved}))
    # ‖∇f‖ moves by about 1e-6 of itself, a hundred times what is allowed, in any direction but
    # a few; the imbalance and the ratio by twice ⟨U, dU⟩.
    assert found
    assert all(claim.startswith("stored-") for claim in found)


@given(seed=SEEDS, weight=st.sampled_from([0.0, 0.4, 2.0]), rank=st.integers(1, 4))
def test_the_numbers_are_those_of_the_formulas(seed, weight, rank):
    """Written out with the whole residual, at random factors."""
    rng = np.random.default_rng(seed)
    A, U, V = (rng.standard_normal(shape) for shape in ((9, 7), (9, rank), (7, rank)))
    chosen = {"rank": rank, "objective": "balanced" if weight else "plain",
              "balance_weight": weight or 5.0}  # fmt: skip
    result = Result(
        Outcome.CONVERGED, "", U, V, {}, {"norm": None, "sigma_1": None},
        {name: {"value": value, "source": "flag"} for name, value in chosen.items()},
        {"iterations": 12, "notes": ["text"], "flag": True},
    )  # fmt: skip
    numbers = recompute(DenseTarget(A), result).numbers
    R, D = U @ V.T - A, U.T @ U - V.T @ V
    norm = np.linalg.norm(A)
    truth = {
        "loss": 0.5 * np.sum(R**2),
        "penalty": weight / 8 * np.sum(D**2),
        "residual": np.linalg.norm(R),
        "relative_residual": np.linalg.norm(R) / norm,
        "gradient_norm": gradient_norm(A, U, V, weight),
        "imbalance": np.linalg.norm(D),
        "relative_imbalance": np.linalg.norm(D) / norm,
        "norm_ratio": np.sum(U**2) / np.sum(V**2),
        "size_U": np.sum(U**2),
        "size_V": np.sum(V**2),
        "norm": norm,
        "iterations": 12,
    }
    for name, value in truth.items():
        assert numbers[name] == pytest.approx(value, rel=1e-10, abs=1e-13), name
    assert not {"notes", "flag"} & numbers.keys()


def test_the_tolerance_is_held_against_the_largest_gap_that_is_possible():
    """Near the optimum, where no saddle has as small a gap."""
    result = solve(M, rank=2, seed=3, schedule="constant", tol=1e-4)
    most = recompute(DenseTarget(M), result).numbers["gap"]
    assert 1e-6 < most <= 1e-4

    def verdict(tol, stored=result):
        claims = recompute(DenseTarget(M), stored, tol=tol).claims
        return next(claim.verdict for claim in claims if claim.name == "global-optimum")

    assert verdict(1.01 * most) == "holds"
    assert verdict(0.99 * most) == "inconclusive"
    for tol, expected in ((1.01 * most, "holds"), (0.99 * most, "inconclusive")):
        settings = {**result.settings, "tol": {"value": tol, "source": "flag"}}
        assert verdict(None, dataclasses.replace(result, settings=settings)) == expected


def test_the_gap_that_a_requirement_meets_is_the_largest_that_is_possible():
    """In float32 σ is known to 8e-7 σ₁ only, and the true gap may lie that far on either side."""
    result = solve(M.astype("f4"), rank=2, seed=3, schedule="constant", dtype="float32", tol=1e-3)
    found = recompute(DenseTarget(M.astype("f4")), result)
    assert found.numbers["gap_error"] > 1e-7
    most = found.certificate.gap + found.certificate.gap_error
    assert found.numbers["gap"] == most
    assert found.numbers["gap_error"] == found.certificate.gap_error
    U, V, A = (x.astype(float) for x in (result.U, result.V, M.astype("f4")))
    sigma = np.linalg.svd(A, compute_uv=False)
    gap = (np.sum((U @ V.T - A) ** 2) - np.sum(sigma[2:] ** 2)) / sigma[1] ** 2
    assert abs(gap - found.certificate.gap) <= found.certificate.gap_error


@pytest.mark.parametrize("rank", [3, 4, 6])
@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
def test_values_that_count_as_zero_are_there_all_the_same(kind, rank):
    """Rounding the entries leaves σ₄ … above 0: spare columns go below the floor of rank 3."""
    rng = np.random.default_rng(0)
    M = (rng.standard_normal((40, 3)) @ rng.standard_normal((3, 30))).astype(kind)
    result = solve(M, rank=rank, schedule="constant", seed=1)
    found = recompute(held(M, "float64").target(), result)
    assert [claim.name for claim in found.claims if claim.verdict is Verdict.VIOLATED] == []
    optimum = next(claim for claim in found.claims if claim.name == "global-optimum")
    assert optimum.verdict is Verdict.HOLDS
