"""Which points each step sees."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mfact.core import Array


@dataclass
class Batches:
    """All points once an epoch, in an order that depends on the seed and the epoch alone.

    count: of the points. size: of a batch; None: all of them, each step. The last batch of an epoch
    may be smaller.

    >>> Batches(5, 2, seed=0).rows(2)
    array([3])
    """

    count: int
    size: int | None = None
    seed: int = 0
    _epoch: int = field(default=-1, repr=False)
    _order: Array = field(default_factory=lambda: np.zeros(0, int), repr=False)

    def rows(self, step: int) -> Array | None:
        """Those of the batch of step t; None: all."""
        if self.size is None:
            return None
        epoch, place = divmod(step, -(-self.count // self.size))
        if epoch != self._epoch:
            self._order = np.random.default_rng([self.seed, 2, epoch]).permutation(self.count)
            self._epoch = epoch
        return self._order[place * self.size : (place + 1) * self.size]
