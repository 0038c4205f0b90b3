"""A run that is cut and resumed is the run that was never cut, bit for bit."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import pytest
from cut_runs import EXAMPLES, Cut, assert_same, finished
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import of_kind

from mfact.core import Outcome
from mfact.host.timer import Timer
from mfact.run.solve import resume, solve

CONSTANT = {"rank": 2, "schedule": "constant", "modes": "on"}


# Name -> the matrix and the options: every engine, schedule, objective and way to end.
PLAIN: dict[str, tuple[str, dict[str, Any]]] = {
    "direct": ("noisy", {**CONSTANT, "engine": "direct"}),
    "direct, decaying": ("noisy", {"rank": 2, "engine": "direct", "max_iter": 150}),
    "reduced": ("tie", {**CONSTANT, "engine": "reduced"}),
    "noise": ("noise", {**CONSTANT, "rank": 3}),
    "beyond memory": ("noisy", {**CONSTANT, "max_basis_bytes": 1500}),
    "no fast-forward": ("noisy", {"rank": 2, "fast_forward": "off", "tol": 1e-8}),
    "theorem 3.2": ("noisy", {"rank": 1}),
    "certified": ("rank two", {"rank": 2, "schedule": "certified", "eps": 1.0}),
    "balanced": ("noisy", {**CONSTANT, "objective": "balanced", "balance_weight": 0.3}),
    "float32": ("noisy", {**CONSTANT, "dtype": "float32", "tol": 1e-5}),
    "float32, decaying": ("noisy", {"rank": 2, "dtype": "float32", "tol": 1e-4}),
    "escape": ("tie", {**CONSTANT, "escape": True, "tol_gradient": 1e-2, "start_scale": 1e-6}),
    "denied": ("tie", {**CONSTANT, "tol_gradient": 0.1, "patience": 3, "start_scale": 1e-9}),
    "patience": ("tie", {**CONSTANT, "patience": 20, "tol": 0.0, "optimum": False}),
    "no optimum": ("noisy", {**CONSTANT, "optimum": False}),
    "spectral": ("tie", {**CONSTANT, "start": "spectral", "start_scale": 0.1}),
    "unbalanced, every": ("noisy", {**CONSTANT, "start": "unbalanced", "every": 7}),
    "diverging": ("noisy", {**CONSTANT, "step_size": 0.9}),
    "diverging, direct": ("noisy", {**CONSTANT, "step_size": 0.9, "engine": "direct"}),
    "limit": ("tie", {**CONSTANT, "max_iter": 97}),
}


@cache
def uncut(name: str) -> Any:
    kind, options = PLAIN[name]
    return solve(of_kind(kind), seed=1, **options)


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAIN)
@settings(max_examples=EXAMPLES)
@given(first=st.floats(0, 1), second=st.floats(0, 1), block=st.integers(1, 40))
def test_cut_twice_at_random_steps(tmp_path_factory, name, first, second, block):
    kind, options = PLAIN[name]
    M, whole = of_kind(kind), uncut(name)
    path = tmp_path_factory.mktemp("cut") / "run.checkpoint"
    length = whole.summary["iterations"]
    cuts = sorted((first * length, second * length))
    result = solve(
        M, seed=1, checkpoint=str(path), observers=[Cut(cuts[0])], signals=True, block=block,
        **options,
    )  # fmt: skip
    if result.outcome is Outcome.INTERRUPTED:
        assert result.summary["iterations"] > cuts[0]
        result = resume(str(path), M, observers=[Cut(cuts[1])], signals=True, block=block)
    assert_same(whole, finished(result, path, M), same_blocks=False)


@pytest.mark.parametrize("name", ["diverging", "diverging, direct", "escape"])
def test_cut_at_every_single_step(tmp_path, name):
    kind, options = PLAIN[name]
    M, path = of_kind(kind), tmp_path / "run.checkpoint"
    for step in range(uncut(name).summary["iterations"] + 1):
        result = solve(
            M, seed=1, checkpoint=str(path), observers=[Cut(step)], signals=True, block=1, **options
        )
        assert_same(uncut(name), finished(result, path, M), same_blocks=False)


@pytest.mark.parametrize("limit", [1, 2, 50, 1000])
@pytest.mark.parametrize("name", ["reduced", "direct"])
def test_a_higher_step_limit_goes_on(tmp_path, name, limit):
    kind, options = PLAIN[name]
    M, path = of_kind(kind), str(tmp_path / "c")
    options = {**options, "seed": 1, "engine": name}
    whole = solve(M, max_iter=5000, **options)
    cut = solve(M, max_iter=limit, checkpoint=path, **options)
    if cut.outcome is Outcome.ITERATION_LIMIT:
        assert cut.summary["iterations"] == limit
        assert_same(whole, resume(path, M, max_iter=5000), changed=("max_iter",))
    else:
        assert whole.summary["iterations"] <= limit


def test_an_engine_chosen_for_a_low_limit_is_kept_and_still_ends_by_the_gap(tmp_path):
    M, path = of_kind("noisy"), str(tmp_path / "c")
    cut = solve(M, max_iter=2, checkpoint=path, seed=1, **CONSTANT)
    assert "direct" in cut.settings["engine"]["used"]
    went_on = resume(path, M, max_iter=5000)
    assert went_on.outcome is Outcome.GLOBAL_OPTIMUM
    whole = solve(M, max_iter=5000, seed=1, engine="direct", **CONSTANT)
    assert_same(whole, went_on, changed=("max_iter", "engine"))


@pytest.mark.parametrize("seconds", [3, 15, 41])
@pytest.mark.parametrize("name", ["reduced", "direct"])
def test_a_higher_time_limit_goes_on(tmp_path, name, seconds):
    """By a clock on which each look takes a second."""
    kind, options = PLAIN[name]
    M, path = of_kind(kind), str(tmp_path / "c")
    timer = Timer(now=itertools.count().__next__)
    cut = solve(M, max_time=seconds, checkpoint=path, seed=1, timer=timer, block=5, **options)
    if name == "reduced" or seconds < 41:  # by which the direct run has ended
        assert cut.outcome is Outcome.TIME_LIMIT
        went_on = resume(path, M, max_time=1e6)
        assert_same(uncut(name), went_on, changed=("max_time",), same_blocks=False)


def test_seconds_add_up(tmp_path):
    M, path = of_kind("tie"), tmp_path / "c"
    options = PLAIN["reduced"][1]
    part = solve(M, seed=1, checkpoint=str(path), observers=[Cut(100)], signals=True, **options)
    assert finished(part, path, M).summary["seconds"] > part.summary["seconds"] > 0
