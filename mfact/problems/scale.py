"""Matrices that the arithmetic cannot take: too large, too small, or nothing but rounding."""

from __future__ import annotations

from mfact.core import Target, whole_norm
from mfact.errors import DataError
from mfact.problems.optimum import zero_in
from mfact.words import divided

SCALES = {"float64": (1e-50, 1e50), "float32": (1e-8, 1e8)}
"""Of ‖M‖_F: the loss is of its square, the ledger of its third power, and both must be numbers."""


def require_scale(target: Target) -> None:
    """Refuse a matrix whose squares and fourth powers are no numbers any more, and one of which
    less its means nothing is known.

    Raises DataError with the factor that would mend it, or what else does.
    """
    norm = target.norm
    require_rest(target)
    if norm == 0:
        raise DataError("the matrix is zero", "there is nothing to factor: U = V = 0 does")
    least, most = SCALES[str(target.dtype)]
    if not least <= norm <= most:
        raise DataError(
            f"‖M‖_F = {norm:.3g}, and the arithmetic needs it between {least:g} and {most:g}",
            divided(norm),
        )


def require_rest(target: Target) -> None:
    """Refuse a matrix that is nothing but rounding, less its means. Raises DataError."""
    norm = target.norm
    if target.offset and norm <= zero_in(target, norm):
        raise DataError(
            f"less its means the matrix is rounding: {norm:.3g} is left of ‖A‖_F ="
            f" {whole_norm(target):.3g}",
            "leave --center out",
        )
