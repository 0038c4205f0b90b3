"""Sweeps of every method against plain loops on whole matrices, and what is told of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import orthonormal
from oracles import gradient

from mfact.errors import SettingsError
from mfact.methods.choice import METHODS
from mfact.methods.scaled import divided
from mfact.settings import SWEPT, SweepSettings
from mfact.studies.batches import Stacks, descend, draw
from mfact.studies.sweep import growth, sweep
from mfact.theory.frequencies import (
    hypotheses,
    limit_within,
    slope_per_decade_of_size,
    slope_per_decade_of_tolerance,
)

COUNT = 3
SHAPES = st.tuples(st.integers(1, 8), st.integers(1, 8))


def slopes(M, U, V, damping):
    """The gradients, divided by the damped Gram matrix of the other factor where there is one."""
    found = gradient(M, U, V)
    if damping is None:
        return found
    shift = damping * np.eye(U.shape[1])
    return [G @ np.linalg.inv(X.T @ X + shift) for G, X in zip(found, (V, U), strict=True)]


def iterates(M, U, V, method, eta, parameter, floor):
    """(U, V) by the method as its paper writes it; parameter: μ, or c of λ_t = c√(2(f − f*))."""
    moved_U, moved_V, damping = np.zeros_like(U), np.zeros_like(V), None
    while True:
        yield U, V
        if "scaled" in method:
            damping = parameter * math.sqrt(max(np.sum((U @ V.T - M) ** 2) - 2 * floor, 0.0))
        slope_U, other = slopes(M, U, V, damping)
        slope_V = slopes(M, U - eta * slope_U, V, damping)[1] if "alter" in method else other
        if method in ("momentum", "nesterov"):
            moved_U, moved_V = parameter * moved_U + slope_U, parameter * moved_V + slope_V
        if method == "momentum":
            slope_U, slope_V = moved_U, moved_V
        if method == "nesterov":
            slope_U, slope_V = slope_U + parameter * moved_U, slope_V + parameter * moved_V
        U, V = U - eta * slope_U, V - eta * slope_V


def steps_of(M, start, runs):
    """Steps to each tolerance, −1 where the start does not get there."""
    settings, sigma = runs.settings, runs.values
    r, found, levels = settings.rank, [], settings.tolerances
    parameter = runs.chosen.get("momentum", runs.chosen.get("damping"))
    floor, unit = 0.5 * np.sum(sigma[r:] ** 2), sigma[min(r, len(sigma)) - 1]
    loop = iterates(M, *start, settings.method, runs.chosen["step_size"], parameter, floor)
    for t, (U, V) in zip(range(settings.max_iter + 1), loop, strict=False):
        excess = np.sum((U @ V.T - M) ** 2) - 2 * floor
        while len(found) < len(levels) and excess <= (levels[len(found)] * unit) ** 2:
            found.append(t)
        if len(found) == len(levels) or not np.isfinite(excess):
            break
    return found + [-1] * (len(levels) - len(found))


@np.errstate(over="ignore", invalid="ignore")  # of starts that diverge
@given(
    method=st.sampled_from(SWEPT),
    seed=st.integers(0, 10**6),
    shape=SHAPES,
    r=st.integers(1, 3),
    k=st.integers(1, 8),
    c_step=st.sampled_from([None, 0.2]),
)
def test_each_start_takes_the_steps_of_a_plain_loop(method, seed, shape, r, k, c_step):
    """Any shape, rank of M below, at and above r, from the same starts in the whole space."""
    rng = np.random.default_rng(seed)
    r, k = min(r, *shape), min(k, *shape)
    values = np.sort(rng.uniform(0.5, 2.0, k))[::-1]
    settings = SweepSettings(
        rank=r, method=method, seeds=COUNT, seed=seed, tol=1e-3, max_iter=300, c_step=c_step
    )
    runs = sweep(values, shape, settings)
    bases = [orthonormal(rng, d, d) for d in shape]
    M = (bases[0][:, :k] * values) @ bases[1][:, :k].T
    drawn = draw(np.random.default_rng(seed), COUNT, shape, k, r)
    for i in range(COUNT):
        pairs = zip(bases, drawn, strict=True)
        start = [runs.start_scale * B[:, : X.shape[1]] @ X[i] for B, X in pairs]
        assert runs.hits[:, i].tolist() == steps_of(M, start, runs)


@pytest.mark.parametrize("method", SWEPT)
def test_a_run_does_not_depend_on_its_neighbours(method):
    """Each start alone gives bit for bit what it gives among others, which end before or after."""
    values, rng = np.array([1.0, 0.7, 0.2]), np.random.default_rng(6)
    U, V = (0.1 * A for A in draw(rng, 7, (12, 9), 3, 2))
    eta = METHODS[method].step_size(1.0, 0.0, 12)
    whole = descend(Stacks(U, V, values, METHODS[method]), 7, eta, np.array([1e-10]), 400)
    assert len(set(whole.hits[0])) > 1
    for i in range(7):
        one = Stacks(U[i : i + 1], V[i : i + 1], values, METHODS[method])
        alone = descend(one, 1, eta, np.array([1e-10]), 400)
        for a, b in zip(whole, alone, strict=True):
            np.testing.assert_array_equal(a[..., i], b[..., 0])


def test_a_singular_start_is_lost_alone():
    """Where one Gram matrix of a stack has no inverse the others are divided by theirs."""
    rng = np.random.default_rng(2)
    G, X = rng.standard_normal((2, 4, 5, 2))
    grams = X.mT @ X
    grams[1] = 0.0
    found = divided(G, grams, np.zeros(4))
    assert np.isnan(found[1]).all()
    for i in (0, 2, 3):
        np.testing.assert_array_equal(found[i], divided(G[i], grams[i], np.zeros(())))


def test_the_methods_that_are_swept_are_those_that_commute_with_rotation():
    assert list(SWEPT) == [n for n, each in METHODS.items() if each.commutes_with_rotation]


@pytest.mark.parametrize(
    ("method", "c"), [("momentum", 0.5), ("alternating", 1.0), ("scaled", 0.5)]
)
def test_the_usual_step_is_that_of_solve(method, c):
    runs = sweep(np.array([4.0, 1.0]), (9, 7), SweepSettings(method=method, seeds=5, rank=2))
    assert runs.chosen["step_size"] == METHODS[method].step_size(4.0, 0.0, 9)
    assert runs.chosen["c_step"] == c


def test_momentum_is_chosen_from_the_singular_values_of_each_matrix():
    """Also of the generated ones, which have no σ_{r+1}; one that is asked for stays."""
    values, settings = np.array([4.0, 1.0, 0.5]), SweepSettings(method="momentum", rank=2, seeds=5)
    runs, grown = sweep(values, (9, 7), settings), growth([20], values, settings)
    assert runs.chosen["momentum"] == pytest.approx((1 - math.sqrt(0.125 * 0.5)) ** 2)
    assert grown[0].chosen["momentum"] == pytest.approx((1 - math.sqrt(0.125 * 1.0)) ** 2)
    asked = SweepSettings(method="momentum", rank=2, seeds=5, momentum=0.3)
    assert sweep(values, (9, 7), asked).chosen["momentum"] == 0.3


def test_what_is_known_of_gradient_descent_is_told_of_no_other():
    values = np.ones(1)
    for method in SWEPT[1:]:
        settings = SweepSettings(method=method, seeds=5)
        told = [
            limit_within(2, settings),
            slope_per_decade_of_size(settings, values),
            slope_per_decade_of_tolerance(settings, values),
        ]
        assert np.isnan(told).all()
        assert hypotheses(sweep(values, (9, 7), settings)) == [
            f"the method is {method}, and it is about gradient-descent"
        ]
    assert hypotheses(sweep(values, (9, 7), SweepSettings(seeds=5))) == []


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({"method": "adam"}, "run `mfact solve --method adam` with one --seed after another"),
        ({"method": "sgd"}, "choose one of gradient-descent, alternating"),
        ({"momentum": 0.5}, "--momentum has no meaning with --method gradient-descent"),
        ({"method": "nesterov", "damping": 0.5}, "--damping has no meaning with --method nesterov"),
        ({"method": "momentum", "momentum": 1.0}, "--momentum is 1.0"),
    ],
)
def test_what_does_not_fit_together_is_refused(bad, told):
    with pytest.raises(SettingsError, match="--") as caught:
        SweepSettings(**bad)
    assert told in str(caught.value)
