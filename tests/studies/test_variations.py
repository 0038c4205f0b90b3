"""Runs that differ in chosen options are the runs that each would be alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mfact.errors import MemoryPlanError, SettingsError
from mfact.methods.choice import METHODS
from mfact.run.solve import solve
from mfact.settings import SCHEDULES, STARTS, RunSettings
from mfact.studies.differing import Subject
from mfact.studies.making import Made
from mfact.studies.variations import ALL, MOST, Refused, choices, require_all, variations
from mfact.targets.door import held

RNG = np.random.default_rng(7)
M = RNG.standard_normal((9, 3)) @ RNG.standard_normal((3, 7))
ASKED = RunSettings(rank=2, seed=4, schedule="constant")


def all_of(settings, varied, matrix=M):
    runs = variations(settings, varied)
    return [
        *Made(
            lambda kind: held(matrix, kind),
            runs,
            lambda M, run, found: solve(M, run.settings, refuse=True, found=found),
        )
    ]


def test_each_run_is_bit_for_bit_the_one_that_solve_makes():
    found = all_of(ASKED, {"rank": (1, 3), "objective": ("plain", "balanced")})
    alone = [solve(M, ASKED, rank=r, objective=o) for r in (1, 3) for o in ("plain", "balanced")]
    assert len(found) == len(alone)
    for each, run in zip(found, alone, strict=True):
        assert np.array_equal(each.run.U, run.U)
        assert np.array_equal(each.run.V, run.V)
        assert each.run.summary["iterations"] == run.summary["iterations"]


def test_the_matrix_is_read_once_for_each_kind_of_numbers():
    reads = []

    def hold(kind):
        reads.append(kind)
        return held(M, kind)

    runs = variations(ASKED, {"dtype": ("float64", "float32"), "seed": (1, 2, 3)})
    count = len([*Made(hold, runs, lambda M, run, found: solve(M, run.settings))])
    assert (count, reads) == (6, ["float64", "float32"])


def test_all_have_one_seed_where_none_was_given():
    seeds = {run.settings.seed for run in variations(RunSettings(rank=1), {"rank": (1, 2, 3)})}
    assert len(seeds) == 1
    assert None not in seeds


def test_a_forecast_beyond_the_limits_takes_the_place_of_its_run_alone():
    found = all_of(ASKED, {"schedule": ("power", "constant"), "max_iter": (3000,),
                           "fast_forward": ("off",)})  # fmt: skip
    assert [type(each) for each in found] == [Refused, Subject]
    assert "forecast" in str(found[0].error)


@pytest.mark.parametrize(
    ("varied", "word"),
    [
        ({"ranks": (1,)}, "no option"),
        ({"checkpoint": ("a", "b")}, "changes no result"),
        ({"seed": ()}, "over nothing"),
        ({"method": "adam"}, "no list"),
        ({"rank": "all"}, "no list of all its values"),
        ({"seed": tuple(range(MOST + 1))}, "vary less"),
    ],
)
def test_what_cannot_be_varied_is_refused(varied, word):
    with pytest.raises(SettingsError, match=word):
        variations(ASKED, varied)


def test_all_are_looked_at_before_the_first_runs():
    runs = variations(ASKED, {"rank": (1, 8)})
    with pytest.raises(SettingsError, match="rank 8 is above"):
        require_all(held(M, "float64"), runs, [])
    with pytest.raises(SettingsError, match="--rank is not given"):
        require_all(held(M, "float64"), variations(RunSettings(rank=None), {"seed": (1,)}), [])


def test_results_that_would_not_fit_are_refused():
    class Large:
        shape, needed = (10**12, 10**12), 0

    with pytest.raises(MemoryPlanError, match="compare fewer runs"):
        require_all(Large, variations(ASKED, {"seed": (1, 2)}), [])


def test_an_option_that_means_nothing_in_some_is_left_out_of_these():
    runs = variations(ASKED, {"schedule": ("constant", "power")}, ["seed", "schedule", "delta"])
    assert [run.left for run in runs] == [("delta",), ()]
    runs = variations(ASKED, {"start": ("gaussian", "a.npz")}, ["seed"])
    assert [run.settings.seed for run in runs] == [ASKED.seed, None]
    assert [run.sources({"seed": "flag"}, "flag")["seed"] for run in runs] == ["flag", "default"]


def test_combinations_that_are_the_same_are_run_once():
    runs = variations(ASKED, {"delta": (0.1, 0.2), "schedule": ("constant", "power")})
    names = ["schedule=constant", "delta=0.1,schedule=power", "delta=0.2,schedule=power"]
    assert [run.name for run in runs] == names


def test_an_option_that_means_nothing_anywhere_is_refused():
    runs = variations(ASKED, {"delta": (0.1, 0.2)})
    with pytest.raises(SettingsError, match="--delta has no meaning with --schedule constant"):
        require_all(held(M, "float64"), runs, [])


def test_a_seed_that_nobody_gave_is_told_as_drawn():
    (run,) = variations(RunSettings(rank=1), {"tol": (1e-3,)})
    assert run.sources({"seed": "default"}, "flag")["seed"] == "drawn"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("method", tuple(METHODS)),
        ("start", STARTS),
        ("schedule", SCHEDULES[1:]),
        ("fast_forward", ("auto", "off")),
        ("dtype", ("float64", "float32")),
        ("escape", (True, False)),
    ],
)
def test_all_stands_for_every_choice(name, values):
    assert choices(name) == values
    runs = variations(RunSettings(rank=1, seed=1), {name: ALL})
    assert [run.varied.get(name) for run in runs] == [*values]


def test_what_another_method_in_its_place_is_not_refused_for_ends_no_comparison():
    some = held(M, "float64")
    asked = replace(ASKED, engine="reduced")
    require_all(some, variations(asked, {"method": ALL}), ["engine"])
    require_all(some, variations(asked, {"method": ("adam", "momentum")}), ["engine"])
    with pytest.raises(SettingsError, match="adam"):
        require_all(some, variations(asked, {"method": ("adam",), "rank": (1, 2)}), ["engine"])
    # A rank that is none is so with every method.
    with pytest.raises(SettingsError, match="rank 8 is above"):
        require_all(some, variations(asked, {"method": ALL, "rank": (1, 8)}), ["engine"])
