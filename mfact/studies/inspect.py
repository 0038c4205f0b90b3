"""What a matrix is like before it is factored: norm, spectrum, numerical rank, a step size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mfact.core import Array
from mfact.errors import DataError
from mfact.problems.optimum import CLEAR_GAP, numerical_rank, zero_below
from mfact.targets.door import stored_eps

if TYPE_CHECKING:
    from scipy.sparse import csr_array

FULL_UP_TO = 1500  # min(d1, d2) to which every singular value is computed: seconds, not minutes
SLICE_CELLS = 1 << 17  # of a sparse matrix, made dense at a time where its rows are short
ENERGY = 0.95
FEW = 10  # components are few in any matrix
MOST_SUGGESTED = 100  # components that someone may want to look at


@dataclass(frozen=True)
class Inspection:
    """The numbers of one matrix; singular values and norm in its own units.

    singular_values: σ₁ ≥ σ₂ ≥ …, all of them when `complete`, else the leading ones.
    rank_tolerance: up to which a singular value counts as zero (mfact.problems.optimum).
    numerical_rank: how many are above it; a lower bound unless `rank_is_exact`.
    suggested_rank: None for a zero matrix and where no rank is clear; reason: why this one.
    suggested_step: the constant step size 0.5/σ₁ (units 1/M), None where that is no finite
        number.
    nonzeros: entries that are not zero.
    """

    shape: tuple[int, int]
    norm: float
    nonzeros: int
    singular_values: tuple[float, ...]
    complete: bool
    rank_tolerance: float
    numerical_rank: int
    rank_is_exact: bool
    suggested_rank: int | None
    reason: str
    suggested_step: float | None

    @property
    def energy(self) -> tuple[float, ...]:
        """Σ_{i≤k} σ_i² / ‖M‖_F² for k = 1, 2, …"""
        if self.norm == 0:
            return (0.0,) * len(self.singular_values)
        shares = (np.array(self.singular_values) / self.norm) ** 2
        return tuple(float(min(share, 1.0)) for share in np.cumsum(shares))


def inspect_matrix(
    M: Array | csr_array,
    *,
    leading: int = 20,
    stored: str = "<f8",
    shape: tuple[int, int] | None = None,
) -> Inspection:
    """Norm, singular values, numerical rank, and what they suggest for a run.

    M: d1×d2, dense or sparse, finite. leading: how many singular values are computed when
    min(d1, d2) > 1500, by ARPACK, to working precision; up to there LAPACK gives all.
    stored: the kind the entries were stored in, which sets ε_s of the rank tolerance.
    shape: of the whole matrix, where M is without its empty rows and columns.

    Suggested rank: the place of the largest ratio σ_i/σ_{i+1} in the first half of the
    spectrum when it is 10 or more, else the fewest that hold 95 % of ‖M‖_F², if these are at most
    10, or half of all and at most 100; else there is no clear rank, and none is suggested (mfact,
    derived; a habit, not a theorem). Suggested step: 0.5/σ₁, half of the stability limit
    1/σ₁ at a balanced optimum (mfact, derived).

    Raises DataError when M has no entries or its singular values cannot be computed.

    >>> found = inspect_matrix(np.diag([4.0, 2.0, 0.0]))
    >>> found.numerical_rank, found.suggested_rank, found.suggested_step
    (2, 2, 0.125)
    """
    if min(M.shape) == 0:
        raise DataError(f"the matrix is empty ({M.shape[0]}×{M.shape[1]})", "pass another one")
    shape = (int(M.shape[0]), int(M.shape[1])) if shape is None else shape
    values, complete = _singular_values(M, leading)
    if complete and len(values) < min(shape):
        # The empty rows and columns add zeros: all of them where all are listed, else one.
        complete = min(shape) <= FULL_UP_TO
        values = np.pad(values, (0, min(shape) - len(values) if complete else 1))
    entries = M if isinstance(M, np.ndarray) else M.data
    norm = _norm(entries)
    first = float(values[0])
    arithmetic = float(np.finfo(float).eps)
    tolerance = zero_below(norm, first, shape, stored_eps(stored), arithmetic)
    rank = numerical_rank(values, tolerance)
    step = 0.5 / first if first > 0 else math.inf
    suggested, reason = _suggestion(values, norm, tolerance, rank, complete)
    return Inspection(
        shape=shape,
        norm=norm,
        nonzeros=int(np.count_nonzero(entries)),
        singular_values=tuple(float(value) for value in values),
        complete=complete,
        rank_tolerance=tolerance,
        numerical_rank=rank,
        rank_is_exact=complete or rank < len(values),
        suggested_rank=suggested,
        reason=reason,
        suggested_step=step if math.isfinite(step) else None,
    )


def workspace_bytes(shape: tuple[int, int], leading: int, entries: int | None = None) -> int:
    """Bytes that inspect_matrix needs beside M at most, M being float64.

    shape: of M, or of the whole matrix where M is without its empty rows and columns; entries:
    stored ones, None where M is dense.
    """
    small, large = sorted(shape if entries is None else (min(d, max(entries, 1)) for d in shape))
    width = min(small, FULL_UP_TO)
    if entries is None:
        # The copy that the decomposition destroys, and what it works in.
        needed = small * large if small <= FULL_UP_TO else 0
    else:
        height = min(large, max(2 * width, SLICE_CELLS // width, FULL_UP_TO))
        needed = 6 * width * (height + width)
    needed += 4 * width**2 + 128 * (small + large)
    if small > FULL_UP_TO:
        # ARPACK's basis, and the vectors that the values are taken from.
        k = min(leading, small - 1)
        basis = min(small, max(2 * k + 1, 20))
        needed += small * (basis + 5 * k + 8) + 4 * large * (k + 1) + 3 * basis**2
    return 8 * needed


def _singular_values(M: Array | csr_array, leading: int) -> tuple[Array, bool]:
    """The singular values, largest first, and whether these are all."""
    from scipy.linalg import LinAlgError, svdvals
    from scipy.sparse.linalg import ArpackError, svds

    small = min(M.shape)
    try:
        if small <= FULL_UP_TO and (isinstance(M, np.ndarray) or max(M.shape) <= FULL_UP_TO):
            return svdvals(M if isinstance(M, np.ndarray) else M.toarray()), True
        if small <= FULL_UP_TO:
            # Long and sparse: RᵀR of a sparse QR would square the condition number, so the
            # dense copy is made in slices and folded into its triangular factor.
            return svdvals(_triangular(M)), True
        # A fixed starting vector, so that the same matrix gives the same digits.
        start = np.random.default_rng(0).standard_normal(small)
        values = svds(M, k=min(leading, small - 1), v0=start, return_singular_vectors=False)
        return np.sort(values)[::-1], False
    except (LinAlgError, ArpackError) as error:
        raise DataError(
            f"the singular values could not be computed ({error})", "scale the matrix"
        ) from error


def _triangular(M: csr_array) -> Array:
    """R of M = QR (of Mᵀ when M is wide), slice by slice: its singular values are M's."""
    tall = M if M.shape[0] >= M.shape[1] else M.T.tocsr()
    width = tall.shape[1]
    R, height = np.zeros((0, width)), max(2 * width, SLICE_CELLS // width)
    for start in range(0, tall.shape[0], height):
        rows = tall[start : start + height].toarray()
        R = np.asarray(np.linalg.qr(np.vstack([R, rows]), mode="r"))
    return R


def _norm(entries: Array) -> float:
    """‖·‖_F, also where the squares overflow or vanish."""
    with np.errstate(over="ignore"):
        plain = float(np.linalg.norm(entries))
    if 1e-140 < plain < math.inf:
        return plain
    largest = float(np.max(np.abs(entries), initial=0.0))
    return largest * float(np.linalg.norm(entries / largest)) if largest > 0 else 0.0


def _suggestion(
    values: Array, norm: float, tolerance: float, rank: int, complete: bool
) -> tuple[int | None, str]:
    if rank == 0:
        return None, "the matrix is zero"
    # Below the tolerance values are rounding: they count as the tolerance itself. A gap in
    # the second half of the spectrum makes no low rank.
    floor = np.maximum(values, max(tolerance, float(np.finfo(float).smallest_subnormal)))
    half = max(1, len(values) // 2) if complete else len(values)
    ratios = (floor[:-1] / floor[1:])[:half]
    if len(ratios) and ratios.max() >= CLEAR_GAP:
        place = int(np.argmax(ratios)) + 1
        if place == rank and rank < len(values):
            return place, "the numerical rank: the rest is rounding"
        ratio = float(ratios.max())
        return place, f"the largest gap: σ_{place}/σ_{place + 1} = {ratio:.3g}"
    energy = np.cumsum((values / norm) ** 2)
    place = int(np.argmax(energy >= ENERGY)) + 1 if energy[-1] >= ENERGY else len(values) + 1
    most = min(MOST_SUGGESTED, max(FEW, len(values) // 2)) if complete else len(values)
    if place > most:
        held = 100 * float(energy[min(most, len(energy)) - 1])
        return None, f"no clear rank: no gap, and the leading {most} hold {held:.0f} % of ‖M‖²"
    return place, f"no clear gap; the fewest that hold {ENERGY:.0%} of ‖M‖²".replace("%", " %")
