"""Orthonormal bases in which every iterate of gradient descent lies.

The update multiplies U and V from the right by r×r matrices and adds M V and MᵀU. So U stays in
the span of U₀, M V₀, M MᵀU₀, … and V in the span of V₀, MᵀU₀, MᵀM V₀, …: a block Krylov space of
the pair. One pass over M adds one block to each side. Passes work in the precision of M; what is
small, B and the leaks, is kept in float64.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy  # its parts are slow to import, and are when they are used

from mfact.core import Array, Target

MOSTLY_OUTSIDE = 1e-3
"""A unit vector with no more than this in the basis is orthogonal to it after one projection."""

LEAST_PROBES = 4
"""Random columns in every pair of bases: with fewer, more passes over M are needed to know that no
singular value is hidden."""


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

    def with_block(self, block: Array) -> Side:
        """The pending columns become known, and `block` becomes pending."""
        joined = self.joined(block)
        return Side(joined.store, self.known + self.pending, block.shape[1])

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


@dataclass(frozen=True)
class Basis:
    """The pair of bases L (d1×k₁) and Q (d2×k₂), B = LᵀMQ, and what lies just outside.
    M Q = L B + L₊ leak_left E and MᵀL = Q Bᵀ + Q₊ leak_right E', where L₊, Q₊ are the pending
    blocks and E, E' pick the last block of coordinates: (I − LLᵀ)M Q Y has norm
    ‖leak_left · (last rows of Y)‖_F.

    last_left, last_right: widths of the last known blocks. passes: over M so far. scale: ‖M‖_F.
    probes: (width, passes) for each set of random columns that joined both sides, when it did:
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
    scale: float
    probes: tuple[tuple[int, int], ...] = ()

    @property
    def size(self) -> int:
        """Rows of the small factors: at least one, though bases of zero factors are empty."""
        return max(self.left.known, self.right.known, 1)

    @property
    def exhausted(self) -> bool:
        """Whether M maps the two spanned spaces into each other, to rounding."""
        return self.left.pending == 0 and self.right.pending == 0

    @classmethod
    def begin(cls, U: Array, V: Array, norm: float, *, drawn: bool = False) -> Basis:
        """The bases that hold U and V and no product with M yet; drawn: they are random."""
        sides = []
        for factor in (U, V):
            block, _ = _orthonormal(factor, float(np.linalg.norm(factor)))
            store = np.empty((len(factor), min(len(factor), 8 * factor.shape[1])), U.dtype, "F")
            store[:, : block.shape[1]] = block
            sides.append(Side(store, 0, block.shape[1]))
        none = np.zeros((0, 0))
        probes = ((U.shape[1], 0),) if drawn else ()
        return cls(sides[0], sides[1], none, none, none, 0, 0, 0, norm, probes)

    def extend(self, target: Target) -> Basis:
        """One fused pass over M: the pending blocks become known, the next ones pending."""
        new_left, new_right = self.left.next_block, self.right.next_block
        forward, backward = target.products(new_left, new_right)  # M Q_new, Mᵀ L_new
        L = self.left.store[:, : self.left.known + self.left.pending]
        Q = self.right.store[:, : self.right.known + self.right.pending]
        k1, k2 = self.left.known, self.right.known
        # M Q_j lies in L_{j−1}, L_j, L_{j+1} alone, and MᵀL_j in Q_{j−1}, Q_j, Q_{j+1}: to rounding
        # of ‖M‖ nothing else of these columns and rows of B is there.
        near = slice(k1 - self.last_left, L.shape[1]), slice(k2 - self.last_right, Q.shape[1])
        columns, rows = L[:, near[0]].T @ forward, backward.T @ Q[:, near[1]]
        B = np.zeros((L.shape[1], Q.shape[1]))
        B[:k1, :k2] = self.B
        B[near[0], k2:] = columns
        B[k1:, near[1]] = rows
        forward -= L[:, near[0]] @ columns
        backward -= Q[:, near[1]] @ rows.T
        left_block, leak_left = _outside(forward, L, self.scale)
        right_block, leak_right = _outside(backward, Q, self.scale)
        return replace(
            self,
            left=self.left.with_block(left_block),
            right=self.right.with_block(right_block),
            B=B,
            leak_left=leak_left,
            leak_right=leak_right,
            last_left=new_left.shape[1],
            last_right=new_right.shape[1],
            passes=self.passes + 1,
        )

    def orthogonality(self) -> float:
        """max(|LᵀL − I|, |QᵀQ − I|), entry by entry."""
        return max(
            float(np.max(np.abs(side.basis.T @ side.basis - np.eye(side.known)), initial=0.0))
            for side in (self.left, self.right)
        )

    def probed(self, width: int = LEAST_PROBES) -> Basis:
        """Random columns join what is pending, so many that the newest are `width`.

        A space that the start alone spans may miss singular vectors of M. In the recurrence of
        extend() the new columns stand like any other pending ones.
        """
        *before, (there, came) = self.probes or ((0, self.passes),)
        if came < self.passes:
            before, there = [*before, (there, came)], 0
        more = max(width - there, 0)
        rng = np.random.default_rng((more, self.passes))
        sides, leaks = [], []
        for side, leak in ((self.left, self.leak_left), (self.right, self.leak_right)):
            columns = rng.standard_normal((len(side.store), more)).astype(side.store.dtype)
            basis = side.store[:, : side.known + side.pending]
            columns -= basis @ (basis.T @ columns)
            block, _ = _outside(columns, basis, float(np.linalg.norm(columns)))
            sides.append(side.joined(block))
            leaks.append(np.vstack([leak, np.zeros((block.shape[1], leak.shape[1]))]))
        return replace(
            self,
            left=sides[0],
            right=sides[1],
            leak_left=leaks[0],
            leak_right=leaks[1],
            probes=(*before, (there + more, self.passes)),
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


def _orthonormal(block: Array, scale: float, rounds: int = 2) -> tuple[Array, Array]:
    """(q, R) with block = q R, where columns below rounding of `scale` are deflated."""
    if block.shape[1] == 0 or scale == 0:
        return block[:, :0], np.zeros((0, block.shape[1]), block.dtype)
    tiny = 8 * np.finfo(block.dtype).eps * scale
    fast = _cholesky_qr(block, tiny, rounds)
    if fast is not None:
        return fast
    q, upper, order = scipy.linalg.qr(block, mode="economic", pivoting=True, check_finite=False)
    rank = int(np.count_nonzero(np.abs(np.diag(upper)) > tiny))
    R = np.empty((rank, block.shape[1]), block.dtype)
    R[:, order] = upper[:rank]
    return q[:, :rank], R


def _cholesky_qr(block: Array, tiny: float, rounds: int) -> tuple[Array, Array] | None:
    """QR by Cholesky factorizations, or None when the block is too ill-conditioned.

    Three to five times faster than Householder's on tall blocks. One round leaves qᵀq off by
    eps times the square of the condition number, a second one restores it.
    """
    if block.shape[1] > block.shape[0]:
        return None
    total: Array | None = None
    eye = np.eye(block.shape[1], dtype=block.dtype)
    for _ in range(rounds):
        try:
            upper = np.linalg.cholesky(block.T @ block).T
        except np.linalg.LinAlgError:
            return None
        diagonal = np.diag(upper)
        if total is None and not diagonal.min() > max(1e-5 * diagonal.max(), 16 * tiny):
            return None
        block = block @ scipy.linalg.solve_triangular(upper, eye, check_finite=False)
        total = upper if total is None else upper @ total
    assert total is not None
    return block, total


def _outside(block: Array, basis: Array, scale: float) -> tuple[Array, Array]:
    """(q, R): what is left of `block` outside `basis`, block = q R to rounding of `scale`.

    The block comes projected against the blocks next to it. What it still has in the basis is
    measured, once its columns have length 1, and taken out; a projection leaves rounding over the
    length of what remains, so one is enough unless most of the block was in the basis.
    """
    room = basis.shape[0] - basis.shape[1]
    q, R = _orthonormal(block, scale, rounds=1)
    if q.shape[1] > room:  # only rounding can be left once the space is full
        q, R = q[:, :room], R[:room]
    for _ in range(3):
        if q.shape[1] == 0:
            break
        inside = basis.T @ q
        q, again = _orthonormal(q - basis @ inside, 1e3, rounds=1)
        R = again @ R
        if np.max(np.abs(inside), initial=0.0) <= MOSTLY_OUTSIDE:
            break
    return q, R
