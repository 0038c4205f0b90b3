"""Run files of every method, read back: checked again, told as what they are, and found out."""

from __future__ import annotations

import dataclasses
from functools import cache

import matrices
import numpy as np
import pytest

from mfact.core import Verdict
from mfact.errors import SettingsError
from mfact.methods.choice import METHODS, PLAIN
from mfact.run.solve import solve
from mfact.storage.runs import read_run, write_run
from mfact.studies.again import facts_in
from mfact.studies.check import recompute
from mfact.studies.diff import Tolerances, compare
from mfact.studies.requirements import Requirement, evaluate
from mfact.targets.dense import DenseTarget
from mfact.trace import COLUMNS

M = matrices.noisy(np.random.default_rng(2), (20, 13), [2.0, 1.0, 0.7], 0.01)
CLAIM = {
    PLAIN: "ledger", "alternating": "ledger", "momentum": "momentum-law",
    "nesterov": "nesterov-law", "scaled": "log-det-law", "alternating-scaled": "log-det-law",
    "adam": "no-law",
}  # fmt: skip


@cache
def run_of(method, **options):
    return solve(M, rank=3, seed=1, method=method, schedule="constant", max_iter=400, **options)


def read_back(method, folder, **options):
    write_run(folder / "run.h5", run_of(method, **options))
    return read_run(folder / "run.h5")


def found_in(result):
    return {claim.name: claim for claim in recompute(DenseTarget(M), result).claims}


@pytest.mark.parametrize("method", METHODS)
def test_a_file_is_of_its_method_and_checks(method, tmp_path):
    result = read_back(method, tmp_path)
    found = found_in(result)
    assert not [claim for claim in found.values() if claim.verdict is Verdict.VIOLATED]
    assert found[CLAIM[method]].verdict == "holds"
    own = {name for name in result.trace if COLUMNS[name].own}
    assert ("move" in own) == (method != PLAIN)
    assert ("log_det" in own) == ("scaled" in method)
    for name, column in run_of(method).trace.items():
        assert np.array_equal(column, result.trace[name], equal_nan=True)


@pytest.mark.parametrize("method", METHODS)
def test_facts_are_put_together_again_with_what_the_method_was_given(method, tmp_path):
    facts = facts_in(read_back(method, tmp_path), float(np.linalg.norm(M)))
    assert (facts.method, facts.keeps) == (method, METHODS[method].law.keeps)
    used = run_of(method).settings["momentum"].get("used")
    if method in ("momentum", "nesterov"):
        assert facts.lasting == 1 / (1 - used)
        given = facts_in(read_back(method, tmp_path, momentum=0.25), 1.0)
        assert given.lasting == 1 / 0.75
    else:
        assert facts.lasting == METHODS[method].lasting


def test_a_file_of_before_there_were_other_methods_checks_as_before(tmp_path):
    """Of mfact 0.11: without the options of theirs."""
    result = read_back(PLAIN, tmp_path)
    settings = {n: v for n, v in result.settings.items() if n not in ("momentum", "damping")}
    assert len(settings) == len(result.settings) - 2
    assert found_in(dataclasses.replace(result, settings=settings)) == found_in(result)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("column", ["audit", "log_det_audit"])
def test_a_row_that_does_not_close_its_law_is_found(method, column, tmp_path):
    result = read_back(method, tmp_path)
    if column not in result.trace:
        return
    name = CLAIM[method] if column == "log_det_audit" or "scaled" not in method else "ledger"
    changed = result.trace[column].copy()
    changed[-3] = 1e-6
    found = found_in(dataclasses.replace(result, trace={**result.trace, column: changed}))
    assert found[name].verdict == "violated"
    assert found[name].detail.startswith("the run says it holds, its recorded rows do not: ")
    assert f"step {result.trace['step'][-3]:.0f}" in found[name].detail


@pytest.mark.parametrize("method", METHODS)
def test_the_claim_of_a_law_can_be_required(method):
    claims = run_of(method).claims
    (met,) = evaluate([Requirement.parse(CLAIM[method])], {}, claims)
    assert met.verdict == "holds"
    (unmet,) = evaluate([Requirement.parse("late-rate")], {}, claims)
    assert (unmet.verdict == "violated") == (method != PLAIN)
    if method != "momentum":
        with pytest.raises(SettingsError, match="no claim here"):
            evaluate([Requirement.parse("momentum-law")], {}, claims)


def test_another_method_is_told_as_another_setting():
    claims = {claim.name: claim for claim in compare(run_of("momentum"), run_of(PLAIN))}
    assert claims["settings"].verdict == "inconclusive"
    assert "method: momentum and gradient-descent" in claims["settings"].detail
    # Columns of one of them alone are compared with nothing, and laws of one alone too.
    assert not {"move", "first_order"} & claims.keys()
    assert "momentum-law" not in claims["verdicts"].detail


@pytest.mark.parametrize("method", METHODS)
def test_columns_of_a_method_are_compared(method):
    result = run_of(method)
    own = {n for n in result.trace if COLUMNS[n].own and COLUMNS[n].power is not None}
    same = {claim.name: claim for claim in compare(result, result)}
    assert own <= same.keys()
    for name in own:
        other = {**result.trace, name: 1.001 * result.trace[name] + 1e-3}
        found = compare(result, dataclasses.replace(result, trace=other))
        assert name in {claim.name for claim in found if claim.verdict is Verdict.VIOLATED}
    assert "log_det_audit" not in same


@pytest.mark.parametrize(("method", "power"), [("scaled", 0), ("adam", 0.5), (PLAIN, -1)])
def test_step_sizes_are_compared_in_the_units_of_the_method(method, power):
    """--atol is of their unit: a step of ScaledGD has none."""
    result = run_of(method)
    norm = result.problem["norm"]
    for factor, verdict in ((0.9, "holds"), (1.1, "violated")):
        off = result.trace["step_size"] + factor * 1e-3 * norm**power
        other = dataclasses.replace(result, trace={**result.trace, "step_size": off})
        found = {c.name: c for c in compare(result, other, Tolerances(rtol=0.0, atol=1e-3))}
        assert found["step_size"].verdict == verdict
