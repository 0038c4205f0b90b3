"""A method is obeyed, or refused: never named in a file whose steps are another's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from matrices import matrix

from mfact.errors import SettingsError
from mfact.methods.choice import METHODS
from mfact.methods.gradient_descent import GradientDescent
from mfact.run.solve import solve
from mfact.studies.check import recompute
from mfact.targets.dense import DenseTarget

M = matrix(np.random.default_rng(1), (14, 11), [3.0, 2.0, 1.0])[0]
OPTIONS = {"rank": 2, "schedule": "constant", "seed": 1}


@dataclass(frozen=True)
class Raises(GradientDescent):
    name: str = "raises"

    def step(self, *args):
        raise ArithmeticError("its own step")


@dataclass(frozen=True)
class Half(GradientDescent):
    """Half of each step: another iteration, that commutes with rotations too."""

    name: str = "half"

    def step(self, problem, point, at, step_size, memory):
        return super().step(problem, point, at, step_size / 2, memory)


@dataclass(frozen=True)
class Lawless(GradientDescent):
    """Gradient descent of which nobody has told what it adds to D."""

    name: str = "lawless"
    law: None = None


@pytest.fixture(autouse=True)
def known(monkeypatch):
    for method in (Raises(), Half(), Lawless()):
        monkeypatch.setitem(METHODS, method.name, method)


@pytest.mark.parametrize("engine", ["auto", "direct"])
def test_a_method_that_raises_is_asked(engine):
    with pytest.raises(ArithmeticError, match="its own step"):
        solve(M, method="raises", engine=engine, **OPTIONS)


@pytest.mark.parametrize("method", ["raises", "half"])
def test_an_engine_that_takes_other_steps_is_refused_with_a_way_out(method):
    with pytest.raises(SettingsError, match=f"not of {method}: use --engine direct"):
        solve(M, method=method, engine="reduced", **OPTIONS)


@pytest.mark.parametrize("schedule", ["constant", "power"])
def test_auto_takes_the_engine_that_obeys_and_says_why(schedule):
    options = {**OPTIONS, "schedule": schedule, "max_iter": 300}
    result = solve(M, method="half", **options)
    used = result.settings["engine"]["used"]
    assert used.startswith("direct: ")
    assert "half" in used
    # No forecast, and no flow, that is gradient descent's.
    assert "forecast_log10_iterations" not in result.summary
    assert "plain_steps" not in result.summary
    steps = result.settings["step_size"]["used"] / 2
    same = solve(M, engine="direct", **{**options, "step_size": steps})
    assert np.array_equal(result.U, same.U)


def test_the_law_of_a_method_that_takes_other_steps_does_not_close():
    result = solve(M, method="half", max_iter=200, **OPTIONS)
    ledger = next(claim for claim in result.claims if claim.name == "ledger")
    assert ledger.verdict == "violated"


def test_of_a_method_without_a_law_nothing_is_said_of_the_ledger():
    result = solve(M, method="lawless", **OPTIONS)
    same = solve(M, engine="direct", **OPTIONS)
    assert np.array_equal(result.U, same.U)
    assert "ledger_audit" not in result.summary
    assert np.isnan(result.trace["audit"][1:]).all()
    for claims in (result.claims, recompute(DenseTarget(M), result).claims):
        ledger = next(claim for claim in claims if claim.name == "ledger")
        assert ledger.verdict == "hypotheses not met"
        assert "no law of lawless" in ledger.detail
