"""ε of the arithmetic, as it is of a matrix that is a difference."""

from __future__ import annotations

import math

import numpy as np

from mfact.core.protocols import Target
from mfact.core.values import Kind


def whole_norm(target: Target) -> float:
    """‖A‖_F = √(‖M‖_F² + ‖abᵀ‖_F²) of what a target holds, ‖M‖_F where M is that itself."""
    return math.hypot(target.norm, target.offset)


def scaled_eps(dtype: Kind | str, offset: float, size: float) -> float:
    """ε √(1 + (offset/size)²), of a kind of numbers; see eps_of."""
    eps = float(np.finfo(dtype).eps)
    return eps * math.hypot(1.0, offset / size) if size > 0 else eps


def eps_of(target: Target, size: float | None = None) -> float:
    """ε of the arithmetic as it is of a size, in units of M; of ‖M‖_F when not given.

    ε √(1 + (‖abᵀ‖_F/size)²): a product with M = A − abᵀ is a difference of products, each rounded
    by its own size. Source: mfact, derived.
    """
    return scaled_eps(target.dtype, target.offset, target.norm if size is None else size)
