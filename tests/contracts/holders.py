"""Every way to hold one matrix, for what must not depend on it."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from slabs_in_memory import ArraySlabs

from mfact.targets.blocks import BlockTarget
from mfact.targets.counted import Counted
from mfact.targets.dense import DenseTarget
from mfact.targets.sparse import SparseTarget


class Foreign:
    """A user's target: it has products, and no sums."""

    def __init__(self, M):
        self._held = DenseTarget(M)
        self.shape, self.dtype, self.norm = M.shape, M.dtype, self._held.norm
        self.products, self.residual_norm = self._held.products, self._held.residual_norm


HOLDERS = {
    "dense": DenseTarget,
    "Fortran": lambda M: DenseTarget(np.asfortranarray(M)),
    "sparse": lambda M: SparseTarget(csr_array(M)),
    "foreign": lambda M: Counted(Foreign(M)),
    "slabs of rows": lambda M: BlockTarget(ArraySlabs(M, 5), str(M.dtype)),
    "slabs of columns": lambda M: BlockTarget(ArraySlabs(M, 5, columns=True), str(M.dtype)),
}
