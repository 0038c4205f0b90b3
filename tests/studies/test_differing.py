"""What several runs differ in, told in words: all that differs, and nothing that does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfact.run.solve import solve
from mfact.studies.differing import ASIDE, Subject, by_seed, differences, labels, names

M = np.diag([3.0, 2.0, 1.0])
PLAIN = solve(M, rank=1, seed=1, max_iter=2)


def run(**settings):
    """The plain run as if it had been asked for otherwise; no step of it is taken again."""
    changed = {n: {"value": v, "source": "flag"} for n, v in settings.items()}
    return replace(PLAIN, settings={**PLAIN.settings, **changed})


def of(*runs, names=None):
    names = names or [f"{i}.run.h5" for i in range(len(runs))]
    return [Subject(name, each) for name, each in zip(names, runs, strict=True)]


def test_equal_runs_differ_in_nothing_and_are_called_by_their_files():
    subjects = of(run(), run(), names=["a/one.h5", "a/two.h5"])
    assert differences(subjects) == {}
    assert labels(subjects) == ["one.h5", "two.h5"]


def test_files_of_one_name_are_told_apart_by_their_folders():
    assert names(of(run(), run(), names=["a/x/M.h5", "b/x/M.h5"])) == ["a/x/M.h5", "b/x/M.h5"]
    assert names(of(run(), run(), names=["a/M.h5", "./b/M.h5"])) == ["a/M.h5", "b/M.h5"]


def test_one_difference_is_all_that_a_label_says():
    subjects = of(run(schedule="constant"), run(schedule="power"))
    assert labels(subjects) == ["constant", "power"]
    assert labels(of(run(rank=5), run(rank=10))) == ["rank 5", "rank 10"]


def test_what_was_left_to_be_chosen_is_told_as_it_was_chosen():
    chosen = {**PLAIN.settings, "schedule": {"value": "auto", "used": "power", "source": "default"}}
    subjects = of(run(schedule="constant"), replace(PLAIN, settings=chosen))
    assert differences(subjects) == {"schedule": ["constant", "power"]}


def test_two_matrices_are_a_difference():
    other = replace(PLAIN, problem={**PLAIN.problem, "name": "B.h5:/X", "dataset": "/X"})
    assert labels(of(PLAIN, other)) == [PLAIN.problem["name"], "B.h5:/X"]


@pytest.mark.parametrize("name", sorted(ASIDE & PLAIN.settings.keys()))
def test_what_changes_no_step_is_no_difference(name):
    assert differences(of(run(**{name: 1}), run(**{name: 2}))) == {}


def test_a_run_without_an_option_of_another_is_told_by_a_dash():
    fewer = replace(PLAIN, settings={n: e for n, e in PLAIN.settings.items() if n != "escape"})
    assert differences(of(fewer, run(escape=True))) == {"escape": ["-", "yes"]}


def test_what_means_nothing_with_the_other_options_is_no_part_of_a_label():
    subjects = of(run(schedule="constant"), run(schedule="power", delta=0.2))
    assert differences(subjects) == {"schedule": ["constant", "power"], "delta": ["-", "0.2"]}
    assert labels(subjects) == ["constant", "power, delta 0.2"]


def test_many_differences_are_left_to_a_table():
    subjects = of(run(), run(rank=3, schedule="power", tol=1e-3, delta=0.1))
    assert len(differences(subjects)) == 4
    assert labels(subjects) == ["0.run.h5", "1.run.h5"]


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["constant", "power"])), min_size=1,
                max_size=8))  # fmt: skip
def test_runs_of_one_group_differ_in_the_seed_alone_and_none_is_lost(drawn):
    subjects = of(*(run(seed=seed, schedule=schedule) for seed, schedule in drawn))
    groups = by_seed(subjects)
    assert sorted(id(s) for group in groups for s in group.subjects) == sorted(map(id, subjects))
    assert len({group.label for group in groups}) == len(groups)
    if len(groups) < len(subjects):
        kinds = [{s.run.settings["schedule"]["value"] for s in g.subjects} for g in groups]
        assert all(len(kind) == 1 for kind in kinds)
        assert len(groups) == len({schedule for _, schedule in drawn})


def test_a_group_says_how_many_seeds_it_has():
    subjects = of(*(run(seed=s, schedule=k) for k in ("constant", "power") for s in (1, 2, 3)))
    assert [group.label for group in by_seed(subjects)] == ["constant, 3 seeds", "power, 3 seeds"]
    assert [group.label for group in by_seed(subjects[:3])] == ["3 seeds"]
