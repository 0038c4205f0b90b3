"""One stretch of an ordinary differential equation by SciPy's DOP853."""

from __future__ import annotations

from collections.abc import Callable
from gc import collect
from typing import NamedTuple

import numpy as np

from mfact.core import Array
from mfact.errors import MfactError, SettingsError

STABLE = 6.2  # DOP853 damps exp(−λs) for steps up to about this over λ
MOST_STEPS = 1e7  # of small matrices: hours

LARGE = 1 << 16
"""Bytes of a point of which the solver, whose parts name each other, is not left to be collected at
some time: it keeps some twenty of them."""


class Stretch(NamedTuple):
    """The solution at the end, the step size to go on with, and the number of steps."""

    Z: Array
    next_step: float
    steps: int


def require_few(steps: float, what: str) -> None:
    """Refuse what would take more than MOST_STEPS small steps. Raises SettingsError."""
    if not steps <= MOST_STEPS:
        raise SettingsError(
            f"{what} would take {steps:.2g} steps to that time",
            "choose a shorter --time, a smaller start or a smaller --balance-weight",
        )


def row_sizes(Z: Array) -> Array:
    """The largest entry of each row j of (X, Y) together, shape (…, 1, k, 1).

    A row is the amplitude of one singular pair, and the small ones decide when a plateau is left:
    errors are measured against this. Rows under 1e-8 of the largest count as that large; where all
    are zero, under 1e-8.
    """
    rows = np.abs(Z).max(axis=(-3, -1), keepdims=True)
    sizes: Array = np.maximum(rows, 1e-8 * (rows.max() or 1.0))
    return sizes


def integrate(
    field: Callable[[float, Array], Array],
    start: float,
    end: float,
    Z: Array,
    *,
    rtol: float,
    first_step: float | None,
    sharpness: float,
) -> Stretch:
    """Z(end) of dZ/ds = field(s, Z) from Z(start) = Z; Z is (…, 2, k, r).

    first_step: None lets the solver choose. sharpness: the largest curvature where the solution is
    slow; steps are kept inside the region in which the method is stable for it, at whose edge up
    to a third of them would be rejected. The absolute tolerance is rtol times the size of each
    row at the start (row_sizes).

    Raises MfactError when the solver gives up, which is when the solution leaves the numbers.
    Source: Hairer, Nørsett, Wanner, Solving Ordinary Differential Equations I, section II.5.

    >>> round(float(integrate(lambda s, Z: -Z, 0.0, 1.0, np.ones((2, 1, 1)), rtol=1e-12,
    ...       first_step=None, sharpness=1.0).Z[0, 0, 0]), 9)
    0.367879441
    """
    from scipy.integrate import DOP853  # slow to import

    shape = Z.shape
    length = end - start
    solver = DOP853(
        lambda s, z: field(s, z.reshape(shape)).ravel(),
        start,
        Z.ravel(),
        end,
        rtol=rtol,
        atol=np.broadcast_to(rtol * row_sizes(Z), shape).ravel(),
        first_step=None if first_step is None else min(first_step, length),
        max_step=STABLE / sharpness,
    )
    last, steps = solver.h_abs, 0
    while solver.status == "running":
        last = solver.h_abs
        message = solver.step()
        steps += 1
        if solver.status == "failed":
            raise MfactError(f"the flow cannot be followed past s = {solver.t:g} ({message})")
    # The end cut the last step short, so that the proposal before it may be the better one.
    found = Stretch(solver.y.reshape(shape), max(last, solver.h_abs), steps)
    if Z.nbytes > LARGE:
        del solver
        collect()
    return found
