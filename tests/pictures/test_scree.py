"""The spectrum: of the matrix as the run knows it, of the product as an SVD finds it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_runs import curves, marks, old, printed, same, subject
from hypothesis import given
from hypothesis import strategies as st
from matrices import of_kind, orthonormal

from mfact.pictures.drawing import Dots, Rule
from mfact.pictures.spectrum import product_values, spectrum
from mfact.run.solve import solve
from mfact.studies.differing import Subject


def with_factors(U, V):
    return replace(subject("constant").run, U=U, V=V)


def told(one, **changes):
    """The run with other things known of its matrix."""
    return Subject(one.name, replace(one.run, problem={**one.run.problem, **changes}))


@given(
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.integers(0, 2**32 - 1),
    st.floats(-6, 6),
    st.sampled_from(["float64", "float32"]),
)
def test_the_values_of_the_product_are_those_of_its_svd(shape, seed, apart, dtype):
    rng = np.random.default_rng(seed)
    r = int(rng.integers(1, min(shape) + 1))
    U, V = ((rng.standard_normal((d, r)) * s).astype(dtype)
            for d, s in zip(shape, (10**apart, 10**-apart), strict=True))  # fmt: skip
    truth = np.linalg.svd(U.astype(float) @ V.astype(float).T, compute_uv=False)[:r]
    found = product_values(with_factors(U, V))
    # Forming the product rounds it by about ε‖U‖‖V‖; what is left out is of that size.
    off = 16 * r * 2.0**-52 * np.linalg.norm(U) * np.linalg.norm(V)
    assert np.all(np.abs(np.where(np.isnan(found), 0.0, found) - truth) <= off)


def test_values_that_are_rounding_are_left_out_and_told():
    rng = np.random.default_rng(1)
    U, V = orthonormal(rng, 14, 3), orthonormal(rng, 11, 3)
    U[:, 2] = U[:, 0]
    V[:, 2] = -V[:, 0]
    run = with_factors(U, V)
    assert np.isnan(product_values(run)).tolist() == [False, True, True]
    picture = spectrum([Subject("a", run)])
    assert "singular values of UVᵀ that are rounding are not drawn" in picture.notes
    assert printed(picture)


def test_the_matrix_is_drawn_as_it_is_known_with_the_product_on_it():
    one = subject("constant")
    values, shares = spectrum([one]).panels
    known = curves(values)
    assert same(known["σᵢ of M"].y, one.run.problem["singular_values"])
    assert known["σᵢ of M"].x.tolist() == [1, 2, 3]
    sigma = np.linalg.svd(of_kind("noisy"), compute_uv=False)
    assert known["σᵢ of M"].y == pytest.approx(sigma[:3], rel=1e-9)
    assert known["σᵢ of UVᵀ"].y == pytest.approx(sigma[:2], rel=1e-4)  # to the root of --tol
    assert known["σᵢ of UVᵀ"].x.tolist() == [1, 2]
    (rule,) = marks(values, Rule)
    assert (rule.axis, rule.at, rule.label) == ("x", 2.0, "rank 2")
    explained = curves(shares)
    assert explained["M"].y == pytest.approx(np.cumsum(sigma**2)[:3] / np.sum(sigma**2), rel=1e-9)
    rest = np.linalg.norm(one.run.U @ one.run.V.T - of_kind("noisy")) ** 2 / np.sum(sigma**2)
    assert explained["UVᵀ"].y == pytest.approx([1 - rest], rel=1e-9)
    assert explained["UVᵀ"].x.tolist() == [2]


def test_where_the_first_value_is_nearly_all_what_is_left_is_drawn():
    sigma = np.array([100.0, 3.0, 1.0])
    M = np.diag(sigma)
    run = solve(M, rank=2, schedule="constant", seed=1, max_iter=50, force=True)
    values, left = spectrum([Subject("a", run)]).panels
    assert values.y.log
    assert left.y.log
    rest = 1 - np.cumsum(sigma**2) / np.sum(sigma**2)
    shown = curves(left)["M"].y
    assert shown[:2] == pytest.approx(rest[:2], rel=1e-9)
    assert np.isnan(shown[2])  # nothing is left but rounding
    residual = run.summary["relative_residual"] ** 2
    assert curves(left)["UVᵀ"].y == pytest.approx([residual])


def test_values_that_are_not_known_to_a_digit_are_left_out():
    one = told(
        subject("constant"),
        singular_values=[3.0, 2.0, 0.1],
        singular_values_error=[1e-9, 1e-3, 0.2],
    )
    picture = spectrum([one])
    assert same(curves(picture.panels[0])["σᵢ of M"].y, [3.0, 2.0, np.nan])
    assert "singular values of M that are not known to a digit are not drawn" in picture.notes


def test_a_run_that_does_not_know_the_matrix_shows_its_own_values():
    one = told(subject("constant"), singular_values=None, singular_values_error=None)
    values, shares = (picture := spectrum([one])).panels
    assert [*curves(values)] == ["σᵢ of UVᵀ"]
    assert [*curves(shares)] == ["UVᵀ"]
    assert picture.notes == ("the singular values of M are not known",)


def test_of_several_ranks_what_one_run_knows_of_the_matrix_is_enough():
    two, one = subject("constant"), subject("rank 1")
    values, shares = spectrum([one, two]).panels
    found = curves(values)
    assert [*found] == ["σᵢ of M", "rank 1", "rank 2"]
    assert same(found["σᵢ of M"].y, two.run.problem["singular_values"])
    assert not marks(values, Rule)
    assert [mark.x.tolist() for mark in curves(shares).values()][1:] == [[1], [2]]
    assert found["rank 1"].pen.width > found["rank 2"].pen.width


def test_seeds_share_their_dots_and_label():
    values, _ = spectrum([subject("constant", seed) for seed in (1, 2, 3)]).panels
    (dots,) = marks(values, Dots)
    assert dots.label == "3 seeds"
    assert dots.x.tolist() == [1, 2] * 3


def test_matrices_have_a_line_each():
    run = solve(np.diag([5.0, 1.0]), rank=1, schedule="constant", seed=1)
    other = Subject("b", replace(run, problem={**run.problem, "name": "other"}))
    values, _ = spectrum([subject("rank 1"), other]).panels
    assert [*curves(values)] == ["σᵢ of array", "σᵢ of other", "array", "other"]


def test_a_residual_above_the_matrix_explains_nothing():
    picture = spectrum([subject("diverging")])
    assert subject("diverging").run.summary["relative_residual"] > 1
    assert "of a run with ‖UVᵀ − M‖ > ‖M‖ nothing is explained" in picture.notes
    assert printed(picture)


@pytest.mark.parametrize("name", ["none", "endless", "no gap"])
def test_runs_of_all_ends_are_drawn(name):
    assert printed(spectrum([subject(name)]))


def test_a_run_of_format_1_is_drawn():
    values, _ = spectrum([old()]).panels
    assert same(curves(values)["σᵢ of M"].y, old().run.problem["singular_values"])
