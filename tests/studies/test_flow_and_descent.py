"""The steps of each method beside its own flow: the asserted slopes, and both by other means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import flat, gradient

from mfact.core import Factors
from mfact.engines.direct import DirectEngine
from mfact.errors import MfactError, SettingsError
from mfact.gradient_flow import scaled_flow
from mfact.gradient_flow.coordinates import Svd
from mfact.methods.choice import METHODS as METHODS_OF
from mfact.problems.diagonal import Diagonal
from mfact.problems.factorization import Factorization
from mfact.settings import METHODS, FlowSettings
from mfact.studies.flow import study
from mfact.studies.flow_and_descent import DAMPING, MOMENTUM, Flows, compare
from mfact.targets.dense import DenseTarget

NAMES = METHODS[:-1]  # all that follow a flow


def flows(sigma, Z, time, weight=0.0):
    sigma = np.array(sigma, float)
    return Flows(Diagonal(sigma, weight), Z, time, 0.5 * sigma[Z.shape[2] - 1] ** 2)


def start(seed, k, r, size):
    return np.random.default_rng(seed).normal(size=(2, k, r)) * size


def holds(found):
    bounds = {"remainder": (1.85, 2.15)}
    ends = [(slope, *bounds.get(name, (0.9, 1.1))) for name, slope in found.slopes.items()]
    return all(low <= slope <= high for slope, low, high in ends)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("sigma", "size"), [([2.0, 1.5, 1.0, 0.3], 0.5), ([3.0, 1.0], 0.1)])
def test_the_slopes_of_two_spectra(name, sigma, size):
    found = compare(flows(sigma, start(1, len(sigma), 2, size), 4.0), name, [300, 600, 1200])
    assert found.slopes.keys() == found.columns.keys()
    assert holds(found), found.slopes


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@given(st.integers(0, 10**6), st.lists(st.floats(0.3, 0.8), max_size=4), st.data())
def test_the_slopes_of_any_spectrum_and_start(name, seed, ratios, data):
    sigma = np.cumprod([data.draw(st.floats(0.1, 10.0)), *ratios])
    r = data.draw(st.integers(1, len(sigma)))
    size = data.draw(st.floats(0.1, 0.7)) * np.sqrt(sigma[0])
    Z = start(seed, len(sigma), r, size)
    of = flows(sigma, Z, 2.0 / sigma[0])
    # Here and there first order almost cancels: it takes smaller steps to see it.
    found = [compare(of, name, [200, 400, 800])]
    for counts in ([1600, 3200, 6400], [12800, 25600]):
        if not holds(found[-1]):
            found.append(compare(of, name, counts))
    assert holds(found[-1]), [each.slopes for each in found]


@pytest.mark.parametrize("name", NAMES)
def test_the_slopes_of_distances_beside_the_flow_of_the_balanced_objective(name):
    Z = start(1, 4, 2, 0.5)
    found = compare(flows([2.0, 1.5, 1.0, 0.3], Z, 1.0, weight=0.5), name, [200, 400, 800])
    assert found.slopes["distance"] == pytest.approx(1.0, abs=0.1)
    assert "log_det_drift" not in found.columns


def damping_of(M, U, V):
    floor = 0.5 * np.sum(np.linalg.svd(M, compute_uv=False)[U.shape[1] :] ** 2)
    return DAMPING * np.sqrt(2 * (0.5 * np.sum((U @ V.T - M) ** 2) - floor))


def divided(G, other, damping):
    return G @ np.linalg.inv(other.T @ other + damping * np.eye(other.shape[1]))


def scaled_direction(M, U, V):
    (G_U, G_V), damping = gradient(M, U, V), damping_of(M, U, V)
    return divided(G_U, V, damping), divided(G_V, U, damping)


def loop(name, M, U, V, eta, count):
    """The steps as their papers, and torch, write them, on M itself."""
    u = [np.zeros_like(U), np.zeros_like(V)]
    for _ in range(count):
        G_U, G_V = gradient(M, U, V)
        if name == "gradient-descent":
            U, V = U - eta * G_U, V - eta * G_V
        elif name == "alternating":
            U = U - eta * G_U
            V = V - eta * gradient(M, U, V)[1]
        elif name == "scaled":
            p, q = scaled_direction(M, U, V)
            U, V = U - eta * p, V - eta * q
        elif name == "alternating-scaled":
            damping = damping_of(M, U, V)
            U = U - eta * divided(G_U, V, damping)
            V = V - eta * divided(gradient(M, U, V)[1], U, damping)
        else:
            u = [MOMENTUM * old + G for old, G in zip(u, (G_U, G_V), strict=True)]
            d = u
            if name == "nesterov":
                d = [G + MOMENTUM * new for new, G in zip(u, (G_U, G_V), strict=True)]
            U, V = U - eta * d[0], V - eta * d[1]
    return U, V


def followed(name, M, U, V, time):
    """(U, V) after the flow of scaled steps or of −∇f on M itself, and what λ's moves add to
    log det(UᵀU + λI) − log det(VᵀV + λI) on the way, by another solver.
    """
    from scipy.integrate import solve_ivp

    scaled = "scaled" in name

    def slope(_, z):
        U, V = (part.reshape(-1, 2) for part in np.split(z[:-1], [2 * len(M)]))
        p, q = scaled_direction(M, U, V) if scaled else gradient(M, U, V)
        G_U, G_V = gradient(M, U, V)
        damping = damping_of(M, U, V)
        moves = -(DAMPING**2) * (np.sum(G_U * p) + np.sum(G_V * q)) / damping  # dλ/ds
        gains = [np.trace(np.linalg.inv(X.T @ X + damping * np.eye(2))) for X in (U, V)]
        return np.append(-flat((p, q)), moves * (gains[0] - gains[1]))

    z = np.append(flat((U, V)), 0.0)
    end = solve_ivp(slope, (0.0, time), z, method="LSODA", rtol=1e-11, atol=1e-13).y[:, -1]
    U, V = (part.reshape(-1, 2) for part in np.split(end[:-1], [2 * len(M)]))
    return U, V, end[-1]


def log_det(M, U, V):
    damping = damping_of(M, U, V)
    first, second = (np.linalg.slogdet(X.T @ X + damping * np.eye(2))[1] for X in (U, V))
    return first - second


def given_case(seed=4):
    rng = np.random.default_rng(seed)
    M = rng.normal(size=(7, 5))
    return M, Factors(0.4 * rng.normal(size=(7, 2)), 0.4 * rng.normal(size=(5, 2)))


@pytest.mark.parametrize("name", NAMES)
def test_distances_are_those_of_a_loop_and_another_solver_on_the_whole_matrix(name):
    M, (U, V) = given_case()
    settings = FlowSettings(rank=2, start="mine.npz", time=0.7, points=2, compare=[name])
    found = study(M, settings, Factors(U, V)).comparisons[name]
    A, B, _ = followed(name, M, U, V, found.time)
    kept = U.T @ U - V.T @ V
    for i in (0, 2):
        X, Y = loop(name, M, U, V, found.step_sizes[i], found.counts[i])
        apart = np.linalg.norm(flat((X - A, Y - B))) / np.linalg.norm(flat((A, B)))
        assert found.columns["distance"][i] == pytest.approx(apart, rel=1e-5)
        if "D_distance" in found.columns:
            moved = np.linalg.norm(X.T @ X - Y.T @ Y - kept)
            assert found.columns["D_distance"][i] == pytest.approx(moved, rel=1e-9)


def test_the_law_of_scaled_steps_is_kept_along_their_flow():
    M, (U, V) = given_case()
    sigma, Z = Svd.of(DenseTarget(M)).enter(U, V)
    end, time = Flows(Diagonal(sigma, 0.0), Z, 1.0, 0.5 * sigma[1] ** 2).scaled
    A, B, added = followed("scaled", M, U, V, time)
    assert np.linalg.svd(end[0] @ end[1].T)[1][:2] == pytest.approx(np.linalg.svd(A @ B.T)[1][:2])
    ours = log_det(np.diag(sigma), end[0], end[1])
    assert ours == pytest.approx(log_det(M, A, B), abs=1e-9)
    assert abs(added) > 0.01
    assert ours - added == pytest.approx(log_det(M, U, V), abs=1e-9)


@pytest.mark.parametrize("name", ["scaled", "alternating-scaled"])
def test_what_scaled_steps_keep_is_what_a_run_of_them_records(name):
    M, point = given_case()
    settings = FlowSettings(rank=2, start="mine.npz", time=0.7, points=2, compare=name)
    found = study(M, settings, point).comparisons[name]
    floor = 0.5 * float(np.sum(np.linalg.svd(M, compute_uv=False)[2:] ** 2))
    method = METHODS_OF[name].having({"damping": DAMPING, "floor": floor})
    engine = DirectEngine(Factorization(DenseTarget(M)), method)
    state, left, drift = engine.start(point), int(found.counts[0]) + 1, np.nan
    while left:
        ran = engine.advance(state, np.full(left, found.step_sizes[0]))
        state, left = ran.state, left - len(ran.rows["step"])
        drift = ran.rows["log_det_drift"][-1]
    assert found.columns["log_det_drift"][0] == pytest.approx(drift, rel=1e-6)


def test_adam_moves_D_as_far_with_smaller_steps():
    M, (U, V) = given_case(6)
    settings = FlowSettings(rank=2, start="mine.npz", time=0.1, points=2, compare="adam")
    found = study(M, settings, Factors(U, V)).comparisons["adam"]
    assert list(found.columns) == ["D_distance"]
    assert found.time == pytest.approx(found.step_sizes[1] * found.counts[1])
    assert abs(found.slopes["D_distance"]) < 0.1
    z, kept = [U, V], U.T @ U - V.T @ V
    m, s = ([np.zeros_like(part) for part in z] for _ in range(2))
    for t in range(1, found.counts[0] + 1):
        for i, G in enumerate(gradient(M, *z)):
            m[i] = 0.9 * m[i] + 0.1 * G
            s[i] = 0.999 * s[i] + 0.001 * G**2
            root = np.sqrt(s[i] / (1 - 0.999**t)) + 1e-8
            z[i] = z[i] - found.step_sizes[0] * m[i] / (1 - 0.9**t) / root
    moved = np.linalg.norm(z[0].T @ z[0] - z[1].T @ z[1] - kept)
    assert found.columns["D_distance"][0] == pytest.approx(moved, rel=1e-6)


def test_steps_that_diverge_are_infinitely_far_and_leave_the_slopes_alone():
    Z = start(3, 2, 1, 1.0)
    found = compare(flows([2.0, 1.0], Z, 12.0), "gradient-descent", [8, 500, 1000, 2000])
    assert found.columns["distance"][0] == np.inf
    assert found.slopes["distance"] == pytest.approx(1.0, abs=0.05)
    found = compare(flows([2.0, 1.0], Z, 12.0, weight=50.0), "momentum", [20])
    assert found.columns["distance"][0] == found.columns["D_distance"][0] == np.inf


def test_a_balanced_drift_hidden_by_rounding_has_no_slope():
    of = flows([1.0], np.full((2, 1, 1), 0.1), 5.0)
    for name, column in (("gradient-descent", "D_distance"), ("scaled", "log_det_drift")):
        found = compare(of, name, [100, 200])
        assert found.columns[column].max() < 1e-13
        assert found.slopes[column] is None
    with pytest.raises(SettingsError, match="0 steps"):
        compare(of, "momentum", [0])


def test_starts_from_which_nothing_moves(monkeypatch):
    monkeypatch.setattr(scaled_flow, "LONGEST", 1)
    M, at = np.diag([1.0, 0.0]), np.diag([1.0, 0.0])
    settings = FlowSettings(rank=2, start="mine.npz", time=1.0, points=2, compare="all")
    found = study(M, settings, Factors(0 * at, 0 * at)).comparisons
    for each in found.values():
        assert not any(column.any() for column in each.columns.values())
        assert set(each.slopes.values()) == {None}
    with pytest.raises(MfactError, match="singular"):
        study(M, settings, Factors(at, at))
