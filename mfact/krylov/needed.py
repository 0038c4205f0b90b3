"""How large bases will become, told from the first of their Ritz values."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mfact.core import Array
from mfact.krylov.columns import block_columns


class Need(NamedTuple):
    """What bases take until nothing of a step is outside of them: passes, and columns a side."""

    passes: int
    columns: int

    def bytes(self, shape: tuple[int, int], itemsize: int) -> int:
        """Of both sides: neither has more columns than rows."""
        return sum(d * min(d, self.columns) for d in shape) * itemsize


def counted(z: Array, shape: tuple[int, int]) -> Array:
    """How many singular values of M there are about, up to each Ritz value, the largest first.

    z: 2×r×K, the coordinates of a random start in the singular vectors of the bases. In each of
    the d1 and the d2 directions a random column has the same share of its square on average, so
    that what a Ritz pair has of it, times d, is the number of directions that it stands for. The
    leading r stand for one each: they are settled, whatever the start has of them.

    >>> z = np.sqrt(np.array([[[0.1, 0.2, 0.7]], [[0.1, 0.2, 0.7]]]))
    >>> counted(z, (10, 10)).round(9).tolist()
    [1.0, 3.0, 10.0]
    """
    rank = z.shape[1]
    shares = np.einsum("nrk,nrk->nk", z[:, :, rank:], z[:, :, rank:])
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    beyond = np.cumsum(np.mean(shares * (np.array(shape) - rank)[:, None], axis=0))
    counts = np.append(np.arange(1, rank + 1), rank + beyond)[: z.shape[2]]
    return np.asarray(np.maximum(counts, np.arange(1, len(counts) + 1)))


def needed(ritz: Array, counts: Array, rank: int, shape: tuple[int, int], eps: float) -> Need:
    """The least passes after which r pairs are known to rounding, by a polynomial that there is.

    ritz: K of them, decreasing. counts: as counted() gives them. eps: ε of the arithmetic.

    A block of b columns spends two degrees on b zeros, so that q − r values beside the wanted r are
    gone after 2(q − r)/b degrees; on the rest Chebyshev's polynomial of degree m is smaller by
    ½exp(m arccosh(σ_r/σ_{q+1})). The best q is taken. That a zero close to σ_r makes the polynomial
    smaller there too is left out, as is that Krylov spaces may do better: what runs took, over
    spectra from 0.8^i to flat noise, was 0.74 to 1.06 times this.
    Source: mfact, derived, after Saad 1980.

    >>> ritz = np.array([1.0, 0.9, 0.2, 0.1])
    >>> needed(ritz, np.array([1.0, 2.0, 30.0, 100.0]), 2, (100, 100), 2.0**-52)
    Need(passes=10, columns=82)
    """
    block, most = block_columns(rank), min(shape)
    least = max(eps * float(ritz[0]), np.finfo(float).tiny)
    k = max(1, min(rank, int(np.count_nonzero(ritz > least))))  # of the r those that are not zero
    before = np.append(0.0, counts[:-1])[k:]
    with np.errstate(divide="ignore"):
        ratio = max(float(ritz[k - 1]), least) / np.maximum(ritz[k:], least)
        rest = math.log(0.5 / eps) / np.arccosh(ratio)
    degrees = float(np.min(2 * np.maximum(before - k, 0.0) / block + rest, initial=math.inf))
    # The whole space is at hand after so many passes.
    passes = math.ceil(min(degrees / 2, most / block) + 1)
    return Need(passes, min(rank + block * passes, most + block))
