"""A method is obeyed, or refused: never named in a file whose steps are another's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from matrices import matrix

from mfact.methods.choice import METHODS
from mfact.methods.gradient_descent import GradientDescent
from mfact.run.solve import solve

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


@pytest.fixture(autouse=True)
def known(monkeypatch):
    for method in (Raises(), Half()):
        monkeypatch.setitem(METHODS, method.name, method)


@pytest.mark.parametrize("engine", ["auto", "direct", "reduced"])
def test_a_method_that_raises_is_asked(engine):
    with pytest.raises(ArithmeticError, match="its own step"):
        solve(M, method="raises", engine=engine, **OPTIONS)


@pytest.mark.parametrize("engine", ["direct", "reduced"])
@pytest.mark.parametrize("schedule", ["constant", "power"])
def test_every_engine_takes_its_steps(schedule, engine):
    options = {**OPTIONS, "schedule": schedule, "max_iter": 300, "engine": engine}
    result = solve(M, method="half", **options)
    # No forecast, and no flow, that is gradient descent's.
    assert "forecast_log10_iterations" not in result.summary
    assert "plain_steps" not in result.summary
    steps = result.settings["step_size"]["used"] / 2
    same = solve(M, fast_forward="off", **{**options, "step_size": steps})
    assert result.summary["iterations"] == same.summary["iterations"]
    assert np.allclose(result.U, same.U, rtol=0, atol=1e-13)


def test_the_law_of_a_method_that_takes_other_steps_does_not_close():
    result = solve(M, method="half", max_iter=200, **OPTIONS)
    ledger = next(claim for claim in result.claims if claim.name == "ledger")
    assert ledger.verdict == "violated"
