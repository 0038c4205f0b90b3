"""The plain loop on U and V themselves: one pass over M a step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mfact.core import Array, Factors, Optimum, Segment, State, Target
from mfact.engines.losses import GRAM_LOSS_FLOOR
from mfact.engines.measures import Conserved, measured
from mfact.methods.gradient_descent import GradientDescent
from mfact.problems.factorization import Factorization

KEPT_BYTES = 64 << 20
"""Points kept so that a block can end at any of its steps."""


class DirectEngine:
    """Runs the update on d1×r and d2×r factors.

    optimum: of M, or None when the gap is not asked for.
    """

    name = "direct"

    def __init__(
        self,
        target: Target,
        problem: Factorization,
        method: GradientDescent,
        optimum: Optimum | None = None,
    ) -> None:
        self.target, self.problem, self.method, self.optimum = target, problem, method, optimum
        self.eps = float(np.finfo(target.dtype).eps)

    def start(self, point: Factors) -> State:
        D = point.U.T @ point.U - point.V.T @ point.V
        return State(0, point, Conserved(D, np.zeros_like(D)))

    def leave(self, state: State) -> Factors:
        return Factors(*state.point)

    def advance(self, state: State, step_sizes: Array) -> Segment:
        per_point = sum(factor.nbytes for factor in state.point)
        most = max(1, min(32, KEPT_BYTES // per_point))
        # A block ends at a multiple of this, wherever a run was cut: with it ends the number of
        # passes for steps that a run turns out not to take.
        step_sizes = step_sizes[: most - state.step % most]
        points, grams, squares, losses = [state.point], [], [], []
        with np.errstate(all="ignore"):
            for eta in step_sizes.tolist():
                U, V = points[-1]
                MV, MtU = self.target.products(U, V)
                G_U, G_V, A, C = self.problem.gradient(U, V, MV, MtU)
                losses.append(self._loss(U, V, MV, A, C))
                grams.append((A, C))
                squares.append((G_U.T @ G_U, G_V.T @ G_V))
                points.append(self.method.step(Factors(U, V), Factors(G_U, G_V), eta))
            return self._segment(
                state, points, np.array(grams), np.array(squares), np.array(losses), step_sizes
            )

    def _segment(
        self,
        state: State,
        points: list[Factors],
        grams: Array,
        squares: Array,
        losses: Array,
        eta: Array,
    ) -> Segment:
        kept: Conserved = state.conserved
        weight, norm = self.problem.weight, self.target.norm
        table, ledgers, flow_times = measured(kept, state.step, grams, squares, eta, weight, norm)
        table["loss"] = losses
        optimum = kept.optimum if self.optimum is None else self.optimum
        table["optimum"] = np.full(len(eta), np.nan if optimum is None else optimum.floor)
        table["above"] = losses - table["optimum"]
        table["gap"] = np.maximum(table["above"], 0) / (1.0 if optimum is None else optimum.unit)
        table["relative_residual"] = np.sqrt(2 * np.maximum(losses, 0)) / (norm or 1.0)
        table["leak"] = np.zeros(len(eta))
        table["distance"] = np.zeros(len(eta))
        base = state.step

        def state_at(i: int) -> State:
            conserved = replace(kept, ledger=ledgers[i], flow_time=float(flow_times[i]))
            return State(base + i, points[i], conserved)

        return Segment(table, state_at(len(eta)), state_at)

    def _loss(self, U: Array, V: Array, MV: Array, A: Array, C: Array) -> float:
        """½‖UVᵀ − M‖_F²: from Gram matrices where that is right, else from the residual."""
        total = self.target.norm**2
        loss = 0.5 * (total - 2 * float(np.vdot(U, MV)) + float(np.vdot(A, C)))
        if loss > 0.5 * GRAM_LOSS_FLOOR * total or not np.isfinite(loss):
            return loss
        return 0.5 * self.target.residual_norm(U, V) ** 2
