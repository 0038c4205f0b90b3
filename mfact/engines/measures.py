"""Columns of the trace, computed for a whole block of steps after they were taken.

Shapes, for n steps: grams n×2×r×r holds (A, C) = (UᵀU, VᵀV); squares n×2×r×r holds
(G_UᵀG_U, G_VᵀG_V). Both are the same in every orthonormal basis that holds the factors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfact.core import Array, Optimum


@dataclass(frozen=True)
class Conserved:
    """What accumulates over a run: the ledger of D, the flow time, the distance bound.

    start: D_0, r×r. ledger: Σ [η²(G_UᵀG_U − G_VᵀG_V) − (ηλ/2)(DP + PD)], r×r, in units of M;
        in exact arithmetic D_t = start + ledger. flow_time: Ση, in units of 1/M.
    distance: bound on the distance to the plain iterates, in units of √M. tangent: a difference
        of that kind carried along by the linearized step, while differences can still grow; it
        is moved at each multiple of `stride` only, when `pending` holds Σ(η, fresh) since then.
    optimum: what reduced coordinates last knew of it; None before a run must go on without them,
        and when they did not know it well enough.
    rho, top: bounds −rho ≤ Hessian ≤ top, used once they cannot.

    Source: mfact, derived: the terms in η cancel because UᵀG_U = G_VᵀV for (1).
    """

    start: Array
    ledger: Array
    flow_time: float = 0.0
    distance: float = 0.0
    tangent: Array | None = None
    stride: int = 1
    pending: tuple[float, float] = (0.0, 0.0)
    rho: float = 0.0
    optimum: Optimum | None = None
    top: float = 0.0


def ledger_terms(grams: Array, squares: Array, step_sizes: Array, weight: float) -> Array:
    """n×r×r, what each step adds to D by the exact law.

    D₊ − D = η²(G_UᵀG_U − G_VᵀG_V) − (ηλ/2)(DP + PD), P = UᵀU + VᵀV.
    """
    eta = step_sizes[:, None, None]
    terms: Array = eta**2 * (squares[:, 0] - squares[:, 1])
    if weight:
        D, P = grams[:, 0] - grams[:, 1], grams[:, 0] + grams[:, 1]
        DP = D @ P
        terms -= (eta * weight / 2) * (DP + DP.transpose(0, 2, 1))
    return terms


def cumulative(first: Array, terms: Array) -> Array:
    """(n+1, …): first, first + terms[0], …, added one after another whatever the block's length."""
    return np.cumsum(np.concatenate([first[None], terms]), axis=0)


def measured(
    kept: Conserved,
    step: int,
    grams: Array,
    squares: Array,
    step_sizes: Array,
    weight: float,
    norm: float,
) -> tuple[dict[str, Array], Array, Array]:
    """rows() of a block that begins at `step` with `kept`, and the n + 1 ledgers and flow times."""
    ledgers = cumulative(kept.ledger, ledger_terms(grams, squares, step_sizes, weight))
    flow_times = cumulative(np.array(kept.flow_time), step_sizes)
    table = rows(
        step, grams, squares, step_sizes, ledgers[:-1], flow_times[:-1], kept.start, weight, norm
    )
    return table, ledgers, flow_times


def rows(
    step: int,
    grams: Array,
    squares: Array,
    step_sizes: Array,
    ledgers: Array,
    flow_times: Array,
    start: Array,
    weight: float,
    norm: float,
) -> dict[str, Array]:
    """The columns that follow from the Gram matrices alone, one row for each step."""
    D = grams[:, 0] - grams[:, 1]
    imbalance = _frobenius(D)
    size_U = np.trace(grams[:, 0], axis1=1, axis2=2)
    size_V = np.trace(grams[:, 1], axis1=1, axis2=2)
    steps = np.arange(step, step + len(grams))
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "step": steps,
            "log10_step": np.log10(np.maximum(steps, 1)),
            "step_size": step_sizes,
            "flow_time": flow_times,
            "penalty": weight / 8 * imbalance**2,
            "gradient_norm": np.sqrt(np.trace(squares.sum(axis=1), axis1=1, axis2=2)),
            "imbalance": imbalance,
            "relative_imbalance": imbalance / norm if norm else imbalance,
            "drift": _frobenius(D - start),
            "norm_ratio": size_U / size_V,
            "size_U": size_U,
            "size_V": size_V,
            "ledger": _frobenius(ledgers),
            "audit": _frobenius(D - start - ledgers),
        }


def _frobenius(stack: Array) -> Array:
    flat = stack.reshape(len(stack), -1)
    return np.asarray(np.sqrt(np.einsum("ni,ni->n", flat, flat)))
