"""Every option at the ends of its range and just beyond, and each choice it belongs with."""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from mfact.errors import SettingsError
from mfact.options import flag, options_of
from mfact.run.refusals import check
from mfact.settings import METHODS, RunSettings
from mfact.words import shown

SHAPE = (40, 30)
LEAST, MOST = 5e-324, 1.7e308  # of a float
NO_NUMBER = (True, "2", [2], 1j, 10**400)
NO_COUNT = (2.0, 1e30, math.inf, math.nan, True, "2", [2], 10**4300, 10**10000)
COUNT_FROM_0 = ((0, 1, 10**30, 10**4000, np.int64(3), np.uint8(3)), (-1, *NO_COUNT))
COUNT_FROM_1 = ((1, 10**30, 10**4000, np.int64(3)), (0, -1, -(10**5000), *NO_COUNT))
ABOVE_0 = ((LEAST, 1.0, MOST, 1, np.float32(0.5)), (0.0, -LEAST, math.nan, math.inf, *NO_NUMBER))
FROM_0 = ((0.0, LEAST, MOST, 0), (-LEAST, -1.0, math.nan, math.inf, *NO_NUMBER))
FLAG = ((True, False, np.bool_(True)), (1, 0, "no", None))
TEXT = (("60s", Path("60s")), (5, b"60s", True))

# Option -> (values that run, values that are refused)
RANGES = {
    "rank": ((1, 30, np.int32(3)), (0, -1, 31, None, 10**4000, *NO_COUNT)),
    "step_size": ABOVE_0,
    "start_scale": ABOVE_0,
    "start_ratio": ABOVE_0,
    "max_time": ABOVE_0,
    "ff_tol": ABOVE_0,
    "c_step": ABOVE_0,
    "tol": FROM_0,
    "tol_residual": FROM_0,
    "tol_gradient": FROM_0,
    "balance_weight": FROM_0,
    "delta": ((LEAST, 0.5), (0.0, np.nextafter(0.5, 1.0), math.nan)),
    "min_iter": COUNT_FROM_0,
    "max_iter": COUNT_FROM_0,
    "eps": ABOVE_0,
    "optimum": FLAG,
    "force": FLAG,
    "escape": FLAG,
    "start": TEXT,
    "checkpoint": TEXT,
    "checkpoint_every": TEXT,
    "seed": ((0, 10**30, 2**128 - 1), (-1, 2**128, *NO_COUNT)),
    "every": COUNT_FROM_1,
    "patience": COUNT_FROM_1,
    "threads": ((1, 4096), (0, -1, 4097, 10**30, *NO_COUNT)),
    "device": (("auto", "cpu", "cuda"), ("gpu", "CPU", "")),
    "workers": ((1, 4096, np.int64(3)), (0, -1, 4097, 10**30, *NO_COUNT)),
    "scheduler": (("tcp://host:8786", Path("scheduler.json")), (5, b"host", True)),
    "max_basis_bytes": COUNT_FROM_1,
    "max_memory": COUNT_FROM_1,
    "momentum": ((LEAST, 0.9999), (0.0, np.nextafter(0.9999, 1.0), math.nan)),
    "damping": FROM_0,
    "center": (("none", "mean", "columns", "rows"), ("Mean", "both", "")),
    "objective": (("plain", "balanced"), ("PLAIN", "")),
    "engine": (("auto", "direct", "reduced"), ("Auto", "")),
    "schedule": (("auto", "constant", "power", "theorem-3.1", "certified"), ("theorem-3.2", "")),
    "method": (METHODS, ("sgd", "Adam", "")),
    "dtype": (("float64", "float32"), ("float16", "f8")),
    "fast_forward": (("auto", "off"), ("on", "")),
    "modes": (("auto", "on", "off"), ("yes", "")),
}


def options(name, value):
    return RunSettings(**{"rank": 3, name: value})


def test_every_option_has_its_range_here():
    assert {field.name for field in fields(RunSettings)} == RANGES.keys()


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, (good, _) in RANGES.items() for value in good],
    ids=shown,
)
def test_the_ends_of_a_range_are_in_it(name, value):
    check(options(name, value), SHAPE, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, (_, bad) in RANGES.items() for value in bad],
    ids=shown,
)
def test_what_is_just_outside_is_refused_by_name(name, value):
    with pytest.raises(SettingsError) as error:
        check(options(name, value), SHAPE, [])
    assert flag(name) in error.value.sentence or name == "rank"
    assert shown(value, quoted=False) in error.value.sentence
    assert len(str(error.value)) < 200
    assert error.value.way_out


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (4, 4), (7, 4), (4, 7)])
def test_the_rank_is_at_most_the_smaller_side(shape):
    least = min(shape)
    check(RunSettings(rank=least), shape)
    with pytest.raises(SettingsError, match=rf"-r {least} or less"):
        check(RunSettings(rank=least + 1), shape)


def test_fewest_steps_may_equal_the_most():
    check(RunSettings(rank=3, min_iter=7, max_iter=7), SHAPE)
    check(RunSettings(rank=3, min_iter=8), SHAPE)
    with pytest.raises(SettingsError, match="--min-iter 8 is above --max-iter 7"):
        check(RunSettings(rank=3, min_iter=8, max_iter=7), SHAPE)


def test_the_schedule_of_rank_one_is_for_rank_one():
    check(RunSettings(rank=1, schedule="theorem-3.2"), SHAPE)
    with pytest.raises(SettingsError, match="for rank 1, and the rank is 2"):
        check(RunSettings(rank=2, schedule="theorem-3.2"), SHAPE)


# Option -> (a value, the option it belongs to, the choices it means something with, the others).
# auto is a power for rank 2, Theorem 3.2's step for rank 1, a constant one for rank 1 and λ.
SCHEDULES = {"auto", "constant", "power", "theorem-3.1", "certified"}
MOVING, SCALED = {"momentum", "nesterov"}, {"scaled", "alternating-scaled"}
MEANS = {
    "balance_weight": (2.0, "objective", {"balanced"}, {"plain"}),
    "delta": (0.1, "schedule", {"auto", "power"}, SCHEDULES - {"auto", "power"}),
    "eps": (
        0.1, "schedule", {"theorem-3.1", "certified"}, SCHEDULES - {"theorem-3.1", "certified"},
    ),
    "step_size": (
        0.1, "schedule", {"auto", "constant", "power"}, {"theorem-3.1", "certified"},
    ),
    "c_step": (0.2, "schedule", set(), SCHEDULES),
    "start_scale": (
        0.1, "start", {"gaussian", "balanced", "unbalanced", "spectral"}, {"old.npz"},
    ),
    "seed": (4, "start", {"gaussian", "balanced", "unbalanced", "spectral"}, {"old.npz"}),
    "start_ratio": (
        9.0, "start", {"unbalanced"}, {"gaussian", "balanced", "spectral", "old.npz"},
    ),
    "ff_tol": (1e-6, "fast_forward", {"auto"}, {"off"}),
    "fast_forward": ("off", "method", {METHODS[0]}, set(METHODS[1:])),
    "momentum": (0.5, "method", MOVING, set(METHODS) - MOVING),
    "damping": (0.5, "method", SCALED, set(METHODS) - SCALED),
    "max_basis_bytes": (10**9, "engine", {"reduced", "auto"}, {"direct"}),
}  # fmt: skip


def test_every_option_that_depends_on_a_choice_is_here():
    belongs = {
        n: option.belongs[0] for n, option in options_of(RunSettings).items() if option.belongs
    }
    assert {name: chooser for name, (_, chooser, _, _) in MEANS.items()} == belongs


@pytest.mark.parametrize(
    ("name", "choice", "means"),
    [(n, c, True) for n, (_, _, good, _) in MEANS.items() for c in sorted(good)]
    + [(n, c, False) for n, (_, _, _, bad) in MEANS.items() for c in sorted(bad)],
)
def test_an_option_is_taken_with_its_choices_and_refused_with_all_others(name, choice, means):
    value, chooser, *_ = MEANS[name]
    settings = RunSettings(**{"rank": 2, name: value, chooser: choice})
    check(settings, SHAPE)  # nobody asked for it
    check(settings, SHAPE, [chooser])
    if means:
        check(settings, SHAPE, [name, chooser])
        return
    with pytest.raises(SettingsError, match="has no meaning with") as error:
        check(settings, SHAPE, [name])
    assert error.value.sentence.startswith(f"{flag(name)} ")
    assert flag(chooser) in error.value.sentence


@pytest.mark.parametrize(
    ("name", "objective", "means"),
    [("c_step", "plain", True), ("c_step", "balanced", False), ("delta", "plain", False)],
)
def test_rank_one_chooses_its_schedule_and_so_its_options(name, objective, means):
    settings = RunSettings(**{"rank": 1, "objective": objective, name: MEANS[name][0]})
    if means:
        check(settings, SHAPE, [name])
        return
    with pytest.raises(SettingsError, match="has no meaning with --schedule"):
        check(settings, SHAPE, [name])
