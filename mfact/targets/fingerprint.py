"""What tells one matrix from another without keeping it: signed sums of all entries."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from mfact.core import Array, Target

SUMS = 4
"""With one sum a change of several entries may cancel; in four at once it does not."""

SIDES = (0x6D666163_74000001, 0x6D666163_74000002)
"""Keys of the two sides: w and z are drawn apart, so that a transposition is seen."""

BITS = 20
"""Behind the point of a probe's entries, so that they are exact in float32 too."""

SAFETY = 4.0
"""A bound on the rounding of a sum over its expected size, of which it was never seen above 0.3."""


class Seen(NamedTuple):
    """What a look at M tells (mfact.core.Look)."""

    norm: float
    sums: Array


def probes(shape: tuple[int, int]) -> tuple[Array, Array]:
    """(w, z): d1×4 and d2×4, fixed random vectors with entries in ±[1, 2), float64.

    Each entry is drawn by counter from its side and place, and depends on nothing else: neither
    on the shape nor on how M is held.
    """
    sides = []
    for key, length in zip(SIDES, shape, strict=True):
        raw = np.random.Philox(key=key).random_raw(length * SUMS).reshape(length, SUMS)
        size = 1.0 + (raw >> np.uint64(64 - BITS)) * 2.0**-BITS
        sides.append(np.where(raw & np.uint64(1), -size, size))
    return sides[0], sides[1]


def rounding(shape: tuple[int, int], norm: float, sums: Array, eps: float = 2.0**-52) -> float:
    """How far sums s_j that were accumulated with this ε may be from the exact ones.

    4 ε √(d1 + d2) max(‖M‖_F, max |s_j|). With signs that M knows nothing of, the partial sums of
    s_j = Σ_i w_i (Σ_k m_ik z_k) walk at random, up to the norm of their terms, at most 4‖M‖_F; a
    row adds d2 roundings of at most ½ε of its own walk and the rows d1 more, and these walk too:
    √(d1 + d2) ε ‖M‖_F at the most, about. |s_j| stands where M knows the signs after all.
    Source: Higham and Mary 2020, for sums of random data; mfact, derived.
    """
    largest = max(norm, float(np.max(np.abs(sums))))
    return SAFETY * eps * math.sqrt(sum(shape)) * largest


def sums_of(target: Target) -> tuple[Array, float]:
    """Its sums and their rounding; of a target that has none by products, in one pass over M."""
    found: tuple[Array, float] | None = getattr(target, "sums", None)
    if found is not None:
        return found
    w, z = probes(target.shape)
    forward, _ = target.products(w.astype(target.dtype), z.astype(target.dtype))
    sums = np.einsum("ij,ij->j", w, np.asarray(forward, np.float64))
    eps = float(np.finfo(target.dtype).eps)
    return sums, rounding(target.shape, target.norm, sums, eps)


def fingerprint(target: Target) -> dict[str, Any]:
    """Shape, dtype, norm and signed sums of M with their rounding, as JSON values; of one without
    its means ‖abᵀ‖_F too, for these tell it from the same with others.
    """
    sums, off = sums_of(target)
    return {
        "shape": [int(length) for length in target.shape],
        "dtype": str(np.dtype(target.dtype)),
        "norm": float(target.norm),
        "sums": [float(value) for value in sums],
        "rounding": off,
        **({"offset": target.offset} if target.offset else {}),
    }


def same_matrix(a: Mapping[str, Any], b: Mapping[str, Any]) -> str:
    """Empty where two fingerprints are of one matrix, else what was in a and now is in b.

    However the matrix is held, its sums agree to their roundings; and where one was cast to
    float32, to what rounding each entry to ½ε of itself adds up to. So do the means that it is
    without, of which each is a sum too.

    Raises KeyError, TypeError or ValueError for what is no fingerprint.

    >>> from mfact.targets.dense import DenseTarget
    >>> one, other = (fingerprint(DenseTarget(np.array([[m]]))) for m in (2.0, -2.0))
    >>> same_matrix(one, one), same_matrix(one, other)[:23]
    ('', 'its norm is as it was, ')
    """
    if list(a["shape"]) != list(b["shape"]):
        return f"its shape was {a['shape']}, now it is {b['shape']}"
    means = [float(each.get("offset", 0.0)) for each in (a, b)]
    whole = [math.hypot(float(each["norm"]), off) for each, off in zip((a, b), means, strict=True)]
    eps = max(float(np.finfo(kept["dtype"]).eps) for kept in (a, b))
    apart = [abs(now - then) for then, now in zip(a["sums"], b["sums"], strict=True)]
    allowed = float(a["rounding"]) + float(b["rounding"])
    if a["dtype"] != b["dtype"]:
        allowed += SAFETY * eps * max(whole[0], *map(abs, a["sums"]))
    its = "without its means its" if any(means) else "its"
    if all(off <= allowed < math.inf for off in apart):
        if abs(means[0] - means[1]) <= SAFETY * eps * math.sqrt(sum(a["shape"])) * sum(whole):
            return ""
        then, now = (off / math.sqrt(math.prod(a["shape"])) for off in means)
        return f"the root mean square of the means taken off it was {then}, now it is {now}"
    if not abs(a["norm"] - b["norm"]) <= allowed:
        return f"{its} norm was {a['norm']}, now it is {b['norm']}"
    worst = apart.index(max(apart))
    return (
        f"{its} norm is as it was, but a signed sum of its entries was {a['sums'][worst]},"
        f" now it is {b['sums'][worst]}"
    )
