"""Momentum and weight decay: the steps are torch's, and any balance law has the ledger told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from with_torch import torch

from mfact.methods.in_place import BLOCK_BYTES
from mfact.methods.torch_form import TorchForm

FORMS = [
    TorchForm(), TorchForm(decay=0.01), TorchForm(0.9), TorchForm(0.9, decay=0.01),
    TorchForm(0.9, True), TorchForm(0.5, True, 0.1),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_steps_are_those_of_torch(form, kind):
    """Of given gradients; the weights are scaled by blocks, so that one part is of several."""
    rng = np.random.default_rng(0)
    shapes = [(3, 4), (5,), (BLOCK_BYTES // 4 + 7,)]
    point = [rng.standard_normal(shape).astype(kind) for shape in shapes]
    theirs = [torch.tensor(part.copy()) for part in point]
    torch_form = torch.optim.SGD(
        theirs, lr=1.0, momentum=form.momentum, nesterov=form.nesterov, weight_decay=form.decay
    )
    velocity = form.begin(point)
    for t in range(40):
        slope = [rng.standard_normal(shape).astype(kind) for shape in shapes]
        for part, g in zip(theirs, slope, strict=True):
            part.grad = torch.tensor(g)
        torch_form.param_groups[0]["lr"] = eta = 0.1 / (1 + t)
        torch_form.step()
        d = form.direct(point, slope, velocity)
        form.move(point, d, eta, slope)
    for mine, other in zip(point, theirs, strict=True):
        assert mine.dtype == kind
        # 40 steps, each of a few roundings of numbers of order 1 to 10.
        np.testing.assert_allclose(mine, other.numpy(), rtol=0, atol=1e3 * np.finfo(kind).eps)


@given(
    seed=st.integers(0, 10**6),
    momentum=st.sampled_from([0.0, 0.5, 0.9]),
    nesterov=st.booleans(),
    decay=st.sampled_from([0.0, 0.03]),
)
def test_the_ledger_of_any_balance_law(seed, momentum, nesterov, decay):
    """Q = ⟨v, Cv⟩ of any signs c_k, and any gradients with ⟨v, Cg⟩ = 0; steps of any size."""
    form = TorchForm(momentum, nesterov and momentum > 0, decay)
    rng = np.random.default_rng(seed)
    c, v = rng.choice([-2.0, -1.0, 0.0, 1.0], 9), rng.standard_normal(9)
    if not c.any():
        c[0] = 1.0

    def law(p, q):
        return (np.array([np.dot(c * p, q)]),)

    start = law(v, v)
    entries, memory, velocity = np.zeros(1), form.opened(start), form.begin([v])
    for _ in range(30):
        g = rng.standard_normal(9)
        g -= np.dot(c * v, g) / np.dot(c * v, c * v) * c * v
        (d,) = form.direct([v], [g], velocity)
        u = velocity[0] if velocity else d
        eta = rng.uniform(0.0, 0.2)
        drags = (decay * (start[0] + entries),)
        (added,), memory = form.entries(drags, law(d, d), law(d, u), eta, memory)
        entries = entries + added
        form.move([v], [d], eta, [np.empty(9)])
    drift = law(v, v)[0] - start[0]
    # v and u reach 10 to 100 at most; their squares are rounded 30 times.
    np.testing.assert_allclose(entries, drift, rtol=1e-10, atol=1e-11)


def test_without_momentum_nothing_is_kept():
    form = TorchForm(decay=0.1)
    assert form.begin([np.ones(3)]) == []
    assert form.opened((np.ones(3),)) == ()
