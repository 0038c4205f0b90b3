"""Orthonormal bases in which every iterate of gradient descent lies.

The update multiplies U and V from the right by r×r matrices and adds M V and MᵀU. So U stays in
the span of U₀, M V₀, M MᵀU₀, … and V in the span of V₀, MᵀU₀, MᵀM V₀, …: a block Krylov space of
the pair. One pass over M adds two degrees: of a block q it gives M q, which joins the one side,
and Mᵀ(M q), which joins the other. Passes work in the precision of M; what is small, B and the
leaks, is kept in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from mfact.core import LEFT, RIGHT, Array, Target, whole_norm
from mfact.krylov.columns import LEAST_PROBES
from mfact.krylov.orthonormal import orthonormal, outside
from mfact.krylov.side import Side
from mfact.targets.counted import two_degrees

TwoDegrees = Callable[[Array, Array], tuple[Array, Array, Array, int]]
"""(U, V) -> (M V, MᵀU, Mᵀ(M V), passes over M)."""


@dataclass(frozen=True)
class Basis:
    """The pair of bases L (d1×k₁) and Q (d2×k₂), B = LᵀMQ, and what lies just outside.
    M Q = L B + L₊ leak_left E and MᵀL = Q Bᵀ + Q₊ leak_right E', where L₊, Q₊ are the pending
    blocks and E, E' pick the last block of coordinates: (I − LLᵀ)M Q Y has norm
    ‖leak_left · (last rows of Y)‖_F.

    leads: the side whose blocks are multiplied, RIGHT (see extend) or LEFT, which is the same of
        Mᵀ. last_left, last_right: widths of the last known blocks. passes: over M so far; degrees:
        two for each extension. scale: ‖M‖_F.
    joined: columns of the start and random ones, of the side that has more of them.
    probes: (width, degrees) for each set of random columns that joined a side, when it did:
        only what these reach can be known of the whole of M (see mfact.krylov.hidden).

    Source: mfact, derived; the block Krylov space is that of Golub and Kahan 1965.
    """

    left: Side
    right: Side
    B: Array
    leak_left: Array
    leak_right: Array
    last_left: int
    last_right: int
    passes: int
    degrees: int
    scale: float
    leads: str
    joined: int
    probes: tuple[tuple[int, int], ...] = ()

    @property
    def size(self) -> int:
        """Rows of the small factors: at least one, though bases of zero factors are empty."""
        return max(self.left.known, self.right.known, 1)

    @property
    def exhausted(self) -> bool:
        """Whether M maps the two spanned spaces into each other, to rounding."""
        return self.left.pending == 0 and self.right.pending == 0

    @property
    def recipe(self) -> str:
        """How it grows, in words."""
        product = "MᵀM" if self.leads == RIGHT else "MMᵀ"
        return f"two degrees a pass, of {product}"

    @property
    def columns_next(self) -> tuple[int, int]:
        """Columns that either side will hold at most once it is extended, pending ones among them.

        Each pending column gives one more to either side, as long as there is room: M maps each
        into the other, and besides there is but what joined them.
        """
        more = self.left.pending + self.right.pending
        most = min(len(self.left.store), len(self.right.store)) + self.joined
        left, right = (
            min(side.known + side.pending + more, most, len(side.store))
            for side in (self.left, self.right)
        )
        return left, right

    @property
    def bytes_next(self) -> int:
        """Of both sides once it is extended."""
        sides = zip((self.left, self.right), self.columns_next, strict=True)
        return sum(len(side.store) * count * side.store.itemsize for side, count in sides)

    @classmethod
    def begin(
        cls, U: Array, V: Array, norm: float, *, leads: str = RIGHT, drawn: bool = False
    ) -> Basis:
        """The bases that hold U and V and no product with M yet; drawn: they are random.

        leads: the side of which a pass over the target takes two degrees.
        """
        sides = []
        for factor in (U, V):
            block, _ = orthonormal(factor, float(np.linalg.norm(factor)))
            store = np.empty((len(factor), min(len(factor), 8 * factor.shape[1])), U.dtype, "F")
            store[:, : block.shape[1]] = block
            sides.append(Side(store, 0, block.shape[1]))
        none = np.zeros((0, 0))
        # The other side joins what leads by its product, a degree later.
        probes = ((U.shape[1], 0), (U.shape[1], 1)) if drawn else ()
        joined = max(side.pending for side in sides)
        left, right = sides
        return cls(left, right, none, none, none, 0, 0, 0, 0, norm, leads, joined, probes)

    def flipped(self) -> Basis:
        """The same of Mᵀ."""
        return replace(
            self,
            left=self.right,
            right=self.left,
            B=self.B.T,
            leak_left=self.leak_right,
            leak_right=self.leak_left,
            last_left=self.last_right,
            last_right=self.last_left,
            leads=LEFT if self.leads == RIGHT else RIGHT,
        )

    def extend(self, target: Target) -> Basis:
        """Two degrees: the pending blocks become known, those that they lead to pending.

        Where the right leads, with q its pending block: f = M q = L c + ℓR and g = Mᵀf, so that L
        gets ℓ, and Q next what g has outside of it, g = Q(…) + q₊S. Nothing of M Q is outside of L;
        and as MᵀL was in Q but for the block before, (I − QQᵀ)Mᵀℓ = q₊SR⁻¹ is known without another
        product. The first pass takes MᵀU₀ along, which joins q₊.
        """
        if self.leads == LEFT:
            return self.flipped()._led(_transposed(target), whole_norm(target)).flipped()
        return self._led(partial(two_degrees, target, leads=RIGHT), whole_norm(target))

    def _led(self, two: TwoDegrees, whole: float) -> Basis:
        """extend() where the right leads. whole: below the rounding of which nothing is told from
        zero.
        """
        L, Q, k1, k2 = self.left.whole, self.right.whole, self.left.known, self.right.known
        first = self.left.next_block  # U₀
        f, h, g, passes = two(first, self.right.next_block)
        # In exact arithmetic the last two blocks have all of M q. Where singular values fall over
        # ten decades R is ill-conditioned, and 1e-8‖M‖ was measured in the blocks before; and near
        # a saddle the last digit of B decides where a run goes.
        c = L.T @ f
        f -= L @ c
        left_block, R = outside(f, L, whole)
        # MᵀM q_j lies in q_{j−1}, q_j, q_{j+1}: B has none of it, these are enough. Both are of
        # the size of M, as their outsides are judged together.
        near = slice(k2 - self.last_right, Q.shape[1])
        both = np.hstack([g / (self.scale or 1.0), h])
        both -= Q[:, near] @ (Q[:, near].T @ both)
        right_block, S = outside(both, Q, whole)
        width, fresh = f.shape[1], first.shape[1]
        beyond = self.scale * S[:, :width].astype(np.float64)
        beyond -= S[:, width:] @ c[len(c) - fresh :]
        through = np.linalg.lstsq(R.T.astype(np.float64), beyond.T, rcond=0.0)[0].T
        B = np.zeros((L.shape[1] + left_block.shape[1], Q.shape[1]))
        B[:k1, :k2] = self.B
        B[: L.shape[1], k2:] = c
        B[L.shape[1] :, k2:] = R
        return replace(
            self,
            left=self.left.joined(left_block).settled(),
            right=self.right.settled().joined(right_block),
            B=B,
            leak_left=np.zeros((0, self.right.pending)),
            leak_right=np.hstack([S[:, width:], through]),
            last_left=fresh + left_block.shape[1],
            last_right=self.right.pending,
            passes=self.passes + passes,
            degrees=self.degrees + 2,
        )

    def orthogonality(self) -> float:
        """max(|LᵀL − I|, |QᵀQ − I|), entry by entry."""
        return max(
            float(np.max(np.abs(side.basis.T @ side.basis - np.eye(side.known)), initial=0.0))
            for side in (self.left, self.right)
        )

    def probed(self, width: int = LEAST_PROBES) -> Basis:
        """Random columns join what is pending of the side that leads, so many that the newest on
        both sides are `width`.

        A space that the start alone spans may miss singular vectors of M. In the recurrence of
        extend() the new columns stand like any other pending ones.
        """
        if self.leads == LEFT:
            return self.flipped().probed(width).flipped()
        there = sum(count for count, came in self.probes if came >= self.degrees)
        more = max(width - there, 0)
        rng = np.random.default_rng((more, self.degrees))
        columns = rng.standard_normal((len(self.right.store), more)).astype(self.right.store.dtype)
        Q = self.right.whole
        columns -= Q @ (Q.T @ columns)
        block, _ = outside(columns, Q, float(np.linalg.norm(columns)))
        leak = np.zeros((block.shape[1], self.leak_right.shape[1]))
        return replace(
            self,
            right=self.right.joined(block),
            leak_right=np.vstack([self.leak_right, leak]),
            joined=self.joined + more,
            probes=(*self.probes, (more, self.degrees)) if more else self.probes,
        )

    def enter(self, U: Array, V: Array) -> tuple[Array, Array]:
        """(LᵀU, QᵀV) in float64."""
        return (
            np.asarray(self.left.basis.T @ U, np.float64),
            np.asarray(self.right.basis.T @ V, np.float64),
        )

    def leave(self, X: Array, Y: Array) -> tuple[Array, Array]:
        """(L X, Q Y) for coordinates with at most as many rows as the bases have columns."""
        L, Q = self.left.basis[:, : len(X)], self.right.basis[:, : len(Y)]
        return L @ X.astype(L.dtype, copy=False), Q @ Y.astype(Q.dtype, copy=False)


def _transposed(target: Target) -> TwoDegrees:
    """Two degrees of Mᵀ, whose right side leads where M's left one does."""

    def two(U: Array, V: Array) -> tuple[Array, Array, Array, int]:
        forward, backward, again, passes = two_degrees(target, V, U, LEFT)
        return backward, forward, again, passes

    return two
