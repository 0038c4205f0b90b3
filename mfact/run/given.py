"""The matrix of a run behind a Target, and how large it may be."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfact.core import Target
from mfact.errors import DataError
from mfact.problems.optimum import stored_eps
from mfact.targets.dense import DenseTarget

SCALES = {"float64": (1e-50, 1e50), "float32": (1e-8, 1e8)}
"""Of ‖M‖_F: the loss is of its square, the ledger of its third power, and both must be numbers."""


def target_of(matrix: Any, dtype: str) -> tuple[Target, dict[str, Any]]:
    """The matrix behind a Target, and what is known of where it came from."""
    if hasattr(matrix, "products"):
        return matrix, {"name": type(matrix).__name__}
    if hasattr(matrix, "read") and hasattr(matrix, "describe"):
        values = matrix.read(dtype)
        described = matrix.describe()
        stored = described.get("stored_dtype", np.float64)
    else:
        values, described = matrix, {"name": "array"}
        stored = getattr(matrix, "dtype", np.float64)
    if hasattr(values, "tocsr"):
        from mfact.targets.sparse import SparseTarget

        return SparseTarget(values.astype(dtype, copy=False), stored_eps(stored)), described
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise DataError(f"the matrix holds {array.dtype}", "pass real numbers")
    return DenseTarget(array.astype(dtype, copy=False), stored_eps(stored)), described


def require_scale(target: Target) -> None:
    """Refuse a matrix whose squares and fourth powers are no numbers any more.

    Raises DataError with the factor that would mend it.
    """
    norm = target.norm
    if norm == 0:
        raise DataError("the matrix is zero", "there is nothing to factor: U = V = 0 does")
    least, most = SCALES[str(target.dtype)]
    if not least <= norm <= most:
        raise DataError(
            f"‖M‖_F = {norm:.3g}, and the arithmetic needs it between {least:g} and {most:g}",
            f"divide the matrix by {norm:.1g}",
        )
