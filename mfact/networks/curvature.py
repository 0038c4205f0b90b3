"""The largest curvature of the loss of a network, and the step size that it allows."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite, sqrt

import numpy as np

from mfact.core import Array
from mfact.host.threads import working
from mfact.networks.layers import Dense
from mfact.networks.losses import Given
from mfact.networks.machine import Machine

TOLERANCE = 1e-4
"""Relative, of the eigenvalue."""


class GaussNewton:
    """G = (1/m) Σ_i J_iᵀ H_i J_i at a machine's point, J_i = ∂f_i/∂v and H_i = ∂²ℓ/∂f² ⪰ 0.

    It is the Hessian of L less the curvature of f itself, which is nothing where L is 0. Nothing
    of it is stored. Jᵀu is exact, by the passes of a gradient; Ju is (f(v + hu) − f(v − hu))/2h
    with ‖hu‖ = √ε‖v‖, ε the rounding of the kind: off by about √ε of itself (1e-8 in float64, 3e-4
    in float32) by rounding, by ε because f is curved, and by the share of points, about √ε, that
    so small a difference brings across a jump of ReLU or max pooling.

    It has buffers of its own as large as the machine's; of a dual machine the weights are taken.
    weights: W_1, b_1, … in place of those of the machine's point.
    Source: Schraudolph 2002, Neural Computation 14 (the product); mfact, derived (the size).
    """

    def __init__(self, machine: Machine, weights: Sequence[Array] | None = None) -> None:
        net, X = machine.net, machine.X
        self.loss = machine.loss
        self.U = np.empty((len(X), net.outputs), machine.dtype)
        self._machine = Machine(net, X, self.U, Given(), machine.workers)
        self._point = [part.copy() for part in weights or machine.weights()]
        self.size = sum(part.size for part in self._point)
        self._cuts = np.cumsum([part.size for part in self._point])[:-1]
        self._machine.start(self._point)
        self.f = self._machine.outputs()
        v = np.concatenate([part.ravel() for part in self._point])
        eps = float(np.finfo(machine.dtype).eps)
        self._length = sqrt(eps) * (float(np.linalg.norm(v)) or 1.0)
        # Where a mask leaves none, there is no weight to move.
        self._there = np.concatenate(
            [
                np.ones(part.shape).ravel() if mask is None else (mask != 0).ravel() * 1.0
                for part, mask in zip(self._point, _masks(machine), strict=True)
            ]
        )

    def __call__(self, u: Array) -> Array:
        """Gu, for u of all weights and biases in their order."""
        u = self._there * u.ravel()
        norm = float(np.linalg.norm(u))
        if norm == 0:
            return u
        E = self._pushed(u, self._length / norm)
        self.loss.curve(self.f, E)
        return self._pulled(E)

    def _pushed(self, u: Array, h: float) -> Array:
        """Ju, p×m."""
        ahead = self._outputs(u, h)
        ahead -= self._outputs(u, -h)
        ahead /= 2 * h
        return ahead

    def _outputs(self, u: Array, h: float) -> Array:
        pieces = np.split(u, self._cuts)
        self._machine.start(
            [
                part + h * piece.reshape(part.shape)
                for part, piece in zip(self._point, pieces, strict=True)
            ]
        )
        return self._machine.outputs()

    def _pulled(self, E: Array) -> Array:
        """Jᵀ of E over m."""
        self._machine.start(self._point)
        self.U[...] = E.T
        self._machine.evaluate()
        return np.concatenate([part.ravel() for part in self._machine.slope]).astype(float)


def largest_curvature(machine: Machine, weights: Sequence[Array] | None = None) -> float:
    """λ_max of the Gauss–Newton matrix at the machine's point, or at weights, by Lanczos; nan where
    f overflows.

    About 20 products, each the cost of two steps. Source: SciPy's eigsh, from a fixed start.
    """
    from scipy.sparse.linalg import LinearOperator, eigsh  # slow to import

    with working(1), np.errstate(all="ignore"):  # SciPy's BLAS may have come only now
        G = GaussNewton(machine, weights)
        begin = np.random.default_rng(0).standard_normal(G.size)
        seen = float(np.linalg.norm(G(begin)))
        if not isfinite(seen) or seen == 0:
            return seen if seen == 0 else float("nan")
        operator = LinearOperator((G.size, G.size), matvec=G, dtype=float)
        found = eigsh(operator, 1, which="LA", v0=begin, tol=TOLERANCE, return_eigenvectors=False)
    return float(found[0])


def largest_step(
    machine: Machine, weights: Sequence[Array] | None = None, decay: float = 0.0
) -> float:
    """2/(λ_max + λ): gradient descent with larger steps runs away from a minimum that curves so.

    decay: λ of weight decay. inf where nothing curves, nan where f overflows.
    """
    top = largest_curvature(machine, weights) + decay
    return 2 / top if top > 0 else (inf if top == 0 else top)


def grown(machine: Machine, weights: Sequence[Array]) -> list[Array]:
    """The weights scaled up until f is as large as what it is to be: ‖f‖ = ‖Y‖, or, where Y are
    labels, 1 an entry; as they are where f is so large already, or 0, or no power of the scale.

    The curvature of a network whose start is small grows on the way, and this is about how far.
    Source: mfact, derived.
    """
    power = 0
    for stage in machine.net.weighted:
        power = (stage.layer.activation.degree or 0) * (power + 1)
    with np.errstate(all="ignore"):
        f = float(np.linalg.norm(GaussNewton(machine, weights).f))
    entries = machine.net.outputs * len(machine.X)
    is_given = machine.loss.name == "squared"
    size = float(np.linalg.norm(machine.Y)) if is_given else sqrt(entries)
    factor = (size / f) ** (1 / power) if power and 0 < f < size else 1.0
    return [np.asarray(factor * part, machine.dtype) for part in weights]


def _masks(machine: Machine) -> list[Array | None]:
    found: list[Array | None] = []
    for part in machine.net.parts:
        layer = part.stage.layer
        masked = isinstance(layer, Dense) and part.name.startswith("W")
        found.append(layer.mask if masked and isinstance(layer, Dense) else None)
    return found
