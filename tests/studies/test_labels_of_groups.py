"""What runs that are drawn together are called."""

from __future__ import annotations

import pytest

from mfact.run.solve import solve
from mfact.studies.differing import Subject, by_seed, labels


@pytest.fixture(scope="module")
def runs():
    """By schedule and seed; the engine chosen, or asked for."""
    M = [[3.0, 0.0], [4.0, 1.0]]
    return {
        (schedule, seed): solve(M, rank=1, seed=seed, schedule=schedule, max_iter=9, force=True)
        for schedule in ("constant", "power")
        for seed in (1, 2, 3, 4)
    }


def test_a_group_tells_no_seed_of_its_first_run(runs):
    subjects = [Subject(f"{s}{i}", runs[s, i]) for s, i in
                (("constant", 1), ("constant", 2), ("power", 3), ("power", 4))]  # fmt: skip
    assert [group.label for group in by_seed(subjects)] == ["constant, 2 seeds", "power, 2 seeds"]
    assert labels(subjects)[2] == "power, seed 3"


def test_runs_of_one_seed_are_not_called_seeds(runs):
    twice = [Subject("a", runs["constant", 1]), Subject("b", runs["constant", 1])]
    assert [group.label for group in by_seed(twice)] == ["2 runs"]
    seeds = [Subject("a", runs["constant", 1]), Subject("b", runs["constant", 2])]
    assert [group.label for group in by_seed(seeds)] == ["2 seeds"]


def test_an_engine_is_told_without_why_it_was_chosen():
    M = [[3.0, 0.0], [4.0, 1.0]]
    chosen, asked = (solve(M, rank=1, seed=1, schedule="constant", engine=engine)
                     for engine in ("auto", "direct"))  # fmt: skip
    assert labels([Subject("a", chosen), Subject("b", asked)]) == ["reduced", "direct"]
