"""Every bad input of `mfact network` is one line with a way out that works, and leaves nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest
from contents import contents

STEP = ["--step-size", "0.01", "--max-iter", "2", "--seed", "1"]


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((20, 6)), rng.standard_normal((20, 2))
    nan, inf = X.copy(), Y.copy()
    nan[3, 2], inf[4, 1] = np.nan, np.inf
    made = {
        "X": X, "Y": Y, "short": Y[:19], "nan": nan, "inf": inf, "signs": np.sign(Y),
        "zero-one": (Y > 0).astype(int), "classes": rng.integers(0, 3, 20),
        "halves": np.full(20, 0.5), "many": np.arange(20), "negative": np.arange(20) - 3,
        "images": rng.standard_normal((20, 1, 6, 6)), "mask": np.eye(4, 6),
        "wide": np.eye(4, 5), "share": np.arange(24).reshape(4, 6) % 5,
    }  # fmt: skip
    for name, array in made.items():
        np.save(tmp_path / f"{name}.npy", array)
    for key in ("mask", "wide", "share"):
        tie = "mask" if key == "wide" else key
        (tmp_path / f"{key}.toml").write_text(
            f'[[layer]]\nunits = 4\nactivation = "relu"\n{tie} = "{key}.npy"\n'
            "[[layer]]\nunits = 2\n"
        )
    return tmp_path


FOREIGN = {
    "tanh": "tanh", "sigmoid": "sigmoid", "GELU": "gelu", "SiLU": "silu", "swish": "silu",
    "ELU": "elu", "softplus": "softplus", "ReLU6": "relu6", "hardtanh": "relu6", "selu": "elu",
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_an_activation_that_does_not_scale_is_shown_as_a_contrast(mfact, folder, name):
    toml = f'[[layer]]\nunits = 5\nactivation = "{name}"\n[[layer]]\nunits = 2\n'
    (folder / "layers.toml").write_text(toml)
    for layers in (f"5{name}-2", "layers.toml"):
        err = refused(mfact, folder, ["X.npy", "Y.npy", "--layers", layers, *STEP], 2)
        assert f"the activation {name.lower()}, which does not scale" in err
        assert re.findall(r"--show-broken (\w+)", err) == [FOREIGN[name]]
    code, out, _ = mfact(
        "network", "X.npy", "Y.npy", "--layers", "5r-2", *STEP, "--show-broken", FOREIGN[name]
    )
    assert code == 0
    assert "not homogeneous" in out or "not about this run" in out


# Arguments; the exit code; words of the message; what of the arguments to change as it says, or
# None where nothing helps but other data.
XY = ["X.npy", "Y.npy"]
CASES: dict[str, tuple[list[str], int, str, dict[str, str] | None]] = {
    "batch norm": ([*XY, "--layers", "5r-bn-2"], 2, "'bn' is batch normalization",
                   {"5r-bn-2": "5r-2"}),
    "layer norm": ([*XY, "--layers", "5r-LayerNorm-2"], 2, "layer normalization",
                   {"5r-LayerNorm-2": "5r-2"}),
    "attention": ([*XY, "--layers", "attention-5r-2"], 2, "is attention",
                  {"attention-5r-2": "5r-2"}),
    "softmax": ([*XY, "--layers", "5r-2softmax"], 2, "--loss softmax", {"5r-2softmax": "5r-2"}),
    "padding": (["images.npy", "Y.npy", "--layers", "1x6x6-c2k3p1=1r-flat-2"], 2,
                "pads with '1', a constant.*pad with zeros",
                {"1x6x6-c2k3p1=1r-flat-2": "1x6x6-c2k3p1r-flat-2"}),
    "depth 1": ([*XY, "--layers", "2"], 2, "one layer", {"2": "5r-2"}),
    "empty output": (["images.npy", "Y.npy", "--layers", "1x6x6-c2k7r-flat-2"], 2,
                     "kernel of 7×7 does not fit.*smaller kernel",
                     {"1x6x6-c2k7r-flat-2": "1x6x6-c2k5r-flat-2"}),
    "empty pool": (["images.npy", "Y.npy", "--layers", "1x6x6-c2k3r-max9-flat-2"], 2,
                   "window of 9×9", {"1x6x6-c2k3r-max9-flat-2": "1x6x6-c2k3r-max2-flat-2"}),
    "no flat": (["images.npy", "Y.npy", "--layers", "1x6x6-c2k3r-2"], 2, "put flat before it",
                {"1x6x6-c2k3r-2": "1x6x6-c2k3r-flat-2"}),
    "no grid": (["images.npy", "Y.npy", "--layers", "c2k3r-flat-2"], 2, "as 1x28x28",
                {"c2k3r-flat-2": "1x6x6-c2k3r-flat-2"}),
    "input size": ([*XY, "--layers", "7:5r-2"], 2, "leave it out", {"7:5r-2": "5r-2"}),
    "input or layer": ([*XY, "--layers", "6-5r-2"], 2, "write 6:5r-2", {"6-5r-2": "6:5r-2"}),
    "outputs": ([*XY, "--layers", "5r-3"], 1, "end the layers with 2", {"5r-3": "5r-2"}),
    "wide mask": ([*XY, "--layers", "wide.toml"], 2, "mask is 4×5, and its layer is 4×6",
                  {"wide.toml": "mask.toml"}),
    "dual mask": ([*XY, "--layers", "mask.toml", "--form", "dual"], 2, "--form primal",
                  {"dual": "primal"}),
    "dual share": ([*XY, "--layers", "share.toml", "--form", "dual"], 2, "or auto",
                   {"dual": "auto"}),
    "dual batch": ([*XY, "--layers", "5r-2", "--form", "dual", "--batch", "5"], 2,
                   "full batches only", {"dual": "primal"}),
    "zero-one": (["X.npy", "zero-one.npy", "--layers", "5r-2", "--loss", "logistic"], 1,
                 "give 2Y − 1", {"zero-one.npy": "signs.npy"}),
    "no labels": ([*XY, "--layers", "5r-2", "--loss", "logistic"], 1, "row 0, column 0",
                  {"Y.npy": "signs.npy"}),
    "halves": (["X.npy", "halves.npy", "--layers", "5r-3", "--loss", "softmax"], 1,
               "0.5 at point 0.*0 … 2", {"halves.npy": "classes.npy"}),
    "many": (["X.npy", "many.npy", "--layers", "5r-3", "--loss", "softmax"], 1,
             "3 at point 3.*end the layers with 20", {"5r-3": "5r-20"}),
    "negative": (["X.npy", "negative.npy", "--layers", "5r-30", "--loss", "softmax"], 1,
                 "-3 at point 0", None),
    "one class": (["X.npy", "classes.npy", "--layers", "5r-1", "--loss", "softmax"], 2,
                  "always 1", None),
    "lengths": (["X.npy", "short.npy", "--layers", "5r-2"], 1, "20 points, and Y has 19", None),
    "nan": (["nan.npy", "Y.npy", "--layers", "5r-2"], 1, "nan, at row 3, column 2", None),
    "inf": (["X.npy", "inf.npy", "--layers", "5r-2"], 1, "inf, at row 4, column 1", None),
    "no Y": (["X.npy", "--layers", "5r-2"], 2, "X and Y are not given", None),
    "both": ([*XY, "--layers", "5r-2", "--data", "uniform"], 2, "exclude each other", None),
    "start": ([*XY, "--layers", "5r-2", "--start", "he"], 2, "neither one of .*paper-balanced",
              {"he": "kaiming"}),
    "array start": ([*XY, "--layers", "5r-2", "--start", "X.npy"], 1, "`mfact network` wrote",
                    None),
    "own input": ([*XY, "--layers", "5r-2", "-o", "Y.npy"], 2, "the targets and the output", None),
    "a batch of more": (
        [*XY, "--layers", "5r-2", "--batch", "500"], 2, "for all of them", {"500": "5"}),
    "gradient of a batch": (
        [*XY, "--layers", "5r-2", "--batch", "5", "--tol-gradient", "1"], 2, "leave one out", None),
    "targets": ([*XY, "--layers", "5r-2", "--targets", "linear"], 2, "without --data", None),
    "target scale": ([*XY, "--layers", "5r-2", "--target-scale", "2"], 2, "without --data", None),
    "time": ([*XY, "--layers", "5r-2", "--time", "2"], 2, "without --flow", None),
    "momentum": ([*XY, "--layers", "5r-2", "--momentum", "0.5"], 2, "--method momentum", None),
    "contrast": ([*XY, "--layers", "5r-2", "--show-broken", "relu"], 2, "choose one of tanh",
                 {"relu": "tanh"}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_one_line_and_its_way_out_works(mfact, folder, name):
    args, code, words, change = CASES[name]
    err = refused(mfact, folder, [*args, *STEP], code)
    assert re.search(words, err), err
    if change is not None:
        code, _, err = mfact("network", *[change.get(word, word) for word in args], *STEP)
        assert code == 0, err


def test_a_step_size_is_needed_and_that_of_the_paper_is_taken(mfact, folder):
    args = [*XY, "--layers", "5r-2", "--max-iter", "2"]
    err = refused(mfact, folder, args, 2)
    assert "--step-size is not given" in err
    assert mfact("network", *args, "--step-size", "0.09")[0] == 0


OF_STEPS = {
    "--step-size": "0.1", "--method": "nesterov", "--batch": "3", "--weight-decay": "0.1",
    "--schedule": "power", "--tol-loss": "1", "--tol-gradient": "1", "--patience": "3",
    "--min-iter": "3", "--max-iter": "3", "--max-time": "3", "--every": "3",
    "--checkpoint": "c.h5", "--checkpoint-every": "3", "--dtype": "float32", "--form": "dual",
    "--output": "r.h5", "--format": "junit",
}  # fmt: skip


@pytest.mark.parametrize("option", OF_STEPS)
def test_a_flow_takes_no_option_of_steps(mfact, folder, option):
    args = [*XY, "--layers", "5r-2", "--flow", "--seed", "1", option, OF_STEPS[option]]
    assert re.search(r"leave out|leave it out|use one of|send", refused(mfact, folder, args, 2))


@pytest.mark.parametrize(("layers", "rtol", "least"), [("5r-2", "1e-7", "1e-06"),
                                                       ("5-2", "1e-14", "1e-13")])  # fmt: skip
def test_a_flow_is_followed_as_closely_as_it_can_be(mfact, folder, layers, rtol, least):
    args = [*XY, "--layers", layers, "--flow", "--seed", "1", "--time", "0.01"]
    err = refused(mfact, folder, [*args, "--rtol", rtol], 2)
    assert f"choose it from {least}" in err
    assert mfact("network", *args, "--rtol", least)[0] == 0


SIZES = {
    "weights": ["--data", "uniform", "--layers", "9:2000000000r-3"],
    "points": ["--data", "uniform", "--layers", "9:3r-3", "--points-count", "2147483647"],
    "targets": ["--data", "uniform", "--layers", "9:3r-2000000000"],
    "products": ["--data", "uniform", "--layers", "9:3r-3", "--points-count", "300000",
                 "--form", "dual"],
    "matrix law": ["--data", "uniform", "--layers", "2:2000000-2"],
    "grids": ["images.npy", "Y.npy", "--layers", "1x6x6-c4k3p1000000000r-flat-2"],
}  # fmt: skip


@pytest.mark.parametrize("name", SIZES)
def test_what_does_not_fit_is_refused_before_it_is_made(mfact, folder, name):
    err = refused(mfact, folder, [*SIZES[name], *STEP], 1)
    assert re.search(r"needs .* of memory .* is available", err)


def test_a_flow_that_does_not_fit_is_refused(mfact, folder):
    args = [*XY, "--layers", "2000000r-2000000-2", "--flow", "--seed", "1"]
    assert "the flow needs" in refused(mfact, folder, args, 1)


def test_a_dry_run_shows_the_memory_and_writes_nothing(mfact, folder):
    before = contents(folder)
    code, out, err = mfact("network", *XY, "--layers", "5r-2", *STEP, "--dry-run")
    assert (code, err) == (0, "")
    assert "memory, at most " in out
    assert "5 neurons" in out
    assert contents(folder) == before


KINDS = {"fac.h5": "show", "fac.c": "resume", "net.h5": "show", "net.c": "resume"}
COMMANDS = {
    "show {}": ("fac.h5", "net.h5"), "resume {}": ("fac.c", "net.c"), "check {}": ("fac.h5",),
    "diff fac.h5 {}": ("fac.h5",), "diff {} fac.h5": ("fac.h5",),
    "solve X.npy -r 2 --force -q --max-iter 3 --no-output --start {}": ("fac.h5",),
    "network X.npy Y.npy --layers 5r-2 --step-size 0.01 --max-iter 2 --no-output --start {}":
        ("net.h5",),
}  # fmt: skip


def test_a_file_of_another_kind_is_named_with_what_reads_it(mfact, folder):
    solve = ["solve", "X.npy", "-r", "2", "--force", "--max-iter", "3", "--seed", "1"]
    assert mfact(*solve, "-o", "fac.h5", "--checkpoint", "fac.c")[0] == 3
    run = ["network", *XY, "--layers", "5r-2", *STEP]
    assert mfact(*run, "-o", "net.h5", "--checkpoint", "net.c")[0] == 0
    before = contents(folder)
    for command, taken in COMMANDS.items():
        for file, reader in KINDS.items():
            code, out, err = mfact(*command.format(file).split())
            if file in taken:
                assert code in (0, 3), (command, file, err)
            else:
                assert (code, out, err.count("\n")) == (1, "", 1), (command, file, err)
                assert re.search(rf"{file} is a .*: `mfact {reader}` reads it; pass a", err), err
    assert contents(folder).keys() == before.keys()


def test_a_start_must_be_of_the_same_layers(mfact, folder):
    run = ["network", *XY, *STEP, "--no-output"]
    assert mfact("network", *XY, *STEP, "--layers", "5r-2", "-o", "net.h5")[0] == 0
    for layers, words in {"4r-2": "W/1 is 5×6", "5rb-2": "b/1 is none"}.items():
        err = refused(mfact, folder, [*run[1:], "--layers", layers, "--start", "net.h5"], 2)
        assert words in err
    assert mfact(*run, "--layers", "5r-2", "--start", "net.h5")[0] == 0


def refused(mfact, folder, args, code):
    """The one line of a refusal, after which the folder is as it was."""
    before = contents(folder)
    got, out, err = mfact("network", *args)
    assert (got, out, err.count("\n")) == (code, "", 1), err
    assert "internal error" not in err
    assert ": " in err
    assert contents(folder) == before
    return err
