"""Adam in place: the steps are torch's, whatever the pieces, and both lines are what Q moves by."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from with_torch import torch

from mfact.core import Evaluation
from mfact.methods.adam import Adam, AdamForm
from mfact.methods.in_place import BLOCK_BYTES

STEPS = 60


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_the_steps_are_those_of_torch(decay, kind):
    """Of given gradients, some zero from the start or for a while, one part of several blocks."""
    rng = np.random.default_rng(0)
    form, shapes = AdamForm(decay), [(3, 4), (5,), (BLOCK_BYTES // 4 + 7,)]
    point = [rng.standard_normal(shape).astype(kind) for shape in shapes]
    theirs = [torch.tensor(part.copy()) for part in point]
    torch_form = torch.optim.Adam(theirs, lr=1.0, weight_decay=decay)
    kept = form.begin(point)
    for t in range(STEPS):
        slope = [rng.standard_normal(shape).astype(kind) for shape in shapes]
        slope[0][0] = 0
        slope[1][: t // 12] = 0
        for part, g in zip(theirs, slope, strict=True):
            part.grad = torch.tensor(g)
        torch_form.param_groups[0]["lr"] = eta = 0.1 / (1 + t)
        torch_form.step()
        d = form.direct(point, slope, kept, t)
        form.move(point, d, eta, slope)
    for mine, other in zip(point, theirs, strict=True):
        assert mine.dtype == kind
        # A step is of order η; some roundings of numbers of order 1.
        np.testing.assert_allclose(mine, other.numpy(), rtol=0, atol=100 * np.finfo(kind).eps)


def test_pieces_are_stepped_as_the_whole():
    rng = np.random.default_rng(1)
    form, v = AdamForm(0.01), rng.standard_normal(11)
    pieces = [v[:4].copy(), v[4:].copy()]
    whole, apart = form.begin([v]), form.begin(pieces)
    for t in range(7):
        g = rng.standard_normal(11)
        cut = [g[:4].copy(), g[4:].copy()]
        for i in range(2):
            form.direct([pieces[i]], [cut[i]], [apart[i], apart[2 + i]], t)
        (d,) = form.direct([v], [g], whole, t)
        np.testing.assert_array_equal(np.concatenate(cut), d)


def test_the_method_of_a_factorization_takes_the_same_steps():
    rng = np.random.default_rng(2)
    method, form = Adam(), AdamForm()
    point = tuple(rng.standard_normal(shape) for shape in ((5, 2), (4, 2)))
    mine, kept, memory = [part.copy() for part in point], form.begin(point), method.init(point)
    for t in range(20):
        slope = tuple(rng.standard_normal(part.shape) for part in point)
        moved = method.step(None, point, Evaluation(0.0, slope, (), np.zeros(0)), 0.03, memory)
        d = form.direct(mine, [g.copy() for g in slope], kept, t)
        form.move(mine, d, 0.03, d)
        point, memory = moved.point, moved.memory
        for a, b in zip(point, mine, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-15)
    assert memory[-1] == 20
    assert memory[-1].shape == ()


@given(seed=st.integers(0, 10**6), decay=st.sampled_from([0.0, 0.03]))
def test_both_lines_are_what_any_quadratic_form_moves_by(seed, decay):
    form, rng = AdamForm(decay), np.random.default_rng(seed)
    c, v = rng.choice([-2.0, -1.0, 0.0, 1.0], 9), rng.standard_normal(9)

    def law(p, q):
        return (np.array([np.dot(c * p[0], q[0])]),)

    start, kept, lines = law([v], [v])[0], form.begin([v]), np.zeros(1)
    entries, memory = np.zeros(1), form.opened((start,))
    for t in range(30):
        eta, before = rng.uniform(0.0, 0.2), v.copy()
        d = form.direct([v], [rng.standard_normal(9)], kept, t)
        form.move([v], d, eta, [np.empty(9)])
        (added,), memory = form.booked(
            law, [v], d, kept, law(d, d), (start + entries,), eta, memory
        )
        entries, lines = entries + added, lines - 2 * eta * law([before], d)[0]
        np.testing.assert_allclose(entries, law([v], [v])[0] - start, rtol=0, atol=1e-11)
        np.testing.assert_allclose(memory[0], lines, rtol=0, atol=1e-11)
