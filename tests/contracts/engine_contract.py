"""What every engine must hold to: how a run is cut changes no bit; a state is all there is."""

from __future__ import annotations

import json

import numpy as np
import pytest
from driving import drive
from matrices import setting
from methods_by_hand import by_hand

from mfact.core import Factors, Plain
from mfact.engines.snapshots import pack, unpack
from mfact.methods.gradient_descent import GradientDescent
from mfact.trace import GRAMS

SHAPE, RANK = (50, 40), 3
STEPS = np.full(520, 0.04)


class EngineContract:
    """make(M, weight) is a fresh engine for the matrix M and objective λ = weight, by `method`,
    steps as long as `share` of STEPS.
    """

    method = GradientDescent()
    share = 1.0

    def make(self, M, weight):
        raise NotImplementedError

    def setting(self):
        return setting(6, SHAPE, RANK, 0.02)

    @pytest.mark.parametrize("weight", [0.0, 1.0, 0.3])
    def test_its_iterates_are_those_of_the_plain_loop(self, weight):
        M, start = self.setting()
        engine = self.make(M, weight)
        steps = self.share * STEPS[:200]
        states, rows = drive(engine, engine.start(start), steps)
        points = by_hand(self.method, M, *start, steps, weight)
        for state, (U, V) in zip(states, points, strict=True):
            mine = state.coordinates.leave(state.point)
            assert isinstance(mine, Factors)
            size = np.hypot(np.linalg.norm(U), np.linalg.norm(V))
            assert np.hypot(np.linalg.norm(mine.U - U), np.linalg.norm(mine.V - V)) <= 1e-12 * size
        assert rows["audit"].max() <= 1e-12 * (rows["size_U"] + rows["size_V"]).max()

    @pytest.mark.parametrize("weight", [0.0, 0.3])
    def test_going_on_from_any_state_repeats_the_rest(self, weight):
        """A state is all that the next step depends on, also through a checkpoint."""
        M, start = self.setting()
        engine = self.make(M, weight)
        steps = self.share * STEPS
        whole, rows = drive(engine, engine.start(start), steps)
        for cut in (1, 17, 255, 256, 257, 500):
            arrays, numbers = pack(whole[cut])
            again = unpack(arrays, json.loads(json.dumps(numbers)))
            rest, same = drive(self.make(M, weight), again, steps[cut:], lambda t: 37)
            assert same_bits(whole[-1], rest[-1])
            for name in rows.keys() - {GRAMS}:  # which are told as they lie in a buffer
                assert np.array_equal(rows[name][cut:], same[name], equal_nan=True), name

    def test_moved_goes_on_from_other_factors(self):
        """The ledger closes over the jump: its start makes up for it."""
        M, start = self.setting()
        engine = self.make(M, 0.3)
        states, _ = drive(engine, engine.start(start), self.share * STEPS[:30])
        state = states[-1]
        X, Y = state.coordinates.factors(state.point)
        state = engine.moved(state, Factors(1.1 * X, 0.9 * Y))
        U, V = state.coordinates.leave(state.point)
        (before, after) = (states[-1].coordinates.leave(states[-1].point), Factors(U, V))
        assert np.allclose(after.U, 1.1 * before.U, atol=1e-13)
        assert np.allclose(after.V, 0.9 * before.V, atol=1e-13)
        _, rows = drive(engine, state, self.share * STEPS[:100])
        assert rows["audit"].max() <= 1e-12 * (rows["size_U"] + rows["size_V"]).max()

    def test_a_closer_look_leaves_the_factors_where_they_are(self):
        M, start = self.setting()
        engine = self.make(M, 0.0)
        states, _ = drive(engine, engine.start(start), self.share * STEPS[:60])
        U, V = states[-1].coordinates.leave(states[-1].point)
        for look in (lambda s: engine.sharpened(s, 1e-8), engine.seen):
            state = look(states[-1])
            mine = state.coordinates.leave(state.point)
            assert np.allclose(mine.U, U, atol=1e-12 * np.linalg.norm(U))
            assert np.allclose(mine.V, V, atol=1e-12 * np.linalg.norm(V))
            known = state.coordinates.optimum
            plain = isinstance(state.coordinates, Plain)
            assert plain or known.k == RANK
            assert (state.coordinates.size is None) == plain


def same_bits(a, b):
    """Two states, to the last bit."""
    (arrays, numbers), (others, more) = pack(a), pack(b)
    return (
        json.dumps(numbers, sort_keys=True) == json.dumps(more, sort_keys=True)
        and arrays.keys() == others.keys()
        and all(arrays[name].tobytes() == others[name].tobytes() for name in arrays)
    )
