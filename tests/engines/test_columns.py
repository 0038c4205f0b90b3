"""Each column of the rows against its own formula, formed from the factors."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from driving import drive
from hypothesis import given
from hypothesis import strategies as st
from made import direct_engine, reduced_engine
from matrices import gaussian, matrix
from oracles import exact_gap, gradient_norm, optimum
from random_runs import RandomRun, random_runs

from mfact.core import Plain
from mfact.methods.gradient_descent import GradientDescent
from mfact.targets.dense import DenseTarget

KINDS = ("direct", "reduced", "singular coordinates")


def run_engine(kind, run: RandomRun):
    target = DenseTarget(run.M)
    if kind == "direct":
        engine = direct_engine(target, run.weight)
        known = Plain(optimum(run.M, run.rank))
        state = replace(engine.start(run.start), coordinates=known)
    else:
        engine = reduced_engine(target, run.rank, run.weight)
        state = engine.start(run.start)
        if kind == "singular coordinates":
            state = engine.sharpened(state, 1e-13)
    states, rows = drive(engine, state, run.steps)
    return [state.coordinates.leave(state.point) for state in states[:-1]], rows


@given(run=random_runs(steps=150), kind=st.sampled_from(KINDS))
def test_columns_equal_their_formulas(run, kind):
    points, rows = run_engine(kind, run)
    M, lam, norm = run.M, run.weight, np.linalg.norm(run.M)
    D_0 = points[0].U.T @ points[0].U - points[0].V.T @ points[0].V
    for t, (U, V) in enumerate(points):
        row = {name: float(column[t]) for name, column in rows.items() if column.ndim == 1}
        R, D = U @ V.T - M, U.T @ U - V.T @ V
        size = np.sum(U**2) + np.sum(V**2)
        near = (
            256 * np.finfo(float).eps
        )  # rounding of K-term sums, against the size of what is subtracted
        loss = 0.5 * np.sum(R**2)
        # Relative to ½‖M‖² eps, and to the loss itself as far down as 1e-6 of it.
        assert row["loss"] == pytest.approx(loss, rel=1e-9, abs=near * norm**2)
        # The root of what is left of the loss when it is all rounding.
        residual = np.linalg.norm(R) / norm
        assert row["relative_residual"] == pytest.approx(residual, rel=1e-9, abs=1e-7)
        assert row["gradient_norm"] == pytest.approx(
            gradient_norm(M, U, V, lam), rel=1e-9, abs=near * max(norm, size) * size**0.5
        )
        assert row["imbalance"] == pytest.approx(np.linalg.norm(D), rel=1e-9, abs=near * size)
        assert row["relative_imbalance"] == pytest.approx(row["imbalance"] / norm, rel=1e-14)
        assert row["drift"] == pytest.approx(np.linalg.norm(D - D_0), abs=near * size)
        assert row["penalty"] == pytest.approx(lam / 8 * row["imbalance"] ** 2, rel=1e-14)
        assert row["size_U"] == pytest.approx(np.sum(U**2), rel=1e-12)
        assert row["size_V"] == pytest.approx(np.sum(V**2), rel=1e-12)
        if np.any(V):
            assert row["norm_ratio"] == pytest.approx(np.sum(U**2) / np.sum(V**2), rel=1e-12)
    assert rows["step_size"] == pytest.approx(run.steps, rel=0)
    assert rows["flow_time"] == pytest.approx(np.cumsum(run.steps) - run.steps, rel=1e-12)


@given(run=random_runs(steps=500), kind=st.sampled_from(KINDS))
def test_ledger_closes(run, kind):
    """D_t − D_0 is the sum of what the exact law adds, to rounding of ‖U‖² + ‖V‖² or its start."""
    _, rows = run_engine(kind, run)
    largest = np.maximum.accumulate(rows["size_U"] + rows["size_V"])
    assert np.all(rows["audit"] <= 1e-12 * largest)
    if run.weight == 0:  # there it is not the audit alone that is small: the ledger explains D
        off = np.abs(rows["drift"] - rows["ledger"])
        assert np.all(off <= 1e-12 * largest)


def test_audit_sees_a_step_that_is_not_a_gradient_step():
    """A ledger that would close for any step would be no self-test."""
    M, start = np.diag([3.0, 2.0, 1.0]), gaussian(np.random.default_rng(0), (3, 3), 2, 0.5)

    class Wrong(GradientDescent):
        def step(self, problem, point, at, step_size, memory):
            moved = super().step(problem, point, at, step_size, memory)
            U, V = moved.point
            return moved._replace(point=(U * (1 + 1e-6), V))

    engine = direct_engine(DenseTarget(M), method=Wrong())
    rows = engine.advance(engine.start(start), np.full(10, 0.1)).rows
    assert rows["audit"][-1] > 1e-7


def exact_excess(z, sigma):
    """½‖XYᵀ − diag(σ)‖² − ½Σ_{i>r}σ_i² in rational numbers, for z = [Xᵀ, Yᵀ]."""
    X, Y = ([[Fraction(x) for x in column] for column in side.T.tolist()] for side in z)
    values, r = [Fraction(s) for s in sigma.tolist()], z.shape[1]
    twice = -sum(s**2 for s in values[r:])
    for i, x in enumerate(X):
        for j, y in enumerate(Y):
            entry = sum(a * b for a, b in zip(x, y, strict=True))
            twice += (entry - (values[i] if i == j else 0)) ** 2
    return twice / 2


@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("sigma", [[3, 2, 1.5], [3, 2, 1.5, 0.7, 0.5, 0.2], [2, 2, 2, 1, 1]])
def test_gap_is_right_down_to_rounding_of_rounding(weight, sigma):
    """Near the optimum the gap is that of extended precision, far below eps of the loss."""
    rng, r = np.random.default_rng(3), 3
    M, _, _ = matrix(rng, (30, 25), sigma)
    engine = reduced_engine(DenseTarget(M), r, weight)
    state = engine.sharpened(engine.start(gaussian(rng, M.shape, r, 0.02)), 1e-13)
    states, rows = drive(engine, state, np.full(1500, 0.5 / 3))
    spectrum = states[-1].coordinates.spectrum
    unit = Fraction(float(spectrum.sigma[r - 1])) ** 2 / 2
    sizes = []
    for t in range(40, 1500, 10):
        truth = float(exact_excess(states[t].point[0], spectrum.sigma) / unit)
        sizes.append(truth)
        # Each entry of X₁Y₁ᵀ − Σ₁ is known to 1e-16, so the gap g to 1e-16 √g.
        assert rows["gap"][t] == pytest.approx(truth, rel=1e-6, abs=1e-15 * truth**0.5 + 1e-31)
    assert min(sizes) < 1e-24
    assert sum(1e-20 < size < 1e-12 for size in sizes) >= 2


def test_gap_against_an_svd_with_noise():
    rng, r = np.random.default_rng(4), 2
    M = rng.standard_normal((40, 30)) / 6 + 2 * np.outer(rng.standard_normal(40), np.ones(30)) / 6
    values = np.linalg.svd(M, compute_uv=False)
    engine = reduced_engine(DenseTarget(M), r)
    state = engine.sharpened(engine.start(gaussian(rng, M.shape, r, 0.02)), 1e-15)
    states, rows = drive(engine, state, np.full(300, 0.5 / values[0]))
    for t in range(0, 300, 7):
        # 1e-15 of the loss is what forming it from R leaves, here 20 times the unit ½σ₂².
        gap = exact_gap(M, *states[t].coordinates.leave(states[t].point))
        assert rows["gap"][t] == pytest.approx(gap, rel=1e-6, abs=2e-14)


@pytest.mark.parametrize("kind", ["direct", "reduced"])
def test_loss_near_convergence_is_not_that_of_gram_matrices(kind):
    """½(‖M‖² − 2⟨U, MV⟩ + ⟨A, C⟩) is off by 1e-16 ‖M‖², and may be negative, here."""
    rng, r = np.random.default_rng(0), 3
    M, _, _ = matrix(rng, (30, 20), [3.0, 2.0, 1.0])
    start = gaussian(rng, M.shape, r, 0.05)
    run = RandomRun("exact rank", M, np.array([3.0, 2, 1]), start, np.full(120, 0.5 / 3), 0.0)
    points, rows = run_engine(kind, run)
    truth = [0.5 * np.sum((U @ V.T - M) ** 2) for U, V in points]
    assert 1e-22 < truth[-1] < 1e-14
    late = np.array(truth) < 1e-8
    # M itself is known to 1e-16, and with it R to 1e-16/1e-11 at the last of these.
    assert rows["loss"][late] == pytest.approx(np.array(truth)[late], rel=1e-4)


def test_alignment_is_with_the_leading_singular_vectors():
    rng = np.random.default_rng(8)
    M = rng.standard_normal((25, 18))
    phi, _, psi_t = np.linalg.svd(M)
    engine = reduced_engine(DenseTarget(M), 1)
    state = engine.sharpened(engine.start(gaussian(rng, M.shape, 1, 0.1)), 1e-15)
    states, rows = drive(engine, state, np.full(120, 0.05))
    for t in range(0, 120, 10):
        U, V = states[t].coordinates.leave(states[t].point)
        assert rows["alignment_U"][t] == pytest.approx(abs(phi[:, 0] @ U[:, 0]), rel=1e-9)
        assert rows["alignment_V"][t] == pytest.approx(abs(psi_t[0] @ V[:, 0]), rel=1e-9)


def test_leak_is_what_a_step_leaves_outside_the_bases():
    rng = np.random.default_rng(2)
    M, start = rng.standard_normal((40, 35)), gaussian(rng, (40, 35), 2, 0.01)
    engine = reduced_engine(DenseTarget(M), 2)
    state = engine.start(start)
    # Any point of the bases will do; steps so small that what leaks is below rounding.
    state = replace(state, point=(rng.standard_normal(state.point[0].shape),))
    states, rows = drive(engine, state, np.full(3, 1e-18))
    basis = states[0].coordinates.basis
    U, V = states[0].coordinates.leave(states[0].point)
    MV, MtU = M @ V, M.T @ U
    MV -= basis.left.basis @ (basis.left.basis.T @ MV)
    MtU -= basis.right.basis @ (basis.right.basis.T @ MtU)
    outside = np.hypot(np.linalg.norm(MV), np.linalg.norm(MtU))
    assert outside > 1
    assert rows["leak"] == pytest.approx(1e-18 * outside, rel=1e-10)
