"""Matrices that cannot be centred, or leave nothing: each is refused in a line that helps."""

from __future__ import annotations

import numpy as np
import pytest
from centred_by_hand import KINDS
from contracts.holders import HOLDERS
from hypothesis import given
from hypothesis import strategies as st

from mfact.errors import DataError, SettingsError
from mfact.run.solve import solve

OPTIONS = {"rank": 1, "seed": 1, "schedule": "constant", "max_iter": 5}
ENTRIES = np.clip(np.random.default_rng(1).standard_normal((30, 20)), -3, 3)


def refusal(A, kind, holder="dense", error=DataError, **options):
    with pytest.raises(error) as refused:
        solve(HOLDERS[holder](A), center=kind, **{**OPTIONS, **options})
    assert "\n" not in str(refused.value)
    return refused.value


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("kind", KINDS)
@given(
    value=st.floats(1e-6, 1e6) | st.integers(1, 1000).map(float),
    shape=st.tuples(st.integers(2, 40), st.integers(2, 40)),
)
def test_of_a_constant_matrix_nothing_is_left(kind, holder, value, shape):
    refused = refusal(np.full(shape, value), kind, holder)
    assert "less its means the matrix is rounding: " in refused.sentence
    assert refused.way_out == "leave --center out"
    assert solve(HOLDERS[holder](np.full(shape, value)), **OPTIONS).mean is None


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize(("kind", "lines"), [("columns", (1, 20)), ("rows", (30, 1))])
def test_nor_of_constant_lines_and_other_means_leave_something(kind, lines, holder):
    A = np.random.default_rng(2).standard_normal(lines) + np.zeros((30, 20))
    assert "is rounding: " in refusal(A, kind, holder).sentence
    for other in {*KINDS} - {kind}:
        assert solve(HOLDERS[holder](A), center=other, **OPTIONS).mean.size > 0


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 9), (9, 1)])
def test_of_a_single_line_its_own_means_leave_nothing(kind, shape, holder):
    A, other = np.random.default_rng(3).standard_normal(shape), {(1, 9): "columns", (9, 1): "rows"}
    if kind == other[shape]:
        assert "is rounding: " in refusal(A, kind, holder).sentence
    else:
        assert solve(HOLDERS[holder](A), center=kind, **OPTIONS).mean.shape == (1,)


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_offset_beyond_the_digits_leaves_rounding(kind, holder):
    for mean in (1e15, -1e16, 1e100):
        assert "is rounding: " in refusal(ENTRIES + mean, kind, holder).sentence
    single = (ENTRIES + 1e7).astype(np.float32)
    assert "is rounding: " in refusal(single, kind, holder, dtype="float32").sentence
    assert solve(HOLDERS[holder](ENTRIES + 1e7), center=kind, **OPTIONS).mean.size > 0


@pytest.mark.parametrize("holder", ["dense", "Fortran", "sparse", "slabs of rows"])
@pytest.mark.parametrize("kind", [*KINDS, "none"])
@pytest.mark.parametrize("size", [1e200, 5e307, 1e-200, 1e60, 1e-60])
def test_entries_beyond_squares_are_told_what_to_divide_by(kind, size, holder):
    A = ENTRIES * size
    refused = refusal(A, kind, holder)
    assert "between" in refused.sentence
    unit = refused.way_out.removeprefix("divide the matrix by ")
    factor = np.abs(A).max() if unit == "its largest entry" else float(unit)
    assert solve(HOLDERS[holder](A / factor), center=kind, **OPTIONS).U.size == 30


@pytest.mark.parametrize("holder", ["dense", "Fortran", "slabs of rows", "slabs of columns"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_told_as_without_means(kind, bad, holder):
    A = ENTRIES.copy()
    A[[3, 17], [4, 0]] = bad
    assert str(refusal(A, kind, holder)) == str(refusal(A, "none", holder))


def test_a_tolerance_that_the_means_hide_is_refused_and_the_one_that_is_told_is_met():
    A = ENTRIES[:, :2] @ np.diag([9.0, 1.0]) @ ENTRIES[:2] + 3e9
    given = {"sources": {"tol": "flag"}, "rank": 2, "max_iter": 10**5, "tol": 1e-10}
    for kind in KINDS:
        refused = refusal(A, kind, error=SettingsError, **given)
        assert "--tol 1e-10 is below what float64 can tell" in refused.sentence
        assert "ε²‖A − M‖_F²/σ_2²" in refused.sentence
        tol = float(refused.way_out.removeprefix("use --tol "))
        run = solve(A, center=kind, **{**OPTIONS, **given, "tol": tol})
        assert run.outcome.name == "GLOBAL_OPTIMUM"
        assert run.summary["gap"] + run.summary["gap_bound"] <= tol


def test_a_tolerance_beyond_a_component_says_so_with_a_way_out_that_fits_it():
    A = ENTRIES[:, :2] @ np.diag([0.01, 0.001]) @ ENTRIES[:2] + 285
    told = solve(A, center="mean", **{**OPTIONS, "rank": 2, "dtype": "float32"}).summary["notes"]
    said = "whether component 2 is fitted is not told then: use --dtype float64"
    assert any(said in note for note in told), told
    run = solve(A, center="mean", **{**OPTIONS, "rank": 2, "max_iter": 10**5})
    assert run.outcome.name == "GLOBAL_OPTIMUM"
    assert not any("is not told" in note for note in run.summary.get("notes", ()))
