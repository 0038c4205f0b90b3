"""mfact balance: its views and exit codes, what it writes, and what it refuses in one line."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest
from contents import contents
from tensor_files import safetensors_of

DATA = Path(__file__).parents[2] / "data" / "network"


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(DATA, tmp_path / "net")
    rng = np.random.default_rng(0)
    shapes = {"fc1.weight": (6, 5), "fc1.bias": (6,), "fc2.weight": (4, 6), "fc3.weight": (3, 4)}
    W = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    (tmp_path / "a.safetensors").write_bytes(safetensors_of(W))
    np.savez(tmp_path / "a.npz", **W)
    np.savez(tmp_path / "other.npz", **{**W, "fc2.weight": W["fc2.weight"][:, :5]})
    np.savez(tmp_path / "fewer.npz", **{"fc1.weight": W["fc1.weight"]})
    np.savez(
        tmp_path / "whole.npz", **{n: np.arange(w.size).reshape(w.shape) for n, w in W.items()}
    )
    np.save(tmp_path / "M.npy", W["fc1.weight"])
    (tmp_path / "old.pt").write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")
    (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": {}}')
    with h5py.File(tmp_path / "keras.h5", "w") as file:
        file["dense/kernel"] = W["fc1.weight"]
    return tmp_path


def test_runs_of_our_own_stand_alone_and_are_over(mfact, folder):
    X = np.random.default_rng(0).standard_normal((20, 5))
    np.save("X.npy", X)
    solve = ["solve", "X.npy", "-r", 2, "--seed", 1, "--schedule", "constant", "-q", "-o", "run.h5"]
    assert mfact(*solve)[0] == 0
    assert mfact("balance", "run.h5", "-q") == (0, "", "")
    code, out, err = mfact("balance", "run.h5", "a.npz")
    assert (code, out) == (2, "")
    assert "name one run file, and nothing beside it" in err
    stop = ["--max-iter", 3, "--force", "--checkpoint", "c.h5", "-o", "half.h5"]
    assert mfact(*solve[:-2], *stop)[0] == 3
    code, out, err = mfact("balance", "c.h5")
    assert (code, out) == (2, "")
    assert "end it with `mfact resume c.h5`, and pass its run file" in err
    assert mfact("resume", "c.h5", "--max-iter", 10**6, "-q", "-o", "whole.h5")[0] == 0
    assert mfact("balance", "whole.h5", "-q")[0] == 0


def test_a_page_says_what_was_paired_and_how_it_stands(mfact, folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = mfact("balance", "a.safetensors")
    assert (code, err) == (0, "")
    assert "1  fc1 → fc2  6 units, bias counted\n  2  fc2 → fc3  4 units\n" in out
    assert max(map(len, out.splitlines())) <= 80
    assert len(out.splitlines()) <= 40
    assert "2 pairs of layers; rescaling the units of one would save up to" in out


def test_every_view_tells_the_same(mfact, folder):
    made = json.loads(mfact("balance", "net", "--format", "json")[1])
    assert made["schema"] == "mfact-balance/1"
    assert made["order"] == "by the number in their names: 1000, 1001, 1100, 2000"
    rows = list(csv.DictReader(mfact("balance", "net", "--format", "csv")[1].splitlines()))
    assert len(rows) == 4 * len(made["joints"])
    for at, row in enumerate(rows):
        told = made["checkpoints"][at // 2]["joints"][at % 2]
        assert float(row["excess"]) == told["excess"]
    moved = [joint for each in made["intervals"] for joint in each["joints"]]
    assert [row["kappa"] for row in rows[2:]] == [
        "" if joint["kappa"] is None else repr(joint["kappa"]) for joint in moved
    ]
    suite = ElementTree.fromstring(mfact("balance", "net", "--format", "junit")[1])
    assert [case.get("name") for case in suite] == [claim["name"] for claim in made["claims"]]
    assert mfact("balance", "net", "--format", "github")[1].startswith(
        "::notice title=net/step-1000"
    )
    assert "| kappa-1 |" in mfact("balance", "net", "--format", "markdown")[1]


def test_one_step_of_gradient_descent_is_told_from_more(mfact, folder):
    apart = ["net/step-1000.safetensors", "net/step-1001.safetensors", "--steps-apart", "1"]
    code, out, _ = mfact("balance", *apart, "--require", "kappa")
    assert (code, "the requirement is met; 2 claims hold" in out) == (0, True)
    code, out, _ = mfact("balance", "net/step-1000.safetensors", "net/step-2000.safetensors")
    assert (code, out.count("checkpoints too far apart to say")) == (0, 2)


def test_a_requirement_that_fails_is_exit_code_5(mfact, folder):
    asked = ["balance", "a.npz", "--require", "excess<1e-9"]
    code, out, _ = mfact(*asked)
    assert (code, "violated: require excess<1e-9" in out) == (5, True)
    assert mfact(*asked, "--exit-zero")[0] == 0
    assert "::error title=a.npz require excess<1e-9" in mfact(*asked, "--format", "github")[1]


@pytest.mark.parametrize("form", ["safetensors", "npz"])
def test_the_balanced_network_is_of_the_same_kind_and_balanced(mfact, folder, form):
    code, out, err = mfact("balance", f"a.{form}", "--rescale", f"b.{form}")
    assert (code, err) == (0, f"wrote b.{form}: the same function, if its activations scale\n")
    assert "before" in out
    number = "worst<1e-13"  # sums of at most 11 squares
    assert mfact("balance", f"b.{form}", "--require", number, "--quiet") == (0, "", "")
    sizes = [(folder / f"{name}.{form}").stat().st_size for name in "ab"]
    assert sizes[0] == sizes[1]


# Arguments; the exit code; words of the message; arguments that it leads to, where it leads there
BAD = {
    "a file that is not there": (["no.pt"], 1, "no.pt does not exist", None),
    "a matrix": (["M.npy"], 1, "M.npy is one array", None),
    "an HDF5 file of another program": (["keras.h5"], 1, "keras.h5 is an HDF5 file", None),
    "torch before its zip files": (["old.pt"], 1, "old.pt", None),
    "an index of shards": (["model.safetensors.index.json"], 1, "index.json", None),
    "one layer": (["fewer.npz"], 1, "fewer.npz", None),
    "integers": (["whole.npz"], 1, "weights of integer type alone", None),
    "another network": (["a.npz", "other.npz"], 1, "fc2.weight is 4×5 in other.npz", ["a.npz"]),
    "a network of less": (["a.npz", "fewer.npz"], 1, "has no", ["a.npz"]),
    "one file twice": (["a.npz", "a.npz"], 1, "are one file", ["a.npz"]),
    "steps between one": (["a.npz", "--steps-apart", "1"], 2, "no steps between", ["a.npz"]),
    "no steps": (["a.npz", "--steps-apart", "0"], 2, "steps-apart", ["a.npz"]),
    "both": (["a.npz", "--chain", "fc1,fc2", "--layers", "6rb-4r-3"], 2, "exclude each other",
             ["a.npz", "--chain", "fc1,fc2"]),
    "a layer that is not there": (["a.npz", "--chain", "fc1,fc9"], 2, "fc9", None),
    "layers that do not meet": (["a.npz", "--chain", "fc1,fc3"], 2, "fc3", None),
    "a network of other layers": (["a.npz", "--layers", "6rb-5r-3"], 2, "", None),
    "its own file": (["a.npz", "--rescale", "a.npz"], 2, "checkpoint 1 and the rescaled network",
                     ["a.npz", "--rescale", "b.npz"]),
    "two to rescale": (["net", "--rescale", "b.safetensors"], 2, "--rescale writes one network",
                       ["net/step-1000.safetensors", "--rescale", "b.safetensors"]),
    "an unknown number": (["a.npz", "--require", "gap<1"], 2, "no number", ["a.npz"]),
    "a claim of two": (["a.npz", "--require", "kappa-1"], 2, "and there is one",
                       ["a.npz", "--require", "excess<1e3"]),
    "a number of two": (["a.npz", "--require", "drift<1"], 2, "and there is one", ["a.npz"]),
    "an unknown claim": (["net", "--require", "ledger"], 2, "no claim", ["net"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_input_is_one_line_and_leaves_nothing(mfact, folder, name):
    args, expected, words, way_out = BAD[name]
    before = contents(folder)
    code, out, err = mfact("balance", *args)
    assert (code, out, err.count("\n")) == (expected, "", 1), err
    assert words in err
    assert ": " in err.removeprefix("mfact: ")
    assert contents(folder) == before
    if way_out:
        assert mfact("balance", *way_out)[0] == 0
