"""Weights that are used several times: a layer's matrix from its free parameters, and back."""

from __future__ import annotations

import numpy as np

from mfact.core import Array, Kind


class Shared:
    """W[i, j] = v[g[i, j]], and 0 where g is 0.

    share: g, units×n. count: of free parameters. full: W, after fill().
    Source: g_h of Theorem 2.3.
    """

    def __init__(self, share: Array, count: int, dtype: Kind) -> None:
        self.places = np.ascontiguousarray(share, np.intp)
        self.full = np.empty(share.shape, dtype)
        self.held = np.zeros(count + 1, dtype)  # that of the missing first

    def fill(self, v: Array) -> Array:
        """W of these parameters."""
        self.held[0], self.held[1:] = 0, v
        # mode="clip": with "raise", NumPy would fill a copy first.
        return np.take(self.held, self.places, out=self.full, mode="clip")

    def gather(self, slopes: Array, into: Array) -> None:
        """into ← ∂L/∂v from ∂L/∂W."""
        self.held[...] = 0
        np.add.at(self.held, self.places.ravel(), slopes.ravel())
        into[...] = self.held[1:]
