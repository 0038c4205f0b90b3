"""Runs recomputed from factors and matrix: what agrees, and every kind of lie found out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mfact.core import Claim, Outcome, Result, Verdict
from mfact.errors import DataError
from mfact.studies.check import recompute
from mfact.targets.dense import DenseTarget
from mfact.theory.monitors import Monitors


@pytest.fixture
def finished(plain):
    """A plain run of a 30×20 matrix, in the shape of a run file; every tenth row is kept."""

    def run(sigma=(1.0, 0.7, 0.4), rank=2, weight=0.0, steps=900, start=None):
        rng = np.random.default_rng(51)
        M, Phi, Psi = plain.matrix(rng, (30, 20), sigma)
        U, V = 0.1 * rng.standard_normal((30, rank)), 0.1 * rng.standard_normal((20, rank))
        if start is not None:
            U, V = (W[:, start] * np.sqrt(np.array(sigma)[start]) for W in (Phi, Psi))
        rows, U, V = plain.record(M, U, V, lambda t: 0.3, steps, weight)
        objective = "balanced" if weight else "plain"
        facts = plain.information(M, rank, "constant", 0.1, objective=objective, weight=weight)
        monitors = Monitors()
        monitors.start(facts)
        monitors.segment(rows)
        norm = np.linalg.norm(M)
        floor = np.sum(np.array(sigma)[rank:] ** 2)
        last = {n: float(v[-1]) for n, v in rows.items()}
        summary = {
            "iterations": steps,
            "loss": last["loss"],
            "penalty": last["penalty"],
            "relative_residual": np.sqrt(2 * last["loss"]) / norm,
            "gap": (2 * last["loss"] - floor) / np.array(sigma)[rank - 1] ** 2,
            "gap_bound": 1e-14,
            "gradient_norm": last["gradient_norm"],
            "imbalance": last["imbalance"],
            "relative_imbalance": last["imbalance"] / norm,
            "norm_ratio": last["size_U"] / last["size_V"],
        }
        chosen = {
            "rank": rank,
            "objective": objective,
            "balance_weight": weight or 1.0,
            "schedule": "constant",
            "start": "gaussian",
            "start_scale": 0.1,
            "dtype": "float64",
            "tol": 1e-9,
        }
        result = Result(
            Outcome.CONVERGED,
            "",
            U,
            V,
            {n: v[::10] for n, v in rows.items()},
            {"norm": float(norm), "sigma_1": float(max(sigma))},
            {n: {"value": v, "source": "flag"} for n, v in chosen.items()},
            summary,
            monitors.claims(),
        )
        return DenseTarget(M), result

    return run


def verdicts(target, result, **options):
    return {c.name: c.verdict for c in recompute(target, result, **options).claims}


@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_an_honest_run_agrees_with_itself(finished, weight, rank):
    target, result = finished(rank=rank, weight=weight)
    found = recompute(target, result)
    assert {c.name: c.detail for c in found.claims if c.verdict == "violated"} == {}
    assert dict(verdicts(target, result))["global-optimum"] == "holds"
    assert sum(c.name.startswith("stored-") for c in found.claims) == 9
    M, U, V = target.matrix, result.U, result.V
    truth = np.linalg.svd(M, compute_uv=False)
    gap = (np.sum((U @ V.T - M) ** 2) - np.sum(truth[rank:] ** 2)) / truth[rank - 1] ** 2
    assert found.numbers["gap"] == pytest.approx(gap, abs=1e-13)
    D = U.T @ U - V.T @ V
    assert found.numbers["imbalance"] == pytest.approx(np.linalg.norm(D), rel=1e-12, abs=1e-15)
    assert found.numbers["iterations"] == 900


NAMES = (
    "loss",
    "relative_residual",
    "gradient_norm",
    "imbalance",
    "relative_imbalance",
    "norm_ratio",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_number_in_the_file_is_found(finished, name):
    target, result = finished(steps=60)
    wrong = {**result.summary, name: result.summary[name] * (1 + 1e-6)}
    found = verdicts(target, dataclasses.replace(result, summary=wrong))
    bad = [n for n, v in found.items() if v == "violated"]
    assert bad == [f"stored-{name.replace('_', '-')}"]


def test_a_wrong_gap_is_found(finished):
    target, result = finished(steps=60)
    wrong = {**result.summary, "gap": result.summary["gap"] + 1e-9}
    assert verdicts(target, dataclasses.replace(result, summary=wrong))["stored-gap"] == "violated"


@pytest.mark.parametrize("factor", ["U", "V"])
def test_a_changed_entry_of_a_factor_is_found(finished, factor):
    target, result = finished()
    changed = getattr(result, factor).copy()
    changed[3, 0] += 1e-4
    found = verdicts(target, dataclasses.replace(result, **{factor: changed}))
    assert found["stored-gradient-norm"] == "violated"
    assert found["stored-loss"] == "violated"


def test_another_matrix_is_found(finished):
    target, result = finished()
    other = target.matrix.copy()
    other[0, 0] += 1e-3
    assert verdicts(DenseTarget(other), result)["stored-matrix"] == "violated"
    with pytest.raises(DataError, match="the run is of a 30×20 matrix, this one is 20×30"):
        recompute(DenseTarget(target.matrix.T.copy()), result)


def test_factors_that_are_not_finite_are_refused(finished):
    target, result = finished(steps=5)
    U = result.U.copy()
    U[0, 0] = np.nan
    with pytest.raises(DataError, match="not finite"):
        recompute(target, dataclasses.replace(result, U=U))


def test_a_run_that_rests_at_a_saddle_is_no_optimum(finished):
    target, result = finished(start=[0, 2], steps=3)
    found = recompute(target, result)
    assert found.certificate.kind == "strict saddle"
    assert found.certificate.curvature == pytest.approx(0.4 - 0.7)
    assert {c.name: c.verdict for c in found.claims}["global-optimum"] == "violated"
    target, result = finished(steps=20)
    assert verdicts(target, result)["global-optimum"] == "inconclusive"
    assert verdicts(target, result, tol=1.0)["global-optimum"] == "holds"


def test_the_rows_may_contradict_a_claim_of_the_run(finished):
    target, result = finished()
    assert verdicts(target, result)["ledger"] == "holds"
    trace = {**result.trace, "audit": result.trace["audit"] + 1e-6}
    found = verdicts(target, dataclasses.replace(result, trace=trace))
    assert found["ledger"] == "violated"


def test_columns_that_end_where_fast_forward_begins_are_no_contradiction(finished):
    target, result = finished()
    audit = result.trace["audit"].copy()
    audit[40:] = np.nan
    found = verdicts(target, dataclasses.replace(result, trace={**result.trace, "audit": audit}))
    assert found["ledger"] == "holds"
    audit[20] = 1e-6
    found = verdicts(target, dataclasses.replace(result, trace={**result.trace, "audit": audit}))
    assert found["ledger"] == "violated"


def test_a_run_in_single_precision_agrees_with_itself(finished):
    target, result = finished(steps=60)
    single = {name: float(np.float32(value)) for name, value in result.summary.items()}
    changed = dataclasses.replace(
        result, U=result.U.astype("f4"), V=result.V.astype("f4"), summary=single
    )
    found = verdicts(DenseTarget(target.matrix.astype("f4")), changed)
    assert [name for name, verdict in found.items() if verdict == "violated"] == []


def test_what_the_run_saw_between_the_rows_is_kept(finished):
    target, result = finished()
    seen = Claim("ledger", "", Verdict.VIOLATED, "violated at step 13", "")
    found = recompute(target, dataclasses.replace(result, claims=(seen,)))
    assert seen in found.claims
