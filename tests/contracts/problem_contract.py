"""What every problem must hold to; a new one is a subclass with two methods."""

from __future__ import annotations

import numpy as np
import pytest

STEP = 1e-3


class ProblemContract:
    """problem() is one, and point(seed) a point of it of ordinary size."""

    smooth = 2.0  # the order to which f is its Taylor polynomial of first order

    def problem(self):
        raise NotImplementedError

    def point(self, seed):
        raise NotImplementedError

    def objective(self, problem, point):
        """f with its penalty, formed another way."""
        raise NotImplementedError

    @pytest.mark.parametrize("seed", range(4))
    def test_the_gradient_is_the_slope(self, seed):
        """F(θ + hd) − F(θ) − h⟨∇F, d⟩ falls like h²."""
        problem, point, d = self.problem(), self.point(seed), self.point(seed + 100)
        slope = sum(float(np.vdot(g, x)) for g, x in zip(self.gradient(point), d, strict=True))

        def rest(h):
            moved = tuple(x + h * y for x, y in zip(point, d, strict=True))
            change = self.objective(problem, moved) - self.objective(problem, point)
            return abs(change - h * slope)

        order = np.log10(rest(10 * STEP) / rest(STEP))
        assert order == pytest.approx(self.smooth, abs=0.1)

    def gradient(self, point):
        at = self.problem().evaluate(point)
        assert len(at.gradient) == len(point)
        assert all(g.shape == x.shape for g, x in zip(at.gradient, point, strict=True))
        return at.gradient

    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("eta", [1e-3, 0.1, 2.0])
    def test_the_law_of_a_step(self, seed, eta):
        """D(θ − η∇f) = D(θ) + η·pull(θ) + η²D(∇f), to rounding of its terms."""
        problem, point = self.problem(), self.point(seed)
        gradient = self.gradient(point)
        moved = tuple(x - eta * g for x, g in zip(point, gradient, strict=True))
        size = sum(
            np.sum(x**2) + eta**2 * np.sum(g**2) for x, g in zip(point, gradient, strict=True)
        )
        for after, before, pull, square in zip(
            problem.balance(moved),
            problem.evaluate(point).balance,
            problem.pull(problem.evaluate(point).seen),
            problem.balance(gradient),
            strict=True,
        ):
            assert np.allclose(after, before + eta * pull + eta**2 * square, atol=1e-13 * size)

    @pytest.mark.parametrize("seed", range(4))
    def test_balance_is_a_quadratic_form(self, seed):
        """D(cθ) = c²D(θ), and the parallelogram law."""
        problem, one, two = self.problem(), self.point(seed), self.point(seed + 7)
        form = [
            problem.balance(p)
            for p in (
                one,
                two,
                tuple(3.0 * x for x in one),
                tuple(x + y for x, y in zip(one, two, strict=True)),
                tuple(x - y for x, y in zip(one, two, strict=True)),
            )
        ]
        for D, E, scaled, plus, minus in zip(*form, strict=True):
            assert np.allclose(scaled, 9.0 * D)
            assert np.allclose(plus + minus, 2 * D + 2 * E)

    def test_columns_take_many_points_as_they_take_one(self):
        problem, points = self.problem(), [self.point(seed) for seed in range(3)]
        found = [problem.evaluate(p) for p in points]
        seen = np.array([at.seen for at in found])
        values = np.array([at.value for at in found])
        norms = np.array([sum(np.vdot(D, D) for D in at.balance) ** 0.5 for at in found])
        whole = problem.columns(seen, values, norms)
        assert np.array_equal(whole["loss"], values)
        for i in range(3):
            one = problem.columns(seen[i : i + 1], values[i : i + 1], norms[i : i + 1])
            assert one.keys() == whole.keys()
            for name, column in whole.items():
                assert column[i] == pytest.approx(one[name][0], rel=1e-14), name

    def test_nothing_is_changed_in_place(self):
        problem, point = self.problem(), self.point(1)
        before = [x.copy() for x in point]
        problem.evaluate(point)
        problem.balance(point)
        problem.pull(problem.evaluate(point).seen)
        assert all(np.array_equal(x, y) for x, y in zip(before, point, strict=True))
