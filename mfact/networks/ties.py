"""Which units must scale together: components, and the laws that mix layers (Theorem 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfact.core import Array
from mfact.networks.architecture import Architecture, Stage
from mfact.networks.layers import Dense

MOST_FLOPS = 2e10
"""Of the null space that is looked for: a few seconds."""

BLOCK = 4096
"""Constraints that are taken in at a time."""


def share_of(stage: Stage) -> Array | None:
    """g_h of a layer, None where its weights are not shared."""
    return stage.layer.share if isinstance(stage.layer, Dense) else None


def components(net: Architecture, h: int) -> Array:
    """The group of each unit between layers h and h + 1, h from 1: scaling one unit alone must
    leave each free parameter one factor, so that units that share one go together.

    Every group is a law: what feeds it less what draws from it.
    """
    joint, (first, second) = net.joints[h - 1], net.weighted[h - 1 : h + 1]
    ties, count = [], joint.units
    if (g := share_of(first)) is not None:
        units, _ = np.nonzero(g)
        ties.append((units, g[g > 0] - 1))
    if (g := share_of(second)) is not None:
        _, inputs = np.nonzero(g)
        ties.append((inputs // joint.spread, g[g > 0] - 1))
    edges = []
    for units, parameters in ties:
        edges.append((units, count + parameters))
        count += int(parameters.max(initial=-1)) + 1
    if not edges:
        return np.arange(joint.units)
    from scipy.sparse import coo_array  # slow to import
    from scipy.sparse.csgraph import connected_components

    ends = [np.concatenate(each) for each in zip(*edges, strict=True)]
    graph = coo_array((np.ones(len(ends[0])), (ends[0], ends[1])), (count, count))
    _, labels = connected_components(graph, directed=False)
    # Numbered in the order of the units.
    _, groups = np.unique(labels[: joint.units], return_inverse=True)
    return np.asarray(groups)


@dataclass(frozen=True, eq=False)
class Mixed:
    """Laws that mix layers: s_u of each unit, laws×units, joint after joint. looked: whether the
    null space was taken; it is not where it would be too large.
    """

    scales: Array
    looked: bool


def mixed(net: Architecture, groups: Sequence[Array]) -> Mixed:
    """The null space of "all uses of one parameter have the same s_b − p·s_a", less what the
    components give: laws that exist because parameters are tied across units of unequal scale.

    groups: components() of each joint. Source: mfact, derived.
    """
    starts = np.cumsum([0, *(joint.units for joint in net.joints)])
    total = int(starts[-1])
    shared = [h for h, stage in enumerate(net.weighted, 1) if share_of(stage) is not None]
    none = np.zeros((0, total))
    if not shared:
        return Mixed(none, looked=True)
    places = [_constraints(net, h, starts) for h in shared]
    if (sum(map(len, places)) + total) * total**2 > MOST_FLOPS:
        return Mixed(none, looked=False)
    R = np.zeros((0, total))
    for each in places:
        for i in range(0, len(each), BLOCK):
            # Of A only AᵀA matters for its null space, and RᵀR is that without squaring it.
            A = np.concatenate([R, _dense(each[i : i + BLOCK], total)])
            R = np.asarray(np.linalg.qr(A, "r"))
    _, sigma, Vt = np.linalg.svd(R, full_matrices=True)
    null = Vt[int(np.sum(sigma > 1e-9 * max(sigma.max(initial=0.0), 1.0))) :]
    K = _indicators(groups, starts)
    # A projection of orthonormal vectors, so that its singular values are 0 and 1.
    _, sigma, Vt = np.linalg.svd(null - (null @ K.T) @ K, full_matrices=False)
    return Mixed(Vt[: int(np.sum(sigma > 0.5))], looked=True)


def uses(net: Architecture, h: int) -> tuple[Array, Array, Array]:
    """Of layer h with shared weights: the parameter, the unit it feeds and the unit it draws from,
    of each use; −1 for an input or an output.
    """
    g = share_of(net.weighted[h - 1])
    assert g is not None
    fed, drawn = np.nonzero(g)
    parameters = g[fed, drawn] - 1
    drawn = drawn // net.joints[h - 2].spread if h > 1 else np.full(len(drawn), -1)
    fed = fed if h <= len(net.joints) else np.full(len(fed), -1)
    return parameters, fed, drawn


def _constraints(net: Architecture, h: int, starts: Array) -> Array:
    """A row for each use of a parameter beside its first: the units that both feed and draw from,
    numbered through all joints, −1 for none; rows that say the same stand once.
    """
    parameters, fed, drawn = uses(net, h)
    fed = np.where(fed < 0, -1, fed + starts[h - 1])
    drawn = np.where(drawn < 0, -1, drawn + starts[max(h - 2, 0)])
    known, first = np.unique(parameters, return_index=True)
    of = first[np.searchsorted(known, parameters)]
    degree = (net.joints[h - 2].degree or 1) if h > 1 else 1
    rows = np.stack([fed, drawn, fed[of], drawn[of], np.full(len(fed), degree)], axis=1)
    return np.unique(rows[np.arange(len(of)) != of], axis=0)


def _dense(places: Array, total: int) -> Array:
    """s_b − p·s_a of each use less that of the first, as rows of a matrix."""
    A, at = np.zeros((len(places), total + 1)), np.arange(len(places))
    for column, sign in ((0, 1), (1, -places[:, 4]), (2, -1), (3, places[:, 4])):
        A[at, places[:, column]] += sign  # −1, no unit, is the column beside the others
    return A[:, :total]


def _indicators(groups: Sequence[Array], starts: Array) -> Array:
    """A row for each component: the same s on its units, of norm 1."""
    found = []
    for each, start in zip(groups, starts, strict=False):
        rows = np.zeros((int(each.max()) + 1, int(starts[-1])))
        rows[each, start + np.arange(len(each))] = 1
        found.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    return np.concatenate(found)
