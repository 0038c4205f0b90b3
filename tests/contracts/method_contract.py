"""What every method must hold to; a new one is a subclass that says which."""

from __future__ import annotations

import numpy as np
import pytest
from matrices import orthonormal, setting

from mfact.engines.direct import DirectEngine
from mfact.engines.snapshots import pack, unpack
from mfact.problems.factorization import Factorization
from mfact.targets.dense import DenseTarget

SHAPE, RANK = (7, 5), 2
STEPS = np.full(40, 0.02)


class MethodContract:
    method = None
    weights = (0.0, 1.0, 2.5)

    def setting(self, weight, seed=3):
        M, point = setting(seed, SHAPE, RANK, 1.0)
        return Factorization(DenseTarget(M), weight), point

    def states(self, problem, point, steps=STEPS):
        engine = DirectEngine(problem, self.method)
        state, seen, rows = engine.start(point), [], []
        while state.step < len(steps):
            segment = engine.advance(state, steps[state.step :])
            rows.append(segment.rows)
            seen += [segment.state_at(i) for i in range(len(segment.rows["step"]))]
            state = segment.state
        return [*seen, state], {n: np.concatenate([r[n] for r in rows]) for n in rows[0]}

    @pytest.mark.parametrize("weight", weights)
    def test_its_law_closes(self, weight):
        """What the law says that the steps add to D is what they have added, to rounding."""
        problem, point = self.setting(weight)
        states, rows = self.states(problem, point)
        size = max(sum(np.sum(x**2) for x in s.point) for s in states)
        assert rows["audit"].max() <= 1e-13 * size
        assert rows["drift"].max() >= 1e-6 * size  # and it has something to say
        last, first = states[-1], states[0]
        for D, D_0, entries in zip(
            problem.balance(last.point), first.ledger.start, last.ledger.entries, strict=True
        ):
            assert np.allclose(D - D_0, entries, atol=1e-13 * size)

    def test_it_commutes_with_rotations_as_it_says(self):
        problem, point = self.setting(1.0)
        rng = np.random.default_rng(1)
        L, Q = (orthonormal(rng, d, d) for d in SHAPE)
        turned = Factorization(
            DenseTarget(L @ problem.target.products(np.eye(SHAPE[0]), np.eye(SHAPE[1]))[0] @ Q.T),
            1.0,
        )
        one, _ = self.states(problem, point)
        other, _ = self.states(turned, (L @ point[0], Q @ point[1]))
        U, V = one[-1].point
        same = np.allclose(other[-1].point[0], L @ U, atol=1e-12) and np.allclose(
            other[-1].point[1], Q @ V, atol=1e-12
        )
        assert same == self.method.commutes_with_rotation

    def test_memory_comes_through_a_checkpoint(self):
        problem, point = self.setting(0.5)
        whole, _ = self.states(problem, point)
        engine = DirectEngine(problem, self.method)
        for cut in (1, 17, 33):
            state = unpack(*pack(whole[cut]))
            while state.step < len(STEPS):
                state = engine.advance(state, STEPS[state.step :]).state
            end = whole[-1]
            for mine, theirs in zip(state.point, end.point, strict=True):
                assert mine.tobytes() == theirs.tobytes()
            for mine, theirs in zip(state.memory, end.memory, strict=True):
                assert mine.tobytes() == theirs.tobytes()
            assert all(map(np.array_equal, state.ledger.entries, end.ledger.entries))

    def test_nothing_is_changed_in_place(self):
        problem, point = self.setting(1.0)
        before = [x.copy() for x in point]
        self.states(problem, point)
        assert all(np.array_equal(x, y) for x, y in zip(before, point, strict=True))

    def test_float32_stays_float32(self):
        _, point = self.setting(0.0)
        single = Factorization(DenseTarget(np.ones(SHAPE, np.float32)), 0.0)
        states, _ = self.states(single, tuple(x.astype(np.float32) for x in point))
        assert {part.dtype for part in states[-1].point} == {np.dtype(np.float32)}
