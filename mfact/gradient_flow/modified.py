"""The flow that gradient descent with slowly changing steps follows, to fourth order.

A smooth z(t) that passes through the iterates, z(t+1) − z(t) = −η(t) g(z(t)), obeys
(e^∂ − 1) z = −φ with φ(t) = η(t) g(z(t)) and ∂ = d/dt, that is

    z' = −(∂ / (e^∂ − 1)) φ = −φ + φ'/2 − φ''/12 + φ''''/720 − …       (Bernoulli numbers)

Each ∂ makes a term smaller by one order, on z by η and on η by η'/η. Sorting z' = v1 + v2 + v3 + v4
by order (v_n of size η^n, η^{(n)} of size η^{n+1}) and substituting z' into φ', φ'' gives

    v1 = −η g
    v2 = (η' g + η g'[v1]) / 2
    v3 = η g'[v2] / 2 − q / 12,   q = η'' g + 2 η' g'[v1] + η (g''[v1, v1] − 2 g'[v2])
    v4 = η g'[v3] / 2 − (2 η' g'[v2] + 2 η g''[v1, v2] + η g'[q/2 − η g'[v2]]) / 12

For constant η these are the backward error coefficients of the explicit Euler method: with f = −g,
f − (η/2) f'f + η² (f''(f,f)/12 + f'f'f/3) − …. The error of one unit of t is of order η^{p+1} when
terms up to v_p are kept.

Source: mfact, derived; for constant steps Hairer, Lubich, Wanner, Geometric Numerical
Integration, chapter IX.
"""

from __future__ import annotations

import numpy as np

from mfact.core import Array
from mfact.gradient_flow.clock import Rates
from mfact.gradient_flow.integrate import row_sizes
from mfact.problems.diagonal import Diagonal

ORDERS = (1, 2, 3, 4)


def field(
    problem: Diagonal, Z: Array, rates: Rates, order: int, excess: Array | float = 0.0
) -> Array:
    """dz/ds = (v1 + … + v_order)/η at Z, where ds = η dt; an array of the shape of Z, (…, 2, k, r).

    rates: η and its relative derivatives by the step number. order: one of ORDERS; order 1 is
    minus the gradient. excess: the last term is multiplied by 1 + excess, which broadcasts
    against Z: a stand-in for the terms left out.

    >>> problem = Diagonal(np.array([1.0]), weight=0.0)
    >>> Z = np.full((2, 1, 1), 0.5)
    >>> field(problem, Z, Rates(0.1, 0.0, 0.0), order=1)[:, 0, 0]
    array([0.375, 0.375])
    """
    *terms, last = _terms(problem, Z, rates, order)
    total: Array = last * (1.0 + excess)
    for term in terms:
        total += term
    return total


def needed_order(problem: Diagonal, Z: Array, rates: Rates, order: int, negligible: float) -> int:
    """The least order whose left-out terms, up to `order`, are negligible at Z.

    negligible: what may be left out of dz/ds, relative to the size of each row (row_sizes), in
    units of M: about the error allowed divided by the flow time to go.
    """
    sizes = row_sizes(Z)
    left_out = 0.0
    for kept, term in reversed(list(enumerate(_terms(problem, Z, rates, order)))):
        left_out += float((np.abs(term) / sizes).max())
        if kept == 0 or left_out > negligible:
            return kept + 1
    raise AssertionError("the first term is always kept")


def _terms(problem: Diagonal, Z: Array, rates: Rates, order: int) -> list[Array]:
    """v1/η … v_order/η."""
    eta, first, second = rates
    jet = problem.at(Z)
    g = jet.gradient
    w1 = -g
    if order == 1:
        return [w1]
    d1 = jet.slope(w1)
    w2 = (0.5 * first) * g + (0.5 * eta) * d1.HP
    if order == 2:
        return [w1, w2]
    d2 = jet.slope(w2)
    q = second * g
    q += (2.0 * first * eta) * d1.HP
    q += (eta * eta) * jet.bend(d1, d1)
    q -= (2.0 * eta) * d2.HP
    w3 = (0.5 * eta) * d2.HP - q / 12.0
    if order == 3:
        return [w1, w2, w3]
    rest = (0.5 * eta) * w3 + (eta * eta / 12.0) * d2.HP - (eta / 24.0) * q
    w4 = jet.slope(rest).HP
    w4 -= (first * eta / 6.0) * d2.HP
    w4 -= (eta * eta / 6.0) * jet.bend(d1, d2)
    return [w1, w2, w3, w4]
