"""A target that fails at one of its passes, as a disk or a cluster may."""

from __future__ import annotations

import numpy as np

from mfact.errors import StorageError
from mfact.targets.dense import DenseTarget


class Failing(DenseTarget):
    """M in memory, of which one pass raises. at: its number, from 1 on; None: none does. passes:
    that were asked for.
    """

    def __init__(self, M, at=None, error=None):
        super().__init__(np.asarray(M))
        self.at, self.passes = at, 0
        self.error = error or StorageError("the scheduler is gone", "start it again")

    def _passed(self):
        self.passes += 1
        if self.passes == self.at:
            raise self.error

    def products(self, U, V):
        self._passed()
        return super().products(U, V)

    def normal(self, U, V, begin=None):
        self._passed()
        return super().normal(U, V, begin)

    def residual_norm(self, U, V):
        self._passed()
        return super().residual_norm(U, V)
