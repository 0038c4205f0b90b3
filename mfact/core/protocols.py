"""What a target, a schedule, a problem and coordinates are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from mfact.core.values import Array, Balance, Evaluation, Factors, Kind, Optimum, Point

RIGHT, LEFT = "right", "left"
"""The side of M whose Krylov block leads (see Normal): that of V, or that of U."""


class Target(Protocol):
    """Who holds M. All work that grows with the size of M is behind these three.

    shape: (d1, d2). dtype: that of the arithmetic, float64 or float32. stored_eps: ε of the kind
    that the entries are stored in, 0 where they are exact (see mfact.problems.optimum).
    """

    shape: tuple[int, int]
    dtype: Kind
    stored_eps: float

    @property
    def offset(self) -> float:
        """‖abᵀ‖_F where M = A − abᵀ is what is left of the A that is held; 0 where that is M."""

    @property
    def norm(self) -> float:
        """‖M‖_F, in the units of M."""

    def products(self, U: Array, V: Array) -> tuple[Array, Array]:
        """(M V, Mᵀ U) in one pass over M; U is d1×k, V is d2×k."""

    def residual_norm(self, U: Array, V: Array) -> float:
        """‖UVᵀ − M‖_F, formed from the differences themselves, in one pass."""


class Normal(Target, Protocol):
    """A target that takes two degrees of a Krylov space from one reading of M.

    leads: RIGHT where whole rows of M are at hand at a time, LEFT where whole columns are.
    """

    leads: str

    def normal(self, U: Array, V: Array, begin: Array | None = None) -> tuple[Array, Array, Array]:
        """(M V, MᵀU, N) in one pass: N = Mᵀ(M V) where the right leads, M(MᵀU) where the left does.

        U is d1×k, V is d2×l; either may have no columns. begin: of the size of M V where the right
        leads, of MᵀU where the left does; that product is begin more, and N the product with this
        sum. The target may write into it.
        """


class Look(Protocol):
    """What a first look at M − abᵀ tells: the norm, w_jᵀ(M − abᵀ)z_j as Summed has them."""

    @property
    def norm(self) -> float: ...

    @property
    def sums(self) -> Array: ...


class Looked(Target, Protocol):
    """A target that tells means and norms in float64, whatever the dtype, as those of this project
    do; of a user's own, which has products alone, mfact.targets.centred takes them by these.
    """

    def means(self, rows: bool = True, columns: bool = True) -> tuple[Array, Array]:
        """Those of the d1 rows and of the d2 columns, float64; one pass. Which are not asked for
        are no entries.
        """

    def look(self, a: Array, b: Array) -> Look:
        """At M − abᵀ, a of d1 and b of d2 entries, float64. Of M in a file it comes with the next
        pass, whatever that is for.
        """


class Summed(Target, Protocol):
    """A target that tells its M from another in the pass that takes the norm.

    Those of this project do. For one that does not, a user's own, products are taken.
    """

    @property
    def sums(self) -> tuple[Array, float]:
        """w_jᵀ M z_j for the probes of mfact.targets.fingerprint, accumulated in float64 whatever
        the dtype, and how far they may be off by rounding.
        """


class Sliced(Target, Protocol):
    """A target that hands out M itself, as those of this project do."""

    def slices(self, height: int) -> Iterator[Array]:
        """Rows of M, or of Mᵀ where M is wide, so many at a time: new dense arrays in C order."""


class Schedule(Protocol):
    """Step sizes η_t, in the units of the method's steps: 1/M of gradient descent."""

    @property
    def name(self) -> str:
        """What --schedule calls it."""

    @property
    def eps(self) -> float | None:
        """ε of its theorem, in units of M; None where there is none."""

    def __call__(self, step: int) -> float:
        """η_t."""

    def steps(self, start: int, count: int) -> Array:
        """η_t for t = start … start + count − 1, the same numbers as one by one."""

    @property
    def least(self) -> float:
        """lim η_t as t → ∞."""

    def scaled(self, unit: float) -> Schedule:
        """The steps unit·η_t."""

    def steps_for(self, flow_time: float) -> float:
        """log₁₀T, at least 0, such that Σ_{t<T} η_t = flow_time."""


class Stepped(Protocol):
    """What a step asks of a problem."""

    def evaluate(self, point: Point) -> Evaluation:
        """Value and gradient, from one pass."""

    def stiffness(self, seen: Array) -> float:
        """A bound on the curvature of a balance term in each factor, units of M; 0 for (1)."""


class Problem(Stepped, Protocol):
    """What is minimized."""

    @property
    def formula(self) -> str:
        """The objective written out."""

    @property
    def scale(self) -> float:
        """What relative numbers are relative to, in the units of D."""

    def balance(self, point: Point) -> Balance:
        """D(θ), a quadratic form of the point."""

    def crossed(self, point: Point, other: Point) -> Balance:
        """The symmetric bilinear form S of D(θ) = S(θ, θ)."""

    def pull(self, seen: Array) -> Balance:
        """What a step of length η adds to D in first order, over η: D(θ − η∇f) = D + η·pull +
        η²D(∇f), exactly. Zero for (1), by which D is conserved (Theorem 2.1). seen: of a point, or
        of n points one after another.
        """

    def columns(self, seen: Array, values: Array, imbalance: Array) -> dict[str, Array]:
        """Those of its own, for n points one after another; see mfact.trace. imbalance: ‖D‖_F."""


class Coordinates(Protocol):
    """How the point of a state is to be read."""

    @property
    def optimum(self) -> Optimum | None:
        """What is known here of the optimum, and what rows tell their gaps against."""

    @property
    def size(self) -> int | None:
        """Columns of the larger basis; None where the point is the factors themselves."""

    @property
    def passes(self) -> int:
        """Over M, that the bases took."""

    def passes_at(self, steps: Array) -> Array:
        """Over M so far where the run is at these steps, by the bases or by steps without them;
        closer looks apart.
        """

    def leave(self, point: Point) -> Factors:
        """(U, V), d1×r and d2×r."""

    def factors(self, point: Point) -> Factors:
        """(X, Y), the factors in these coordinates."""

    def above(self, point: Point) -> float | None:
        """f − floor of `optimum` with all its digits; None where these coordinates hide it."""

    def orthogonality(self) -> float:
        """How far the bases are from orthonormal, entry by entry."""
