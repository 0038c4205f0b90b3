"""Where a run begins: small random factors, balanced or not, or factors from elsewhere."""

from __future__ import annotations

import math

import numpy as np

from mfact.core import Array, Factors
from mfact.errors import SettingsError

C_INIT = 0.1
"""Default size of a start against the solution: columns of norm about 0.1 √σ₁."""

SIZES = {"float64": (1e-150, 1e75), "float32": (1e-30, 1e12)}
"""Of ‖U‖_F and ‖V‖_F at the start: their squares must not vanish, and RV must be a number."""


def default_scale(start: str, sigma_1: float, d: int) -> float:
    """The scale of a start when none is given, in units of √M.

    gaussian, unbalanced: the standard deviation 0.1 √(σ₁/d), d = max(d1, d2). Theorem 3.2's
    δ = c_init √(σ₁/d) can only be a standard deviation: its units are those of √M.
    balanced: 0.1 √σ₁, the column norm of the same gaussian. spectral: 0.1, a factor.

    Source: Du, Hu, Lee 2018, Theorem 3.2.
    """
    if start == "spectral":
        return C_INIT
    if start == "balanced":
        return C_INIT * math.sqrt(sigma_1)
    return C_INIT * math.sqrt(sigma_1 / d)


def theorem_3_1_scale(eps: float, d: int) -> float:
    """Standard deviation of the start of Theorem 3.1, with variance ε/poly(d) read as ε/d².

    Source: Du, Hu, Lee 2018, Theorem 3.1.
    """
    return math.sqrt(eps) / d


def directions(start: str, shape: tuple[int, int], rank: int, seed: int, dtype: str) -> Factors:
    """The start before it is scaled: what spans its columns.

    gaussian, unbalanced: entries N(0, 1). balanced: orthonormal columns.
    The same seed gives the same numbers whatever the dtype, up to its rounding.
    """
    rng = np.random.default_rng(seed)
    factors = [rng.standard_normal((d, rank)) for d in shape]
    if start == "balanced":
        factors = [np.linalg.qr(factor)[0] for factor in factors]
    return Factors(*(factor.astype(dtype) for factor in factors))


def scaled(start: str, point: Factors, scale: float, ratio: float) -> Factors:
    """The start itself: c·point, and for unbalanced U times ratio^¼, V over it."""
    lean = ratio**0.25 if start == "unbalanced" else 1.0
    return Factors(_times(point.U, scale * lean), _times(point.V, scale / lean))


def require_size(point: Factors, dtype: str, *, drawn: bool) -> None:
    """Refuse a start whose products the arithmetic in dtype cannot hold.

    drawn: not from a file, where U = V = 0 may be meant.

    Raises SettingsError.
    """
    least, most = SIZES[dtype]
    with np.errstate(over="ignore"):
        sizes = [float(np.linalg.norm(factor.astype(np.float64))) for factor in point]
    if not all(least <= size <= most or (size == 0 and not drawn) for size in sizes):
        raise SettingsError(
            f"the start has ‖U‖_F = {sizes[0]:.3g} and ‖V‖_F = {sizes[1]:.3g}, and the arithmetic"
            f" in {dtype} needs both between {least:g} and {most:g}",
            "change --start-scale or --start-ratio" if drawn else "start from other factors",
        )


def spectral(phi: Array, sigma: Array, psi: Array, scale: float) -> Factors:
    """(c Φ_r Σ_r^½, c Ψ_r Σ_r^½): the leading singular pairs, all but the size; D = 0."""
    root = np.sqrt(sigma)
    return Factors(_times(phi * root, scale), _times(psi * root, scale))


def _times(factor: Array, scale: float) -> Array:
    with np.errstate(over="ignore", under="ignore"):  # as require_size says then
        return np.asarray(factor * factor.dtype.type(scale))
