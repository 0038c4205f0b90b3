"""Every option with values that no one means: one line that says so, or the right result."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from contextlib import suppress

import click
import h5py
import numpy as np
import pytest

from mfact.cli import main
from mfact.cli.types import Typed
from mfact.errors import SettingsError
from mfact.ranges import Count, Size
from mfact.run.solve import solve

ODD = [
    *("9" * count for count in (20, 310, 4200, 4291, 10_000)),
    "1e400", "1e999999999", "-0", "1e-320", "1e200", "nan", "٣", "x" * 100_000, "1 " * 50_000,
    "\x1b[2J\n",
]  # fmt: skip
BASE = {
    "solve": ("M.npy", "-r", "2", "--seed", "1", "-o", "o.h5", "--max-iter", "500", "--force"),
    "inspect": ("M.npy",),
    "sweep": ("M.npy", "--seeds", "5", "--seed", "1", "--max-iter", "100"),
    "flow": ("M.npy", "-r", "2", "--seed", "1", "--time", "0.1"),
    "generate": ("g.npy", "--shape", "8x6", "--seed", "1"),
    "check": ("base.h5", "M.npy"),
    "diff": ("base.h5", "base.h5"),
    "show": ("base.h5",),
    "resume": ("c.h5",),
}
# What an option needs beside it to mean anything.
NEEDS = {
    ("solve", "balance_weight"): ("--objective", "balanced"),
    ("solve", "c_step"): ("-r", "1"),
    ("solve", "eps"): ("--schedule", "certified"),
    ("solve", "start_ratio"): ("--start", "unbalanced"),
    ("solve", "max_iter"): ("--schedule", "power"),
    ("flow", "balance_weight"): ("--objective", "balanced"),
    ("flow", "imbalance"): ("--start", "balanced"),
    ("flow", "start_ratio"): ("--start", "unbalanced"),
    ("generate", "noise"): ("--rank", "2"),
    ("generate", "seed"): ("--rank", "2"),
    ("generate", "condition"): ("--rank", "2"),
    ("generate", "dtype"): ("--rank", "2", "--condition", "1e300"),
}
FILES = {"config", "log_file", "output", "checkpoint", "factors_npy", "factors_csv", "factors_tsv",
         "matrix"}  # fmt: skip


def options():
    for command in BASE:
        found = main.cli.get_command(click.Context(main.cli), command)
        for option in found.params:
            if isinstance(option, click.Option) and not option.is_flag and option.name not in FILES:
                yield command, option.name, max(option.opts, key=len)


@pytest.fixture
def folder(tmp_path, monkeypatch, made):
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mfact.gradient_flow.integrate.MOST_STEPS", 1e3)  # no hours here
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    rng = np.random.default_rng(0)
    M = rng.standard_normal((8, 3)) @ rng.standard_normal((3, 6))
    np.save(folder / "M.npy", M)
    base = [
        "solve",
        str(folder / "M.npy"),
        "-r",
        "2",
        "--seed",
        "1",
        "-q",
        "--max-iter",
        "20",
        "--force",
    ]
    made = ["--max-iter", "20", "-o", str(folder / "base.h5"), "--checkpoint", str(folder / "c.h5")]
    assert main.run([*base, *made]) == 3
    return folder


# Each option tries every third value, all values are tried in turn; MFACT_LONG asks for all.
STRIDE = 1 if "MFACT_LONG" in os.environ else 3


@pytest.mark.parametrize(
    ("first", "command", "name", "flag"), [(n % STRIDE, *each) for n, each in enumerate(options())]
)
def test_one_line_or_a_result(folder, capsys, first, command, name, flag):
    for value in ODD[first::STRIDE]:
        shutil.copy(folder / "base.h5", folder / "o.h5")
        argv = [command, *BASE[command], *NEEDS.get((command, name), ()), f"{flag}={value}"]
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            code = main.run(argv)
        out, err = capsys.readouterr()
        case = (argv[-1][:40], code, err[:300])
        assert not warned, (case, [str(w.message) for w in warned])
        assert "internal error" not in err, case
        assert len(err) < 2000, case
        assert max(map(len, out.split("\n")), default=0) < 500, case
        if code in (1, 2):
            assert err.count("\n") == 1, case
            assert out == "", case


@pytest.mark.parametrize("digits", [20, 310, 4200])
def test_a_step_limit_of_many_digits_is_kept_as_given(folder, capsys, digits):
    limit = 10**digits
    for schedule in ("constant", "power"):
        argv = ["solve", "M.npy", "-r", "2", "--seed", "1", "-o", "r.h5", "--schedule", schedule]
        assert main.run([*argv, "--tol", "1e-8", "--max-iter", str(limit)]) == 0
        with h5py.File(folder / "r.h5") as file:
            kept = json.loads(file.attrs["mfact_run"])["settings"]["max_iter"]["value"]
        assert kept == limit
        assert "0" * 50 not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max-iter = " + "9" * 5000, "line 1 has a number of more than 4214 digits"),
        ("rank = 2\nseed = " + "1_" * 4500 + "1", "line 2 has a number of more than"),
        ("max-iter = 0x" + "f" * 5000, "a number of about 6021 digits is not at most 4214 digits"),
        ("tol = 0x" + "f" * 5000, "is not finite"),
        ("start = 0x" + "f" * 5000, "'start' is a number of about 6021 digits"),
        ("max-basis-bytes = 0x" + "f" * 5000, "bytes"),
        ("step-size = nan", "nan is not finite"),
        ("step-size = -inf", "-inf is not finite"),
        ("every = inf", "inf is not a whole number"),
        ("every = 1e999", "inf is not a whole number"),
        ("tol = 2020-01-01", "'tol' is a date"),
        ("tol = 07:32:00", "'tol' is a time"),
        ("tol = {a = 1}", "'tol' is a table"),
        ("[[tol]]\na = 1", "'tol' is an array"),
        ("x" * 5000 + " = 1", "unknown key"),
        ("schedule = '" + "x" * 100_000 + "'", "is not one of"),
    ],
)
def test_toml_values(folder, capsys, text, message):
    (folder / "run.toml").write_text(text)
    assert main.run(["solve", "M.npy", "-r", "2", "--config", "run.toml", "--no-output"]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert len(err) < 1000


def test_environment_values(folder, capsys, monkeypatch):
    for value in ODD:
        if "\0" in value:
            continue
        monkeypatch.setenv("MFACT_MAX_ITER", value)
        code = main.run(["solve", "M.npy", "-r", "2", "--seed", "1", "--no-output", "-q"])
        err = capsys.readouterr().err
        assert code in (0, 2, 3), (value[:40], err)
        assert err.count("\n") == (code == 2)


def test_a_count_is_the_number_that_was_typed():
    for text, value in (("1e30", 10**30), ("10e4000", 10**4001), ("5.0", 5), ("٣", 3), ("-0", 0)):
        assert Typed(Count()).convert(text, None, None) == value


def test_a_size_is_the_number_that_was_typed():
    assert Typed(Size()).convert("1234567890123456789", None, None) == 1234567890123456789
    assert Typed(Size()).convert(1234567890123456789, None, None) == 1234567890123456789
    for bad in ("0", "0.5", "9" * 30, "9" * 5000, "9T" * 3, -1, 2**63, True, 1.5):
        with pytest.raises(click.BadParameter):
            Typed(Size()).convert(bad, None, None)


STARTS = ("gaussian", "balanced", "unbalanced", "spectral")
SIZES = (1e-320, 1e-250, 1e-140, 1e-30, 1e11, 1e40, 1e70, 1e100, 1e200, 1e308)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("engine", ["reduced", "direct"])
@pytest.mark.parametrize(
    ("name", "values", "others"),
    [
        *(("start_scale", SIZES, {"start": start}) for start in STARTS),
        ("start_ratio", SIZES, {"start": "unbalanced"}),
        ("step_size", SIZES, {"schedule": "constant"}),
        ("step_size", SIZES, {"schedule": "power"}),
        ("balance_weight", SIZES, {"objective": "balanced"}),
        ("eps", SIZES, {"schedule": "certified"}),
        ("eps", SIZES, {"schedule": "theorem-3.1"}),
        ("c_step", SIZES, {"schedule": "theorem-3.2", "rank": 1}),
    ],
)
def test_sizes_past_all_sense_end_well_or_are_refused(name, values, others, engine, dtype):
    rng = np.random.default_rng(0)
    M = rng.standard_normal((8, 3)) @ rng.standard_normal((3, 6))
    for value in values:
        chosen = {"rank": 2, "seed": 1, "max_iter": 500, "engine": engine, "dtype": dtype}
        with warnings.catch_warnings(), suppress(SettingsError):
            warnings.simplefilter("error")
            result = solve(M, **{**chosen, name: value, **others})
            assert np.isfinite(result.U).all()
            assert np.isfinite(result.V).all()
