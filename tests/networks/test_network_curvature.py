"""The Gauss–Newton matrix against dense ones, and steps on both sides of what it allows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from machines import NETWORKS, drawn, flat

from mfact.networks.curvature import GaussNewton, largest_curvature, largest_step
from mfact.networks.layers import Dense
from mfact.networks.losses import LOSSES
from mfact.networks.machine import DualMachine, Machine

MASKED = "masked"


def at_start(name, loss="squared", **asked):
    # Another draw has a tie within 1e-5 in a window of max pooling.
    machine, weights = drawn(*NETWORKS[name], loss, seed=2, **asked)
    machine.start(weights)
    return machine, weights


def dense(machine):
    """(1/m)ΣJᵀHJ from differences of f by each weight and of ℓ' by each output."""
    m, p = len(machine.X), machine.net.outputs
    f = machine.outputs()
    columns = []
    for part in machine.point:
        for index in np.ndindex(part.shape):
            kept, ends = part[index], []
            for h in (1e-6, -1e-6):
                part[index] = kept + h
                ends.append(machine.outputs())
            part[index] = kept
            columns.append((ends[0] - ends[1]) / 2e-6)
    J = np.array(columns)  # n×p×m

    def slope(f):
        E = np.empty_like(f)
        machine.loss.value(f, machine.Y, E)
        return E

    H = np.zeros((p, p, m))
    for j in range(p):
        step = np.zeros((p, 1))
        step[j] = 1e-6
        H[:, j] = (slope(f + step) - slope(f - step)) / 2e-6
    return np.einsum("aim,ijm,bjm->ab", J, H, J) / m


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", sorted({*NETWORKS} - {MASKED}))
def test_products_and_eigenvalue_are_those_of_the_dense_matrix(name, loss):
    machine, _ = at_start(name, loss)
    truth = dense(machine)
    G = GaussNewton(machine)
    found = np.array([G(e) for e in np.eye(G.size)])
    # Both are differences: off by ε|f|/h, 1e-9 of the dense one and 1e-8 of the other.
    np.testing.assert_allclose(found, truth, rtol=0, atol=1e-7 * np.abs(truth).max())
    top = np.linalg.eigvalsh(truth)[-1]
    assert largest_curvature(machine) == pytest.approx(top, rel=1e-5)
    assert largest_step(machine) == pytest.approx(2 / top, rel=1e-5)


def test_missing_weights_do_not_curve():
    machine, _ = at_start(MASKED)
    there = flat([machine.net.stages[0].layer.mask, np.ones_like(machine.point[1])]) > 0
    truth = dense(machine)[np.ix_(there, there)]
    assert largest_curvature(machine) == pytest.approx(np.linalg.eigvalsh(truth)[-1], rel=1e-5)


@pytest.mark.parametrize(("name", "rel"), [("linear", 1e-3), ("square", 1e-3), ("ReLU", 1e-2)])
def test_single_precision_is_enough_for_a_way_out(name, rel):
    single, double = (at_start(name, dtype=kind)[0] for kind in ("float32", "float64"))
    assert largest_step(single) == pytest.approx(largest_step(double), rel=rel)


def test_the_dual_form_curves_as_the_primal_one():
    machine, weights = at_start("linear")
    dual = DualMachine(machine.net, machine.X, machine.Y, machine.loss, machine.workers)
    dual.start(weights)
    assert largest_step(dual) == pytest.approx(largest_step(machine), rel=1e-9)


def test_it_leaves_the_machine_as_it_was():
    machine, weights = at_start("ReLU")
    machine.evaluate()
    before = flat(machine.slope).copy()
    largest_step(machine)
    assert (flat(machine.point) == flat(weights)).all()
    assert (flat(machine.slope) == before).all()


@pytest.mark.parametrize("name", ["linear", "linear, biases", "square", "ReLU"])
@pytest.mark.parametrize(("share", "grows"), [(0.95, False), (1.05, True)])
def test_steps_below_it_come_back_to_a_minimum_and_steps_above_it_do_not(name, share, grows):
    machine, _ = at_start(name)
    machine.Y[...] = machine.outputs().T  # L = 0 here, where the Hessian is the Gauss–Newton one
    eta = share * largest_step(machine)
    rng = np.random.default_rng(1)
    for part in machine.point:
        part += 1e-9 * rng.standard_normal(part.shape)
    losses = []
    for _ in range(150):
        losses.append(machine.evaluate().loss)
        for part, slope in zip(machine.point, machine.slope, strict=True):
            part -= eta * slope
    # Along the steepest direction each step multiplies by 1 − 2·share: to ±0.9, or ±1.1.
    factor = math.sqrt(losses[-1] / losses[-51])
    if grows:
        assert factor == pytest.approx(1.1**50, rel=0.05)
    else:
        assert losses[-1] < losses[0]


def test_where_nothing_curves_every_step_will_do():
    machine, weights = drawn([Dense(3), Dense(2)], (4,))
    machine.start([0 * part for part in weights])
    assert largest_step(machine) == math.inf


def test_the_smallest_network_has_one():
    machine, _ = drawn([Dense(1), Dense(1)], (1,))
    a, b = 0.5, 2.0
    machine.start([np.array([[a]]), np.array([[b]])])
    # f = bax: λ = (a² + b²) mean x².
    assert largest_curvature(machine) == pytest.approx(
        (a * a + b * b) * np.mean(machine.X**2), rel=1e-8
    )


def test_outputs_that_overflow_have_none():
    machine, weights = drawn(*NETWORKS["square"])
    machine.start([1e200 * part for part in weights])
    assert math.isnan(largest_step(machine))


def test_many_points_are_cut_as_the_machine_cuts_them():
    machine, _ = at_start("conv, ReLU", points=70)
    halves = []
    for rows in (slice(0, 35), slice(35, 70)):
        half = Machine(machine.net, machine.X[rows], machine.Y[rows], machine.loss, machine.workers)
        half.start(machine.point)
        halves.append(GaussNewton(half))
    G = GaussNewton(machine)
    u = np.random.default_rng(2).standard_normal(G.size)
    np.testing.assert_allclose(G(u), 0.5 * (halves[0](u) + halves[1](u)), rtol=1e-6, atol=1e-9)
