"""Which units must scale together: components, and the laws that mix layers (Theorem 2.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mfact.core import Array
from mfact.networks.architecture import Architecture, Stage
from mfact.networks.layers import Dense

MOST_ENTRIES = 20_000_000
"""Of the matrix whose null space is looked for: a fifth of a gigabyte."""


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


def mixed(net: Architecture) -> Mixed:
    """The null space of "all uses of one parameter have the same s_b − p·s_a", less what the
    components give: laws that exist because parameters are tied across units of unequal scale.

    Source: mfact, derived.
    """
    joints = net.joints
    starts = np.cumsum([0, *(joint.units for joint in joints)])
    total = int(starts[-1])
    shared = [h for h, stage in enumerate(net.weighted, 1) if share_of(stage) is not None]
    none = np.zeros((0, total))
    if not shared:
        return Mixed(none, looked=True)
    rows = [_constraints(net, h, starts) for h in shared]
    if sum(len(each) for each in rows) * total > MOST_ENTRIES:
        return Mixed(none, looked=False)
    A = np.concatenate([np.unique(each, axis=0) for each in rows])
    _, sigma, Vt = np.linalg.svd(A, full_matrices=True)
    rank = int(np.sum(sigma > 1e-9 * max(sigma.max(initial=0.0), 1.0)))
    null = Vt[rank:]
    known = []
    for joint, start in zip(joints, starts, strict=False):
        groups = components(net, joint.h)
        for group in range(int(groups.max()) + 1):
            s = np.zeros(total)
            s[start + np.flatnonzero(groups == group)] = 1
            known.append(s / np.linalg.norm(s))
    K = np.array(known)
    rest = null - (null @ K.T) @ K
    U, sigma, Vt = np.linalg.svd(rest, full_matrices=False)
    return Mixed(Vt[: int(np.sum(sigma > 1e-9))], looked=True)


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
    """A row for each use of a parameter beside its first: that both have the same factor."""
    parameters, fed, drawn = uses(net, h)
    total = int(starts[-1])
    factors = np.zeros((len(parameters), total + 1))
    at = np.arange(len(parameters))
    if h <= len(net.joints):
        factors[at, starts[h - 1] + fed] += 1
    if h > 1:
        factors[at, starts[h - 2] + drawn] -= net.joints[h - 2].degree or 1
    _, first = np.unique(parameters, return_index=True)
    of = np.searchsorted(parameters[first], parameters)
    rows = factors - factors[first[of]]
    return np.asarray(rows[:, :total])
