"""ScaledGD: each factor's gradient divided by the other's Gram matrix, damped by the residual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import hypot, inf, nan, sqrt

import numpy as np

from mfact.core import (
    Array,
    Balance,
    Evaluation,
    Followed,
    Memory,
    Moved,
    Optimum,
    Point,
    Problem,
    Stepped,
)
from mfact.methods.two_lines import TwoLines, cumulative
from mfact.methods.update import Update, walked

LEAST, WEAKEST = 5e-7, 0.1
"""Of ‖M‖_F, and of σ_k, the most that the least λ may be. Where M has rank below r the Gram
matrices become singular before R is zero, and what is divided by them is rounding."""


FAR = 0.5
"""Of the eigenvalues of what a step adds, relative to S + λI, from which on it goes far."""


@dataclass(frozen=True)
class LogDetLaw(TwoLines):
    """The flow keeps log det(UᵀU + λI) − log det(VᵀV + λI) for fixed λ, and not D.

    With K_A = UᵀU + λI, K_C = VᵀV + λI, p = G_U K_C⁻¹, q = G_V K_A⁻¹ a step adds
        Σ log(1 + e_i) of E = K_A⁻¹(−η(Uᵀp + pᵀU) + η²pᵀp), minus the same of V,
    to it. In first order that is −2η tr(K_A⁻¹UᵀG_U K_C⁻¹) on either side, the same number for (1)
    because UᵀG_U = G_VᵀV: only what is of second order is left. Where λ_t moves, what that alone
    adds to the quantity is taken off it again: log_det is what is kept whatever λ_t does.
    D is told by its two lines.

    cancels: whether line 1 of log det is the same number on either side. damping, floor, least: as
    of Scaled. Source: Tong, Ma, Chi 2021 for ScaledGD; the law mfact, derived.
    """

    damping: float = 0.5
    floor: float = 0.0
    least: float = 0.0
    cancels: bool = True
    keeps: str = "log det"

    def init(self, problem: Problem, point: Point) -> Memory:
        # The last λ, −1 before the first; what its moves have added; the ledger; the quantity at
        # step 0; then line 1.
        numbers = (np.array(-1.0), np.zeros(()), np.zeros(()), np.zeros(()))
        return (*numbers, *super().init(problem, point))

    def told(
        self,
        problem: Problem,
        point: Point,
        at: Evaluation,
        moved: Moved,
        step_size: float,
        memory: Memory,
    ) -> tuple[Array, ...]:
        """Of D first, then λ, UᵀU, VᵀV, and what log det gains, in all and beyond line 1."""
        two = super().told(problem, point, at, moved, step_size, memory)
        grams = np.asarray(at.seen, float)
        damping = float(damping_of(at, problem.stiffness(at.seen), self))
        gains = [
            _gain(X.T @ d, d.T @ d, gram, damping, step_size)
            for X, d, gram in zip(point, moved.direction, grams, strict=True)
        ]
        (whole, rest, far), (whole_V, rest_V, far_V) = gains
        gain = whole - whole_V
        # Of a step that goes far line 1 is much larger than what is gained.
        beyond = gain if far or far_V else rest - rest_V
        return (*two, np.array(damping), grams, np.array(gain), np.array(beyond))

    def follow(
        self, step_sizes: Array, told: tuple[Array, ...], pulls: Balance, memory: Memory
    ) -> Followed:
        *two, damping, grams, whole, rest = told
        of_D = super().follow(step_sizes, tuple(two), pulls, memory[4:])
        # The same number on either side where nothing pulls: then its difference is rounding.
        pulled = np.any([np.any(P, axis=(1, 2)) for P in pulls], axis=0) | (not self.cancels)
        ledger = cumulative(memory[2], np.where(pulled, whole, rest))
        last = float(memory[0])
        before = np.append(damping[0] if last < 0 else last, damping[:-1])
        value, after = (_log_dets(grams, each) for each in (before, damping))
        moves = cumulative(memory[1], after - value)
        kept = value - moves[:-1]
        begun = kept[:1].reshape(()) if last < 0 else memory[3]
        sides = _eigenvalues(grams) + damping[:, None, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            condition = np.max(sides[..., -1] / sides[..., 0], axis=1)
        columns = {
            **of_D.columns,
            "log_det": kept,
            "log_det_drift": np.abs(kept - begun),
            "log_det_ledger": np.abs(ledger[:-1]),
            "log_det_audit": np.abs(kept - begun - ledger[:-1]),
            "condition": condition,
        }
        memories: list[Memory] = [
            (np.array(last), m, e, begun if i else memory[3], *D)
            for i, (last, m, e, D) in enumerate(
                zip([last, *damping], moves, ledger, of_D.memories, strict=True)
            )
        ]
        return Followed(of_D.entries, memories, columns)


@dataclass(frozen=True)
class Scaled(Update):
    """U₊ = U − ηG_U(VᵀV + λ_tI)⁻¹, V₊ = V − ηG_V(UᵀU + λ_tI)⁻¹; η has no unit.

    λ_t = √(2c²(f_t − f*) + least²), and with a balance term of weight w as much more as bounds its
    curvature, w max(‖UᵀU‖₂, ‖VᵀV‖₂): divided by the Gram matrices alone that would be of the size
    of w σ₁/σ_r. So its steps are no faster than those of gradient descent where w is not small.
    damping: c. floor: f*, the least loss as far as it is known before the first step, 0 where it is
    not; c√(2(f − f*)) is c‖R‖_F where M has rank r. For c = 0 a step from a small start,
    where both Gram matrices are small, is longer than M is large; with c the first steps are those
    of gradient descent, and the last ones, as λ goes to zero, do not depend on the condition of M:
    with f* also where ‖R‖ does not go to zero. Source: Tong, Ma, Chi 2021; the damping: mfact.
    """

    damping: float = 0.5
    floor: float = 0.0
    least: float = 0.0
    name: str = "scaled"
    title = "scaled gradient descent"
    power = 0.0

    @property
    def law(self) -> LogDetLaw:
        return LogDetLaw(damping=self.damping, floor=self.floor, least=self.least)

    def tuned(
        self, step_size: float, optimum: Optimum, asked: Mapping[str, float | None]
    ) -> Mapping[str, float]:
        """With the least loss that the Ritz values tell."""
        found, floor = asked.get("damping"), optimum.floor
        norm = hypot(sqrt(2 * floor), *optimum.values[: optimum.k])
        return {
            "damping": self.damping if found is None else found,
            "floor": floor,
            "least": min(LEAST * norm, WEAKEST * optimum.values[optimum.k - 1]),
        }

    def step_size(self, sigma_1: float, weight: float, longest: int) -> float:
        """0.5: at a balanced optimum no curvature is more than 2."""
        return 0.5

    def step(
        self, problem: Stepped, point: Point, at: Evaluation, step_size: float, memory: Memory
    ) -> Moved:
        damping, (A, C) = damping_of(at, problem.stiffness(at.seen), self), at.seen
        G_U, G_V = at.gradient
        direction = divided(G_U, C, damping), divided(G_V, A, damping)
        return Moved(walked(point, direction, step_size), direction, memory)


def damping_of(at: Evaluation, stiffness: float, of: LogDetLaw | Scaled) -> Array:
    """λ_t in units of M, of one point or of a stack; not a number where f is none. stiffness: of
    the problem there.
    """
    above = np.asarray(at.value) - of.floor
    found = np.hypot(of.damping * np.sqrt(2 * np.maximum(above, 0.0)), of.least) + stiffness
    return np.where(above + stiffness < inf, found, nan)


def divided(G: Array, gram: Array, damping: Array) -> Array:
    """G(S + λI)⁻¹ for S = gram; not a number where that is singular."""
    shift = damping.astype(gram.dtype)[..., None, None]
    K = gram + shift * np.eye(gram.shape[-1], dtype=gram.dtype)
    try:
        found: Array = np.linalg.solve(K, G.mT).mT
    except np.linalg.LinAlgError:
        if G.ndim == 2:
            return np.full_like(G, nan)
        return np.stack([divided(*each) for each in zip(G, gram, damping, strict=True)])
    return found


def _gain(
    inner: Array, square: Array, gram: Array, damping: float, step_size: float
) -> tuple[float, float, bool]:
    """What log det(S + λI) gains by S₊ = S − η(XᵀD + DᵀX) + η²DᵀD, S = gram, XᵀD = inner,
    DᵀD = square: in all, beyond line 1, −2η tr((S + λI)⁻¹XᵀD), and whether the step goes far.
    """
    K = gram + damping * np.eye(len(gram))
    first = np.asarray(-step_size * (inner + inner.T), float)
    second = np.asarray(step_size**2 * square, float)
    try:
        L = np.linalg.cholesky(K)
        inside, beyond = (
            np.linalg.solve(L, np.linalg.solve(L, S).T) for S in (first + second, second)
        )
    except np.linalg.LinAlgError:
        return nan, nan, True
    e = _eigenvalues(0.5 * (inside + inside.T))
    whole = np.log1p(e)
    rest = float(np.sum(whole - e)) + float(np.trace(beyond))
    return float(np.sum(whole)), rest, not np.abs(e).max() <= FAR


def _eigenvalues(S: Array) -> Array:
    """Of …×r×r symmetric ones; not numbers where S has left the floats, of which LAPACK raises."""
    known = np.asarray(np.isfinite(S).all(axis=(-2, -1)))
    found = np.linalg.eigvalsh(np.where(known[..., None, None], S, 0.0))
    return np.asarray(np.where(known[..., None], found, nan))


def _log_dets(grams: Array, damping: Array) -> Array:
    """log det(UᵀU + λI) − log det(VᵀV + λI) of n points."""
    K = grams + damping[:, None, None, None] * np.eye(grams.shape[-1])
    sizes = np.linalg.slogdet(K)[1]
    return np.asarray(sizes[:, 0] - sizes[:, 1])
