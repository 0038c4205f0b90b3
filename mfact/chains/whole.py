"""The scales of whole joints that give a chain its least Σ‖w‖²."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfact.chains.cells import Cell
from mfact.core import Array

STEPS = 100  # far off, Newton's method on a sum of exponentials takes about one for a factor of e
SURE = 1e-4  # of a step: the sum is so near a parabola that it need not be looked at
LAST = 1e-8  # the step after such a one is rounding
LEAST = 2.0**-30  # of the part of a step that is tried


def layer_scales(found: Sequence[Cell], scales: Sequence[Array]) -> Array:
    """c of each joint that give the least Σ‖w‖² when all its scales are multiplied by it.

    With c = e^t it is the minimum of the convex Σ_k m_k exp(2⟨a_k, t⟩), m_k the sum over cell k and
    a_k the powers of its reaches, by Newton's method with halved steps. Rescaling unit by unit
    moves a wrong scale of a whole layer on to the next one only, and of N layers takes N² sweeps
    to wear it down.
    """
    masses = np.array([cell.total(scales) for cell in found])
    powers = np.zeros((len(found), len(scales)))
    for row, cell in zip(powers, found, strict=True):
        for reach in cell.reaches:
            row[reach.joint] += reach.power
    t = np.zeros(len(scales))
    for _ in range(STEPS):
        parts = masses * np.exp(2 * powers @ t)
        slope = 2 * parts @ powers
        step = -_solved(4 * powers.T @ (parts[:, None] * powers), slope)
        longest = float(np.max(np.abs(step), initial=0.0))
        part = 1.0
        while longest > SURE and part > LEAST:
            tried = float(np.sum(masses * np.exp(2 * powers @ (t + part * step))))
            if tried <= float(np.sum(parts)) + 0.1 * part * float(slope @ step):
                break
            part /= 2
        t += part * step
        if longest <= LAST:
            break
    return np.exp(t)


def _solved(curvature: Array, slope: Array) -> Array:
    """The least solution, so that joints without live units stay; rows are brought to one size."""
    size = np.sqrt(np.diag(curvature))
    size[size == 0] = 1.0
    found = np.linalg.lstsq(curvature / np.outer(size, size), slope / size)[0]
    return np.asarray(found / size)
