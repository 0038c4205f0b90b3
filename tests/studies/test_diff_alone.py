"""Two runs that differ in one thing alone: found just beyond its tolerance, and not within."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from handmade import handmade
from hypothesis import given
from hypothesis import strategies as st
from matrices import orthonormal

from mfact.core import Claim, Factors, Outcome, Verdict
from mfact.studies.diff import IGNORED, Tolerances, compare
from mfact.studies.modulo_rotation import factor_distance, product_distance
from mfact.trace import COLUMNS

SEEDS = st.integers(0, 10**6)
NORM = 12.345678901234  # of the run made by hand

# The power of M's unit in a column's: U and V are of √M, so ∇f is of M^{3/2}, η of 1/M.
POWERS = {
    "step_size": -1, "flow_time": -1, "loss": 2, "penalty": 2, "relative_residual": 0, "gap": 0,
    "gradient_norm": 1.5, "imbalance": 1, "relative_imbalance": 0, "drift": 1, "norm_ratio": 0,
    "size_U": 1, "size_V": 1, "ledger": 1, "alignment_U": 0.5, "alignment_V": 0.5,
    "first_order": 1, "log_det": 0, "log_det_drift": 0, "log_det_ledger": 0, "condition": 0,
    "move": 0.5,
}  # fmt: skip


def run(seed=0, rank=2, **changes):
    """The run made by hand, with random factors and every column there is."""
    rng = np.random.default_rng(seed)
    steps = np.arange(0, 50, 10)
    trace = {"step": steps} | {
        name: rng.uniform(1.0, 2.0, 5) for name in (*POWERS, *IGNORED) if name != "step"
    }
    factors = {name: rng.standard_normal((d, rank)) for name, d in (("U", 6), ("V", 4))}
    return handmade(trace=trace, **{**factors, **changes})


def changed(result, name, row, value):
    column = np.array(result.trace[name], float)
    column[row] = value
    return dataclasses.replace(result, trace={**result.trace, name: column})


def differing(a, b, *args):
    """Names of what differs, which must not depend on the order of the two."""
    one, other = (
        [claim.name for claim in compare(x, y, *args) if claim.verdict == "violated"]
        for x, y in ((a, b), (b, a))
    )
    assert one == other
    return one


def test_every_column_has_its_unit_here():
    assert POWERS.keys() == COLUMNS.keys() - {"step", *IGNORED}


@pytest.mark.slow
@pytest.mark.parametrize("name", POWERS)
@given(seed=SEEDS, row=st.integers(0, 4))
def test_a_column_is_found_beyond_its_relative_tolerance(name, seed, row):
    a = run(seed)
    for rtol in (1e-6, 1e-3):
        for tolerances in (
            Tolerances(rtol, 0.0),
            Tolerances(1e-1, 1e3, columns={name: (rtol, 0.0)}),
        ):
            # Allowed is rtol times the larger one, which is 1 + rtol times the other.
            off = rtol * a.trace[name][row]
            for part, found in ((0.99, []), (1.02, [name])):
                b = changed(a, name, row, a.trace[name][row] + part * off)
                assert differing(a, b, tolerances) == found


@pytest.mark.slow
@pytest.mark.parametrize("name", POWERS)
@given(seed=SEEDS, row=st.integers(0, 4))
def test_a_column_is_found_beyond_its_absolute_tolerance_in_its_own_unit(name, seed, row):
    a = run(seed)
    for tolerances in (Tolerances(0.0, 1e-6), Tolerances(1e3, 1e3, columns={name: (0.0, 1e-6)})):
        off = 1e-6 * NORM ** POWERS[name]
        for part, found in ((0.99, []), (1.01, [name])):
            b = changed(a, name, row, a.trace[name][row] + part * off)
            assert differing(a, b, tolerances) == found


@pytest.mark.parametrize("name", IGNORED)
def test_columns_of_rounding_are_not_compared(name):
    assert differing(run(), changed(run(), name, 2, 77.0)) == []


@pytest.mark.parametrize("name", POWERS)
def test_a_column_that_one_run_alone_has_is_no_difference(name):
    a = run()
    b = dataclasses.replace(a, trace={n: c for n, c in a.trace.items() if n != name})
    assert differing(a, b) == []
    assert name not in {claim.name for claim in compare(a, b)}
    assert differing(a, b, Tolerances(ignore=(name,))) == []


@given(SEEDS, st.floats(1e-3, 1e3))
def test_what_differs_does_not_depend_on_the_unit_of_the_matrix(seed, unit):
    """Each column times its power of the unit, a perturbation at the edge of its tolerance."""
    rng = np.random.default_rng(seed)
    a, b = run(seed), run(seed)
    for name, power in POWERS.items():
        size = 1e-6 * NORM**power * rng.choice([0.9, 1.1])
        b = changed(b, name, 3, a.trace[name][3] + size)

    def scaled(result):
        trace = {n: c * unit ** POWERS.get(n, 0) for n, c in result.trace.items()}
        problem = {**result.problem, "norm": NORM * unit}
        root = unit**0.5
        return dataclasses.replace(
            result, U=result.U * root, V=result.V * root, trace=trace, problem=problem
        )

    # 1e-9 of the tolerance's 1e-6 is rounding of columns of size 1 in other units.
    assert differing(scaled(a), scaled(b), Tolerances(0.0, 1e-6)) == differing(
        a, b, Tolerances(0.0, 1e-6)
    )


def test_the_first_and_the_worst_step_are_told():
    a = run()
    b = changed(changed(a, "loss", 1, a.trace["loss"][1] * 1.01), "loss", 3, 9.0)
    claim = next(c for c in compare(a, b) if c.name == "loss")
    assert "2 of 5 steps differ, first at step 10" in claim.detail
    assert claim.detail.endswith("worst at step 30")
    assert claim.numbers["difference"] == pytest.approx(9.0 - a.trace["loss"][3])


# -- factors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["U", "V"])
@given(seed=SEEDS, rank=st.integers(1, 3))
def test_either_factor_alone_is_found_beyond_the_tolerance(name, seed, rank):
    """V(1 + δ) is closest as it is, for UᵀU + VᵀV(1 + δ) is symmetric: δ‖V‖ off, of ‖(U, V)‖."""
    a = run(seed, rank)
    factor = getattr(a, name)
    whole = np.sqrt(np.sum(a.U**2) + np.sum(a.V**2))
    for rtol, atol in ((1e-6, 0.0), (0.0, 1e-4), (1e-4, 1e-3)):
        delta = (rtol + atol) * whole / np.linalg.norm(factor)
        for part, found in ((0.98, []), (1.02, ["factors"])):
            b = dataclasses.replace(a, **{name: factor * (1 + part * delta)})
            assert differing(a, b, Tolerances(rtol, atol)) == found
            only = Tolerances(1.0, 1.0, columns={"factors": (rtol, atol)})
            assert differing(a, b, only) == found
            assert differing(a, b, Tolerances(rtol, atol, ignore=("factors",))) == []


@pytest.mark.parametrize("name", ["U", "V"])
@given(seed=SEEDS, row=st.integers(0, 3), column=st.integers(0, 1))
def test_one_entry_of_either_factor_is_found(name, seed, row, column):
    a = run(seed)
    factor = getattr(a, name).copy()
    factor[row, column] += 0.1
    b = dataclasses.replace(a, **{name: factor})
    assert differing(a, b) == ["factors"]
    A, B = Factors(a.U, a.V), Factors(b.U, b.V)
    claim = next(c for c in compare(a, b) if c.name == "factors")
    # Against the product written out; a rank-one change by 0.1 times a row of the other factor.
    other = a.V if name == "U" else a.U
    truth = 0.1 * np.linalg.norm(other[:, column]) / np.linalg.norm(a.U @ a.V.T)
    assert product_distance(A, B) == pytest.approx(truth, rel=1e-9)
    assert claim.numbers["product_distance"] == product_distance(A, B)
    assert claim.numbers["distance"] == factor_distance(A, B) > 0


@given(SEEDS, st.integers(1, 3), st.booleans())
def test_rotations_and_reflections_of_both_factors_are_no_difference(seed, rank, mirrored):
    a, rng = run(seed, rank), np.random.default_rng(seed)
    Q = orthonormal(rng, rank, rank)
    Q[:, 0] *= np.sign(np.linalg.det(Q)) * (-1 if mirrored else 1)
    assert np.linalg.det(Q) == pytest.approx(-1 if mirrored else 1)
    both = dataclasses.replace(a, U=a.U @ Q, V=a.V @ Q)
    assert differing(a, both, Tolerances(1e-13, 0.0)) == []  # 1e-15 times a few operations
    if not np.allclose(Q, np.eye(rank)):
        for name in ("U", "V"):  # one of them alone is another product
            one = dataclasses.replace(a, **{name: getattr(a, name) @ Q})
            assert differing(a, one, Tolerances(1e-6, 0.0)) == ["factors"]


# -- the rest ------------------------------------------------------------------------------------

OTHERS = {
    "iterations": lambda a: {"summary": {**a.summary, "iterations": 41}},
    "outcome": lambda a: {"outcome": Outcome.CONVERGED},
    "verdicts": lambda a: {
        "claims": (a.claims[0], dataclasses.replace(a.claims[1], verdict=Verdict.HOLDS))
    },
    "matrix": lambda a: {"problem": {**a.problem, "norm": NORM * (1 + 1.1e-6)}},
    "step": lambda a: {"trace": {**a.trace, "step": a.trace["step"] + 5}},
}


@pytest.mark.parametrize("name", OTHERS)
def test_each_other_thing_alone_is_found(name):
    a = run()
    b = dataclasses.replace(a, **OTHERS[name](a))
    assert differing(a, b) == [name]
    assert differing(a, b, Tolerances(ignore=(name,))) == []


@pytest.mark.parametrize(("rtol", "limit"), [(1e-9, 1e-6), (1e-3, 1e-3)])
def test_the_norm_of_one_matrix_in_two_precisions_is_one(rtol, limit):
    a = run()
    for part, found in ((0.98, []), (1.02, ["matrix"])):
        b = dataclasses.replace(a, problem={**a.problem, "norm": NORM * (1 + part * limit)})
        assert differing(a, b, Tolerances(rtol, 1e3)) == found


def test_what_one_run_alone_says_is_no_difference():
    a = run()
    extra = Claim("more", "", Verdict.VIOLATED, "", "")
    summary = {n: v for n, v in a.summary.items() if n != "iterations"}
    problem = {n: v for n, v in a.problem.items() if n != "norm"}
    b = dataclasses.replace(a, claims=(*a.claims, extra), summary=summary)
    assert differing(a, b) == []
    c = dataclasses.replace(a, claims=a.claims[:1], problem=problem, trace={})
    assert differing(a, c) == []
