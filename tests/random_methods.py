"""Runs of methods at random for hypothesis, and how their distances are told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from matrices import gaussian, holding, matrix
from methods_by_hand import by_hand

from mfact.core import Array, Factors, Method
from mfact.methods.choice import METHODS
from mfact.schedules import Constant, PowerDecay
from mfact.theory.eckart_young import known_optimum

SHAPES = [(30, 20), (9, 25), (60, 12), (12, 12), (1, 8), (7, 1), (1, 1)]
SPECTRA = ("even", "below rank", "tied", "clustered", "geometric", "slow tail", "one large")
STARTS = ("gaussian", "unbalanced", "balanced", "spectral")
WEIGHTS = (0.0, 0.3, 1.0, 2.5)
TURNING = tuple(name for name, method in METHODS.items() if method.commutes_with_rotation)
"""Those that commute with rotations."""


@dataclass(frozen=True)
class MethodRun:
    """A method with its parameters, M with singular values sigma, a start, step sizes, and λ."""

    kind: str
    method: Method
    M: Array
    sigma: Array
    start: Factors
    steps: Array
    weight: float

    def __repr__(self) -> str:
        return f"MethodRun({self.kind})"

    @property
    def rank(self) -> int:
        return self.start.U.shape[1]

    def by_hand(self, kind=float):
        return by_hand(self.method, self.M, *self.start, self.steps, self.weight, kind=kind)


def spectrum(kind, n, rank, kappa):
    """n or fewer singular values, descending, σ₁/σ_r = κ where r > 1."""
    top = np.geomspace(1, 1 / kappa, rank) if rank > 1 else np.ones(1)
    after = top[-1]
    return {
        "even": top,
        "below rank": top[: max(1, rank - 1)],
        "tied": np.r_[top, np.full(min(2, n - rank), after)],
        "clustered": np.r_[top, after * (1 - 1e-6) * np.linspace(1, 0.5, n - rank)],
        "geometric": np.r_[top, after * 0.5 ** np.arange(1, n - rank + 1)],
        "slow tail": np.r_[top, after / np.arange(2, n - rank + 2)],
        "one large": np.r_[1e6, np.geomspace(1, 1 / kappa, n)[1:]],
    }[kind]


def start_of(kind, rng, shape, rank, std, phi, sigma, psi):
    U, V = gaussian(rng, shape, rank, std)
    if kind == "unbalanced":
        return Factors(3 * U, V / 3)
    if kind == "balanced":
        return Factors(*(std * np.linalg.qr(factor)[0] for factor in (U, V)))
    if kind == "spectral":
        near = holding(phi, sigma, psi, np.arange(min(rank, len(sigma))), rank, 1.1)
        return Factors(near.U + 1e-2 * std * U, near.V + 1e-2 * std * V)
    return Factors(U, V)


def method_run(
    seed, names=TURNING, steps=300, shapes=SHAPES, spectra=SPECTRA, kappas=(1.0, 5.0, 100.0)
):
    """The MethodRun of a seed: its parameters are those that a run chooses, or others."""
    rng = np.random.default_rng(seed)

    def one_of(*choices):
        return choices[rng.integers(len(choices))]

    shape = one_of(*shapes)
    rank = int(rng.integers(1, min(5, *shape) + 1))
    values, kappa = one_of(*spectra), one_of(*kappas)
    sigma = spectrum(values, min(shape), rank, kappa)
    M, phi, psi = matrix(rng, shape, sigma)
    M = np.require(M, requirements=one_of("C", "F"))
    begin, std = one_of(*STARTS), one_of(1e-3, 0.05, 0.3)
    start = start_of(begin, rng, shape, rank, std * sigma[0] ** 0.5, phi, sigma, psi)
    weight, share = one_of(*WEIGHTS), one_of(0.02, 0.3, 1.0)
    method = METHODS[one_of(*names)]
    eta = share * method.step_size(float(sigma[0]), weight, max(shape))
    schedule = PowerDecay(eta, 0.55) if (falls := one_of(False, True)) else Constant(eta)
    norm = float(np.linalg.norm(sigma))
    optimum = known_optimum(sigma, 0.0, norm, rank, 1e-13 * norm, 2.0**-52)
    asked = {"momentum": one_of(None, None, 0.5, 0.99), "damping": one_of(None, None, 0.1, 2.0)}
    method = method.having(method.tuned(eta, optimum, asked))
    kind = f"{method}, {shape}, r = {rank}, {values}, κ = {kappa}, {begin} {std}, {share} of the"
    kind += f" usual step, {'falling' if falls else 'constant'}, λ = {weight}, seed {seed}"
    return MethodRun(kind, method, M, sigma, start, schedule.steps(0, steps), weight)


def method_runs(**kinds):
    """Any of them, for hypothesis."""
    return st.builds(
        method_run, st.integers(0, 2**32 - 1), **{k: st.just(v) for k, v in kinds.items()}
    )


def sizes(points):
    return np.array([np.hypot(np.linalg.norm(U), np.linalg.norm(V)) or 1.0 for U, V in points])


def apart(points, others):
    """‖(U, V) − (U', V')‖, relative to that of the others."""
    pairs = zip(points, others, strict=True)
    gaps = [np.hypot(np.linalg.norm(U - A), np.linalg.norm(V - B)) for (U, V), (A, B) in pairs]
    return np.array(gaps) / sizes(others)
