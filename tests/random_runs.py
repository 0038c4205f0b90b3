"""Runs at random for hypothesis: a matrix, a start and step sizes of every kind there is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from matrices import gaussian, holding, matrix

from mfact.core import Array, Factors
from mfact.schedules import Constant, PowerDecay, certified, theorem_3_1, theorem_3_2

SHAPES = [(30, 20), (9, 25), (60, 12), (12, 12), (1, 8), (7, 1), (1, 1)]
SPECTRA = ("flat", "clustered", "exact rank", "below rank", "repeated", "geometric", "noise")
GENERIC = ("gaussian", "tiny", "unbalanced", "balanced", "rank-deficient", "spectral")
SCHEDULES = ("constant", "power", "theorem-3.1", "theorem-3.2", "certified")
WEIGHTS = (0.0, 1.0, 0.3, 2.5)


@dataclass(frozen=True)
class RandomRun:
    """M with singular values sigma, a start, step sizes, and λ."""

    kind: str
    M: Array
    sigma: Array
    start: Factors
    steps: Array
    weight: float

    def __repr__(self) -> str:
        return f"RandomRun({self.kind})"

    @property
    def rank(self) -> int:
        return self.start.U.shape[1]


def spectrum(kind, n, rank, rng):
    """n or fewer singular values, descending."""
    if kind == "clustered":  # σ_r ≈ σ_{r+1}
        sigma = np.linspace(2, 1, n)
        sigma[rank:] = sigma[rank - 1] * (1 - 1e-6) * np.linspace(1, 0.5, n - rank)
        return sigma
    if kind == "repeated":
        return np.sort(np.resize([3.0, 2.0, 1.0], n))[::-1]
    if kind == "noise":
        return np.sort(np.abs(rng.standard_normal(n)))[::-1] + 0.1
    return {
        "flat": np.ones(n),
        "exact rank": np.linspace(2, 1, min(n, rank)),
        "below rank": np.linspace(2, 1, max(1, min(n, rank - 1))),
        "geometric": 2.0 ** -np.arange(n),
    }[kind]


def start_of(kind, rng, shape, rank, phi, sigma, psi):
    """(U, V); "planted" takes the last singular pairs there are, "spectral" the first."""
    ordinary = gaussian(rng, shape, rank, 0.1 / np.sqrt(max(shape)))
    if kind == "gaussian":
        return ordinary
    if kind == "tiny":
        return gaussian(rng, shape, rank, 1e-8)
    if kind == "unbalanced":
        return Factors(ordinary.U * 3, ordinary.V / 3)
    if kind == "balanced":
        return Factors(*(0.1 * np.linalg.qr(factor)[0] for factor in ordinary))
    if kind == "rank-deficient":
        U, V = ordinary
        U[:, -1], V[:, 0] = U[:, 0], 0
        return Factors(U, V)
    pairs = np.arange(len(sigma))
    chosen = pairs[:rank] if kind == "spectral" else pairs[-rank:]
    return holding(phi, sigma, psi, chosen, rank, 0.3)


def schedule_of(name, weight, rank, norm, sigma_1):
    unit = 1 / (max(1.0, weight) * sigma_1)  # the limit of stability at a balanced optimum
    return {
        "constant": Constant(0.5 * unit),
        "power": PowerDecay(0.3 * unit, 0.55),
        "theorem-3.1": theorem_3_1(0.1 * norm, rank, norm),
        "theorem-3.2": theorem_3_2(0.1, 1 / unit),
        "certified": certified(0.1 * norm, norm),
    }[name]


@st.composite
def random_runs(draw, starts=GENERIC, steps=400, spectra=SPECTRA, schedules=SCHEDULES):
    """A RandomRun of that many steps."""
    shape = draw(st.sampled_from(SHAPES))
    rank = draw(st.integers(1, min(5, *shape)))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    values = draw(st.sampled_from(spectra))
    sigma = spectrum(values, min(shape), rank, rng)
    M, phi, psi = matrix(rng, shape, sigma)
    M = np.require(M, requirements=draw(st.sampled_from("CF")))
    begin = draw(st.sampled_from(starts))
    start = start_of(begin, rng, shape, rank, phi, sigma, psi)
    weight = draw(st.sampled_from(WEIGHTS))
    name = draw(st.sampled_from(schedules))
    schedule = schedule_of(name, weight, rank, float(np.linalg.norm(M)), float(sigma[0]))
    kind = f"{shape}, r = {rank}, {values}, {begin}, {name}, λ = {weight}, seed {seed}"
    return RandomRun(kind, M, sigma, start, schedule.steps(0, steps), weight)
