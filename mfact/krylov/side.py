"""One of the two bases: its columns, and which of them are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfact.core import Array


@dataclass(frozen=True)
class Side:
    """One orthonormal basis: `known` columns whose products with M are known, then `pending` ones.

    store: d×capacity, Fortran order; columns are only ever appended, so that older values of
        Side keep their meaning while they share it.
    """

    store: Array
    known: int
    pending: int

    @property
    def basis(self) -> Array:
        return self.store[:, : self.known]

    @property
    def next_block(self) -> Array:
        return self.store[:, self.known : self.known + self.pending]

    @property
    def whole(self) -> Array:
        """All columns, known and pending."""
        return self.store[:, : self.known + self.pending]

    def settled(self) -> Side:
        """The pending columns become known."""
        return Side(self.store, self.known + self.pending, 0)

    def joined(self, block: Array) -> Side:
        """`block` joins the pending columns."""
        filled = self.known + self.pending
        store = self.store
        if filled + block.shape[1] > store.shape[1]:
            # Room for a few blocks more: to copy every few passes costs next to nothing.
            capacity = min(store.shape[0], filled + 3 * max(block.shape[1], 1))
            capacity = max(capacity, filled + block.shape[1])
            store = np.empty((store.shape[0], capacity), store.dtype, order="F")
            store[:, :filled] = self.store[:, :filled]
        store[:, filled : filled + block.shape[1]] = block
        return Side(store, self.known, self.pending + block.shape[1])
