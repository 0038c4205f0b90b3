"""The types every room shares, and the protocols between them.

Notation, here and everywhere: M is d1×d2, U is d1×r, V is d2×r, R = UVᵀ − M,
G_U = RV and G_V = RᵀU are the gradients of f = ½‖R‖_F², and D = UᵀU − VᵀV, whose
norm ‖D‖_F is the imbalance and ‖D − D₀‖_F the drift.
"""

from __future__ import annotations

from mfact.core.protocols import (
    LEFT,
    RIGHT,
    Coordinates,
    Look,
    Looked,
    Normal,
    Problem,
    Schedule,
    Sliced,
    Stepped,
    Summed,
    Target,
)
from mfact.core.results import (
    Claim,
    Ended,
    NetworkResult,
    Outcome,
    Result,
    Verdict,
    violated,
)
from mfact.core.rounding import eps_of, scaled_eps, whole_norm
from mfact.core.states import Engine, Plain, Segment, State, Stepper
from mfact.core.updates import Law, Method
from mfact.core.values import (
    LEAST_TOLERANCE,
    Array,
    Balance,
    Distance,
    Document,
    Evaluation,
    Factors,
    Followed,
    Kind,
    Ledger,
    Memory,
    Moved,
    Names,
    Optimum,
    Point,
    Rows,
    moves,
    stacked,
    unit_of,
)

__all__ = [
    "LEAST_TOLERANCE", "LEFT", "RIGHT", "Array", "Balance", "Claim", "Coordinates", "Distance",
    "Document", "Ended", "Engine", "Evaluation", "Factors", "Followed", "Kind", "Law", "Ledger",
    "Look", "Looked", "Memory", "Method", "Moved", "Names", "NetworkResult", "Normal",
    "Optimum", "Outcome", "Plain", "Point", "Problem", "Result", "Rows", "Schedule", "Segment",
    "Sliced", "State", "Stepped", "Stepper", "Summed", "Target", "Verdict", "eps_of", "moves",
    "scaled_eps", "stacked", "unit_of", "violated", "whole_norm",
]  # fmt: skip
