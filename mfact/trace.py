"""What a run records at each step: one row a column, with all that its readers must know of it."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """A column of the trace.

    words: what it holds. power: of ‖M‖_F that it has the units of; None: it is rounding, repeats
    another, or tells of the engine, and is not compared. label: of its last value, which the
    summary then holds. own: of some methods alone. heading: in the iteration table, empty where it
    is not shown; place: from the left; rank: in which columns are given room.
    """

    words: str
    power: float | None = 0.0
    label: str = ""
    heading: str = ""
    place: int = 0
    rank: int = 0
    own: bool = False


COLUMNS = {
    "step": Column("t, the number of steps taken so far"),
    "log10_step": Column("log₁₀ t, also when t is too large for an integer", None),
    "step_size": Column(
        "η_t, the step size used from step t to t + 1", -1.0, heading="η", place=5, rank=7
    ),
    "flow_time": Column("Ση, the sum of the step sizes so far", -1.0),
    "passes": Column(
        "passes over M so far, by the bases or by steps without bases; closer looks apart", None
    ),
    "loss": Column("f = ½‖UVᵀ − M‖_F²", 2.0, "loss f = ½‖UVᵀ − M‖_F²", "f", 1, 3),
    "penalty": Column(
        "(λ/8)‖UᵀU − VᵀV‖_F², zero for the plain objective", 2.0, "penalty (λ/8)‖UᵀU − VᵀV‖_F²"
    ),
    "relative_residual": Column(
        "‖UVᵀ − M‖_F / ‖M‖_F", 0.0, "residual ‖UVᵀ − M‖_F/‖M‖_F", "‖R‖/‖M‖", 2, 1
    ),
    "gap": Column(
        "max(0, f − ½Σ_{i>k}σ_i²) / ½σ_k², σ_k the weakest of the r that is not zero",
        0.0, "Eckart–Young gap", "gap", 3, 2,
    ),
    "gradient_norm": Column(
        "norm of the gradient of the objective in both factors",
        1.5, "gradient norm ‖∇f‖", "‖∇f‖", 4, 6,
    ),
    "imbalance": Column(
        "‖D‖_F, D = UᵀU − VᵀV, how far the factors are from balanced",
        1.0, "imbalance ‖D‖_F, D = UᵀU − VᵀV", "‖D‖", 6, 5,
    ),
    "relative_imbalance": Column("‖D‖_F / ‖M‖_F", 0.0, "‖D‖_F/‖M‖_F"),
    "drift": Column(
        "‖D − D₀‖_F, how far D has moved from the start", 1.0, "drift ‖D − D₀‖_F", "‖D−D₀‖", 7, 9
    ),
    "norm_ratio": Column("‖U‖_F² / ‖V‖_F²", 0.0, "‖U‖_F²/‖V‖_F²"),
    "size_U": Column("‖U‖_F²", 1.0),
    "size_V": Column("‖V‖_F²", 1.0),
    "ledger": Column(
        "‖Σ η²(G_UᵀG_U − G_VᵀG_V) …‖_F, what the drift must be by the method's exact law",
        1.0, heading="ledger", place=9, rank=12,
    ),
    "audit": Column(
        "‖(D − D₀) − ledger‖_F, zero but for rounding", None, heading="audit", place=10, rank=11
    ),
    "first_order": Column(
        "‖Σ −2ηS(v, d)‖_F, S the bilinear form of D: what steps moved D by in first order; of"
        " methods of which D is told by both lines of its identity",
        1.0, "moved in first order ‖Σ 2ηS(v, d)‖_F", "1st order", 8, 10, own=True,
    ),
    "log_det": Column(
        "log det(UᵀU + λI) − log det(VᵀV + λI), less what moves of λ have added; of scaled methods",
        own=True,
    ),
    "log_det_drift": Column(
        "by how much it has moved since step 0",
        0.0, "drift of log det(UᵀU+λI)/det(VᵀV+λI)", "Δ log det", 11, 4, own=True,
    ),
    "log_det_ledger": Column("by how much it must have moved by the exact law", own=True),
    "log_det_audit": Column(
        "how far these are apart, zero but for rounding",
        None, "audit of this drift", "its audit", 12, 8, own=True,
    ),
    "condition": Column("the larger of cond(UᵀU + λI) and cond(VᵀV + λI)", own=True),
    "move": Column(
        "η‖d‖_F, how far the step moves the factors; of methods whose d is not ∇f", 0.5, own=True
    ),
    "leak": Column("weight that this step left outside the reduced basis", None),
    "alignment_U": Column("|uᵀu*| for rank 1, u* the leading left singular vector of M", 0.5),
    "alignment_V": Column("|vᵀv*| for rank 1, v* the leading right singular vector of M", 0.5),
}  # fmt: skip

SUMMED = tuple(name for name, column in COLUMNS.items() if column.label)
"""Columns whose last value is in the summary."""

TIMES = ("step", "log10_step", "flow_time")
"""When a row is."""

GRAMS = "grams"
"""Under this name rows carry UᵀU and VᵀV, 2×r×r each, for the observer of the modes alone: a view
of the engine's memory, good until it takes its next block."""

HIDDEN = ("optimum", "above", "distance")
"""What rows carry for the summary only, and no file holds."""
