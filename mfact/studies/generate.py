"""Test matrices whose singular values are known because they were chosen."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mfact.core import Array
from mfact.errors import SettingsError
from mfact.host.threads import working

DEFAULT_CONDITION = 5.0
STREAM = 2
"""Of the seed: the start of a run with the same one is drawn from another, and is independent of
the singular vectors. From one stream it would lie in them."""

BLOCK = 1 << 20  # entries of noise drawn at once; the stream of numbers does not depend on it


def geometric_spectrum(rank: int, condition: float = DEFAULT_CONDITION) -> tuple[float, ...]:
    """Singular values from `condition` down to 1 in equal ratios: κ^((r−i)/(r−1)), i = 1 … r.

    Rank 1 has the one value 1.

    >>> geometric_spectrum(3, 4.0), geometric_spectrum(1)
    ((4.0, 2.0, 1.0), (1.0,))
    """
    if rank == 1:
        return (1.0,)
    return tuple(condition ** ((rank - i) / (rank - 1)) for i in range(1, rank + 1))


def chosen_spectrum(
    shape: tuple[int, int],
    rank: int | None = None,
    spectrum: Sequence[float] | None = None,
    condition: float | None = None,
) -> tuple[float, ...]:
    """The singular values that these options ask for, checked, largest first.

    Raises SettingsError for options that do not fit together or the shape.

    >>> chosen_spectrum((4, 3), spectrum=[1, 2])
    (2.0, 1.0)
    """
    if spectrum is None and rank is None:
        raise SettingsError("neither a rank nor a spectrum is given", "give --rank or --spectrum")
    if spectrum is not None and condition is not None:
        raise SettingsError("a spectrum has its own condition number", "give one of the two")
    if spectrum is not None and rank is not None and rank != len(spectrum):
        raise SettingsError(
            f"rank {rank} and a spectrum of {len(spectrum)} values do not fit", "give one of them"
        )
    r = rank if spectrum is None else len(spectrum)
    if r is None or not 1 <= r <= min(shape):
        raise SettingsError(
            f"rank {r} does not fit a matrix of {shape[0]}×{shape[1]}", f"choose 1 to {min(shape)}"
        )
    if spectrum is None:
        kappa = DEFAULT_CONDITION if condition is None else condition
        if not (1 <= kappa < math.inf):
            raise SettingsError(f"the condition number {kappa:g} is below 1", "choose 1 or more")
        return geometric_spectrum(r, kappa)
    values = tuple(sorted((float(value) for value in spectrum), reverse=True))
    if not all(0 < value < math.inf for value in values):
        raise SettingsError("a singular value is not positive and finite", "leave it out")
    return values


@working(1)
def generate_matrix(
    shape: tuple[int, int],
    spectrum: Sequence[float],
    *,
    noise: float = 0.0,
    seed: int = 0,
    dtype: str = "float64",
) -> Array:
    """M = Q₁ diag(σ) Q₂ᵀ + a·N(0,1)/√(d1·d2), d1×d2, with random orthonormal Q₁, Q₂.

    spectrum: σ₁ ≥ σ₂ ≥ …, in the units of M; without noise they are its singular values to
    rounding, and the rest are zero. noise: a, whose expected Frobenius norm is a, entrywise.
    The Q's are uniform (QR of a Gaussian matrix, signs fixed). Equal arguments give equal
    numbers. Source: mfact, derived.

    Raises SettingsError for a spectrum that does not fit the shape, negative noise, or entries that
    dtype has no number for.

    >>> M = generate_matrix((6, 4), [3.0, 2.0], seed=1)
    >>> np.linalg.svd(M, compute_uv=False).round(12).tolist()
    [3.0, 2.0, 0.0, 0.0]
    """
    values = np.array(chosen_spectrum(shape, spectrum=spectrum))
    if not (0 <= noise < math.inf):
        raise SettingsError(f"the noise {noise:g} is negative or not finite", "choose 0 or more")
    rng = np.random.default_rng([seed, STREAM])
    left, right = (_orthonormal(rng, size, len(values)) for size in shape)
    with np.errstate(over="ignore", invalid="ignore"):
        M = (left * values) @ right.T
    if noise:
        scale = noise / math.sqrt(shape[0] * shape[1])
        rows = max(1, BLOCK // shape[1])
        for start in range(0, shape[0], rows):
            block = M[start : start + rows]
            block += scale * rng.standard_normal(block.shape)
    with np.errstate(over="ignore"):
        made = np.asarray(M, dtype=dtype)
    if not np.isfinite(made).all():
        raise SettingsError(
            f"some entries would be past the largest number of {dtype}",
            "choose smaller singular values, or less noise",
        )
    return made


def _orthonormal(rng: np.random.Generator, size: int, count: int) -> Array:
    """size×count with orthonormal columns, uniform: the signs of R's diagonal are moved to Q."""
    Q, R = np.linalg.qr(rng.standard_normal((size, count)))
    return np.asarray(Q * np.where(np.diag(R) < 0, -1.0, 1.0))
