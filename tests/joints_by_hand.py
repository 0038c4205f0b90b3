"""Joints made by hand, and what they mean written out in loops."""

from __future__ import annotations

import itertools

import numpy as np

from mfact.chains.joints import Chain, Joint, Slot


def dense(sizes, degree=1, bias=True, names=None):
    """Fully connected layers of torch's names in a Sequential with an activation between them."""
    names = names or [str(2 * i) for i in range(len(sizes) - 1)]
    triples = zip(sizes, sizes[1:], sizes[2:], strict=False)
    return Chain(
        tuple(
            Joint(
                f"layer {a}",
                f"layer {b}",
                n,
                (Slot(f"{a}.weight", (n, given), (0,)),),
                (Slot(f"{b}.weight", (out, n), (1,)),),
                Slot(f"{a}.bias", (n,), (0,)) if bias else None,
                degree,
            )
            for a, b, (given, n, out) in zip(names, names[1:], triples, strict=False)
        ),
        (),
        "by hand",
    )


def weights(chain, seed=0, spread=0.0):
    """Of every tensor; spread: each number is off by up to 10^±spread besides."""
    rng = np.random.default_rng(seed)
    shapes = {slot.tensor: slot.shape for joint in chain.joints for slot in joint.slots}
    return {
        name: rng.standard_normal(shape) * 10 ** rng.uniform(-spread, spread, shape)
        for name, shape in shapes.items()
    }


def badly_scaled(chain, values, decades, seed=0):
    """The same function: the units of each joint rescaled by 10^±decades, layers as a whole too."""
    rng = np.random.default_rng(seed)
    values = dict(values)
    for joint in chain.joints:
        c = 10 ** (rng.uniform(-decades, decades, joint.units) + rng.uniform(-decades, decades))
        for slot in joint.slots:
            factors = c ** -float(joint.degree) if slot in joint.drawn else c
            values[slot.tensor] = slot.scaled(values[slot.tensor], factors)
    return values


def numbers_of(slot, tensor, unit):
    """Those of one unit, one by one."""
    found = []
    W = np.asarray(tensor).reshape(slot.shape)
    for at in itertools.product(*map(range, slot.shape)):
        place = 0
        for axis in slot.axes:
            place = place * slot.shape[axis] + at[axis]
        if place == unit:
            found.append(float(W[at]))
    return np.array(found)


def sides_of(joint, values, unit):
    """What feeds a unit, bias last, and what draws from it."""
    fed = [*joint.fed, *([] if joint.bias is None else [joint.bias])]
    into, out = (
        np.concatenate([numbers_of(slot, values[slot.tensor], unit) for slot in slots])
        for slots in (fed, joint.drawn)
    )
    return into, out
