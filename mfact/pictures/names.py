"""What pictures are called, and what they are drawn over and written as; loads nothing."""

from __future__ import annotations

CONVERGENCE, BALANCE, LEDGER, SPECTRUM, MODES, METHODS = KINDS = (
    "convergence", "balance", "ledger", "spectrum", "modes", "methods",
)  # fmt: skip
"""Of runs, several at a time."""

RESIDUAL = "residual"
"""Of one run, which needs its matrix (see mfact.pictures.residual)."""

STARTS = "starts"
"""Of a sweep."""

STEP, FLOW_TIME, PASSES = X = ("step", "flow-time", "passes")
"""What is along the x axis."""

FORMATS = ("svg", "png", "pdf")
"""Of files, as endings of their names."""
