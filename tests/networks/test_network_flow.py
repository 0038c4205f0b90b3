"""The flow of a network against gradient descent with small steps, SciPy, and mfact flow."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from machines import KINKED, NETWORKS, SMOOTH, drawn, flat
from scipy.integrate import solve_ivp

from mfact.core import Factors
from mfact.errors import SettingsError
from mfact.host.threads import Workers
from mfact.networks.activations import Relu, Square
from mfact.networks.architecture import Architecture
from mfact.networks.flow import Ending, follow
from mfact.networks.flow_tolerance import JUMPS_RTOL, RTOL, chosen_rtol
from mfact.networks.layers import Dense
from mfact.networks.losses import LOSSES
from mfact.networks.machine import DualMachine, Machine
from mfact.settings import FlowSettings
from mfact.studies.flow import study

TIMES = [0.0, 0.5, 1.0]


@cache
def followed(name, rtol=None):
    """The weights to start from, and the flow."""
    machine, weights = drawn(*NETWORKS[name])
    return weights, follow(machine, weights, TIMES, rtol=rtol)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", ["linear, biases", "square"])
def test_gradient_descent_tends_to_it_in_first_order(name, loss):
    machine, weights = drawn(*NETWORKS[name], loss)
    end = flat(follow(machine, weights, [0.0, 1.0]).weights)
    etas, distances = 1 / np.array([200, 400, 800]), []
    for eta in etas:
        machine.start(weights)
        for _ in range(round(1 / eta)):
            machine.evaluate()
            for part, slope in zip(machine.point, machine.slope, strict=True):
                part -= eta * slope
        distances.append(np.linalg.norm(flat(machine.point) - end))
    slope = np.polyfit(np.log(etas), np.log(distances), 1)[0]
    assert slope == pytest.approx(1, abs=0.03)


def test_a_linear_network_moves_as_scipy_says():
    machine, (W1, W2) = drawn([Dense(4), Dense(3)], (5,))
    X, Y = machine.X.T, machine.Y.T

    def field(s, v):
        A, B = v[:20].reshape(4, 5), v[20:].reshape(3, 4)
        E = (B @ A @ X - Y) / X.shape[1]
        return -np.concatenate([(B.T @ E @ X.T).ravel(), (E @ X.T @ A.T).ravel()])

    truth = solve_ivp(field, (0, 2), flat([W1, W2]), method="LSODA", rtol=1e-11, atol=1e-12)
    found = follow(machine, [W1, W2], [0.0, 0.3, 2.0])
    # A step may be off by 1e-10 of the norm; there are some tens.
    assert np.abs(flat(found.weights) - truth.y[:, -1]).max() < 1e-8


def test_on_unit_points_a_linear_network_of_depth_2_is_the_factorization():
    rng = np.random.default_rng(3)
    M = rng.standard_normal((6, 5))
    U, V = rng.standard_normal((6, 2)), rng.standard_normal((5, 2))
    settings = FlowSettings(rank=2, time=1.5, points=4, solver="ode", start="given")
    other = study(M, settings, Factors(U, V)).flow
    net = Architecture.of([Dense(2), Dense(6)], (5,))
    machine = Machine(net, np.sqrt(5) * np.eye(5), np.sqrt(5) * M.T, LOSSES["squared"], Workers(1))
    mine = follow(machine, [V.T, U], other.times).rows
    spare = 0.5 * float(np.sum(np.linalg.svd(M, compute_uv=False)[2:] ** 2))
    theirs = {
        "loss": [each.loss_excess + spare for each in other.scalars],
        "norm_1": [each.size_Y for each in other.scalars],
        "norm_2": [each.size_X for each in other.scalars],
        "gradient_norm": [each.gradient_norm for each in other.scalars],
        "imbalance": [each.imbalance for each in other.scalars],
    }
    for name, values in theirs.items():
        np.testing.assert_allclose(mine[name], values, rtol=1e-7, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("name", NETWORKS)
def test_laws_move_by_the_errors_of_the_steps_alone(name):
    _, found = followed(name, 1e-4 if name in KINKED else None)
    rows = found.rows
    size = sum(rows[f"norm_{h}"].max() for h in (1, 2))
    # Measured: at most 0.05 of the rounding of one number a step.
    assert rows["audit"].max() < 2.2e-16 * (found.steps + 10) * size
    assert rows["drift"].max() < (1e-9 if name in SMOOTH else 1e-2)
    assert rows["drift"][0] == 0 == rows["ledger"][0]


@pytest.mark.parametrize("name", SMOOTH)
def test_the_drift_goes_to_zero_with_the_tolerance(name):
    coarse, fine = (followed(name, rtol)[1].rows["drift"].max() for rtol in (1e-4, 1e-10))
    assert fine < 1e-3 * coarse


@pytest.mark.parametrize("name", KINKED)
def test_the_drift_shrinks_with_the_tolerance_where_the_gradient_jumps(name):
    # Steps are as many as 1/rtol, so that tolerances are few.
    coarse, fine = (followed(name, rtol)[1].rows["drift"].max() for rtol in (1e-2, 1e-4))
    assert fine < 0.5 * coarse


@pytest.mark.parametrize("name", NETWORKS)
def test_it_goes_no_farther_than_its_loss_pays_for(name):
    # ‖v(s) − v(0)‖ ≤ ∫‖∇L‖ ≤ √(s(L(0) − L(s))), since dL/ds = −‖∇L‖².
    weights, found = followed(name, 1e-4 if name in KINKED else None)
    loss = found.rows["loss"]
    gone = np.linalg.norm(flat(found.weights) - flat(weights))
    assert 0 < gone <= np.sqrt(TIMES[-1] * (loss[0] - loss[-1]))


def test_rows_are_those_of_the_points_at_their_times():
    machine, weights = drawn(*NETWORKS["linear"])
    found = follow(machine, weights, TIMES)
    halfway = follow(machine, weights, TIMES[:2])
    machine.start(halfway.weights)
    assert found.rows["loss"][1] == machine.evaluate().loss
    assert found.rows["flow_time"].tolist() == TIMES
    assert found.rows["norm_1"][0] == pytest.approx(np.sum(weights[0] ** 2))


def test_starts_at_rest_stay_there():
    machine, weights = drawn(*NETWORKS["linear"])
    found = follow(machine, [0 * part for part in weights], TIMES)
    assert found.ending is Ending.REACHED
    assert not flat(found.weights).any()


def test_biases_leave_zero():
    machine, weights = drawn(*NETWORKS["linear, biases"])
    found = follow(machine, [0 * part for part in weights], TIMES)
    assert found.rows["loss"][-1] < found.rows["loss"][0]


def test_who_waits_is_told_how_far_it_is():
    told = []
    machine, weights = drawn(*NETWORKS["linear"])
    follow(machine, weights, TIMES, told=told.append)
    assert told == sorted(told)
    assert told[-1] == 1


@pytest.mark.parametrize(
    ("layers", "rtol"), [([Dense(5), Dense(2)], RTOL), ([Dense(5, Relu()), Dense(2)], JUMPS_RTOL)]
)
def test_the_tolerance_is_that_of_the_network(layers, rtol):
    assert chosen_rtol(Architecture.of(layers, (6,))) == rtol
    assert chosen_rtol(Architecture.of(layers, (6,)), 1e-3) == 1e-3


@pytest.mark.parametrize(
    ("name", "rtol", "words"),
    [
        ("ReLU", 9e-7, "jumps .*from 1e-06"),
        ("leaky, biases", 1e-10, "jumps"),
        ("conv, ReLU", 1e-8, "max pooling"),
        ("linear", 1e-15, "1e-15: choose it from 1e-13"),
        ("linear", 1.0, "below 1"),
        ("linear", float("nan"), "nan"),
    ],
)
def test_tolerances_that_cannot_be_met_are_refused(name, rtol, words):
    with pytest.raises(SettingsError, match=words):
        followed(name, rtol)


def test_machines_of_other_kinds_are_refused():
    machine, weights = drawn(*NETWORKS["linear"], dtype="float32")
    with pytest.raises(SettingsError, match="float64"):
        follow(machine, weights, TIMES)
    machine, weights = drawn(*NETWORKS["linear"])
    dual = DualMachine(machine.net, machine.X, machine.Y, machine.loss, machine.workers)
    with pytest.raises(SettingsError, match="--form"):
        follow(dual, weights, TIMES)


def test_the_limit_of_gradients_ends_it_at_a_time_that_is_told():
    machine, weights = drawn(*NETWORKS["linear"])
    found = follow(machine, weights, [0.0, 1e-3, 1e3], most=60)
    assert found.ending is Ending.LIMIT
    assert 1e-3 < found.at < 1e3
    assert found.evaluations < 60 + 20  # a step more
    assert found.rows["flow_time"].tolist() == [0, 1e-3]


@pytest.mark.parametrize(("scale", "ending"), [(1e5, Ending.LIMIT), (1e20, Ending.DIVERGED)])
def test_weights_too_large_to_be_moved_end_it(scale, ending):
    machine, weights = drawn([Dense(4, Square()), Dense(4, Square()), Dense(2)], (6,))
    found = follow(machine, [scale * part for part in weights], TIMES, most=1000)
    assert found.ending is ending
    assert found.at < 1e-30
    assert np.isfinite(flat(found.weights)).all()


def test_a_loss_that_overflows_at_the_start_is_refused():
    machine, weights = drawn(*NETWORKS["square"])
    with pytest.raises(SettingsError, match=r"L is not a number at the start: .*--start-scale"):
        follow(machine, [1e100 * part for part in weights], TIMES)
