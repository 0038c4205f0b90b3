"""The means that the matrix of a run is without, in its file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mfact.core import Array
from mfact.storage.kinds import refuse


def require_mean(arrays: Mapping[str, Array], center: str | None, d1: int, d2: int) -> None:
    """Raise ValueError unless there are as many as its center says: float64 and finite."""
    count = {None: None, "mean": 1, "columns": d2, "rows": d1}[center]
    if (mean := arrays.get("mean")) is None and count is None:
        return
    if mean is None or mean.shape != (count,) or mean.dtype != np.float64:
        found = "none" if mean is None else f"{mean.dtype} of shape {mean.shape}"
        refuse(found, "mean", "none" if count is None else f"{count} float64 numbers")
    elif not np.isfinite(mean).all():
        raise ValueError("mean has entries that are not finite")
