"""The flow of a whole matrix, what is refused of it, and the memory that it takes."""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from oracles import flat, flow, objective

from mfact.core import Factors
from mfact.errors import DataError, SettingsError
from mfact.gradient_flow import scaled_flow
from mfact.matrices.source import open_matrix
from mfact.settings import METHODS, FlowSettings
from mfact.starts import directions
from mfact.studies import flow_and_descent
from mfact.studies.flow import compared_in, study
from mfact.studies.memory import plan_flow


def matrix(shape: tuple[int, int] = (12, 7)) -> np.ndarray:
    return np.random.default_rng(4).normal(size=shape)


SETTINGS = FlowSettings(rank=2, seed=3)


def test_study_follows_the_flow_of_the_full_matrix() -> None:
    from scipy.integrate import solve_ivp

    M = matrix()
    found = study(M, replace(SETTINGS, time=0.4, points=2, start_scale=0.5))
    U, V = (0.5 * factor for factor in directions("gaussian", M.shape, 2, 3, "float64"))
    solved = solve_ivp(flow(M, 2), (0, 0.4), flat((U, V)), method="DOP853", rtol=1e-12, atol=1e-14)
    U, V = solved.y[:24, -1].reshape(12, 2), solved.y[24:, -1].reshape(7, 2)
    optimum = 0.5 * np.sum(found.sigma[2:] ** 2)
    last = found.flow.scalars[-1]
    assert last.loss_excess + optimum == pytest.approx(objective(M, U, V), rel=1e-8)
    assert last.imbalance == pytest.approx(np.linalg.norm(U.T @ U - V.T @ V), rel=1e-8)


@pytest.mark.parametrize("start", ["gaussian", "balanced", "unbalanced", "spectral"])
def test_every_start_is_fitted_at_the_default_time(start: str) -> None:
    M = matrix()[:, :2] @ np.diag([3.0, 1.0]) @ matrix((2, 9))  # rank 2
    found = study(M, replace(SETTINGS, start=start))
    assert np.sqrt(2 * found.flow.scalars[-1].loss_excess) <= 1e-4 * np.linalg.norm(M)
    assert found.flow.method == ("closed-form" if start in ("balanced", "spectral") else "ode")


@pytest.mark.slow
def test_what_storage_has_rounded_is_no_mode_to_wait_for() -> None:
    M = (matrix()[:, :2] @ np.diag([3.0, 1.0]) @ matrix((2, 9))).astype(np.float16)
    found = [study(M, replace(SETTINGS, rank=r, points=2)) for r in (2, 3)]
    assert [each.k for each in found] == [2, 2]
    assert study(M.astype(float), replace(SETTINGS, rank=3, points=2)).k == 3
    times = [each.settings.time for each in found]
    # σ₃ is what float16 has rounded, 1e-3 of σ₂ or less: to wait for it takes as much longer.
    assert times[1] < 10 * times[0]


def test_imbalance_is_that_of_the_start() -> None:
    found = study(matrix(), replace(SETTINGS, start="balanced", imbalance=2.5, time=0.1))
    assert found.flow.method == "closed-form"
    assert found.flow.scalars[0].imbalance == pytest.approx(2.5 * np.sqrt(2))


def test_factors_can_be_given() -> None:
    M = matrix()
    factors = Factors(np.ones((12, 2)), np.ones((7, 2)))
    found = study(M, replace(SETTINGS, start="mine.npz", time=0.1), factors)
    assert found.flow.scalars[0].size_X == pytest.approx(24.0)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"rank": 8}, "rank 8"),
        ({"compare": "momentum,adams"}, "compare"),
        ({"compare": []}, "compare"),
        ({"compare": "adam", "weight": 1.0}, "balanced"),
        ({"start": "gaussian", "imbalance": 1.0}, "imbalance"),
        ({"start": "balanced", "imbalance": -1.0}, "imbalance"),
    ],
)
def test_study_refuses(changes: dict[str, object], what: str) -> None:
    with pytest.raises(SettingsError, match=what):
        study(matrix(), replace(SETTINGS, **changes))


def test_study_refuses_factors_of_other_shapes_and_a_zero_matrix() -> None:
    with pytest.raises(SettingsError, match="12×3"):
        study(matrix(), SETTINGS, Factors(np.ones((12, 3)), np.ones((7, 3))))
    with pytest.raises(DataError, match="zero"):
        study(np.zeros((3, 3)), SETTINGS)


def test_methods_are_compared_in_the_order_asked_for_and_each_once():
    settings = replace(SETTINGS, compare="Scaled, momentum,scaled")
    assert compared_in(settings) == compared_in(replace(SETTINGS, compare=["scaled", "momentum"]))
    assert compared_in(settings) == ("scaled", "momentum")
    assert compared_in(SETTINGS) == ()
    assert compared_in(replace(SETTINGS, compare="all")) == METHODS
    balanced = replace(SETTINGS, compare="all", weight=1.0)
    assert compared_in(balanced) == tuple(name for name in METHODS if name != "adam")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "rank", "compared"),
    [
        ((400, 300), 300, None),
        ((300, 400), 300, "gradient-descent"),
        ((2000, 100), 100, "adam"),
        ((2000, 100), 100, "scaled"),
        ((800, 600), 4, "gradient-descent,adam"),
    ],
)
def test_the_plan_holds_what_a_flow_takes(tmp_path, monkeypatch, shape, rank, compared):
    monkeypatch.setattr(flow_and_descent, "HALVINGS", 1)
    monkeypatch.setattr(scaled_flow, "LONGEST", 1)
    M = np.random.default_rng(5).normal(size=shape)
    np.save(tmp_path / "M.npy", M)
    settings = FlowSettings(
        rank=rank, seed=1, start_scale=0.05, time=1e-4, points=2, compare=compared
    )
    parts = plan_flow(open_matrix(str(tmp_path / "M.npy")), settings).plan.parts
    study(M, replace(settings, compare=None))  # what is imported is no part of it
    gc.collect()
    tracemalloc.start()
    try:
        study(M, settings)
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    planned = parts["matrix"] + parts["singular vectors"] + parts["flow"]
    assert taken <= planned + parts["buffers"] / 10
    assert taken >= 0.3 * planned
