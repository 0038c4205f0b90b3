"""mfact plot as a user meets it: files that hold what the runs hold, and refusals in one line."""

from __future__ import annotations

import csv
import io
import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from mfact.storage.runs import read_run


@pytest.fixture
def runs(mfact, rank_two):
    """Two runs of rank 2, of two seeds: 1.run.h5 and 2.run.h5."""
    for seed in (1, 2):
        code, _, _ = mfact("solve", rank_two, "-r", 2, "--seed", seed, "--schedule", "constant",
                           "-o", f"{seed}.run.h5", "-q", "--modes", "on")  # fmt: skip
        assert code == 0
    return rank_two


def drawn(path):
    return [*csv.DictReader(io.StringIO(Path(path).read_text("utf-8")))]


def test_a_run_alone_is_drawn_beside_it_under_its_name(mfact, runs):
    code, out, err = mfact("plot", "1.run.h5")
    assert (code, out, err) == (0, "", "wrote 1.convergence.svg\n")
    assert ET.parse("1.convergence.svg").getroot().tag.endswith("svg")
    note = "mfact: note: 1.convergence.svg was there already: it is replaced\n"
    assert mfact("plot", "1.run.h5")[2] == f"{note}wrote 1.convergence.svg\n"


@pytest.mark.parametrize(
    ("form", "begins"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")]
)
def test_the_name_says_the_format_and_the_bytes_are_equal_when_repeated(mfact, runs, form, begins):
    for name in ("a", "b"):
        assert mfact("plot", "1.run.h5", "-o", f"{name}.{form}", "-q") == (0, "", "")
    first, second = (Path(f"{name}.{form}").read_bytes() for name in ("a", "b"))
    assert first.startswith(begins)
    assert first == second


@pytest.mark.parametrize("kind", ["convergence", "balance", "ledger", "spectrum", "modes"])
@pytest.mark.parametrize("x", ["step", "flow-time", "passes"])
def test_every_kind_is_drawn_over_every_axis(mfact, runs, kind, x):
    code, _, err = mfact("plot", "1.run.h5", "2.run.h5", "--kind", kind, "--x", x, "-o", "p.svg")
    assert (code, err) == (0, "wrote p.svg\n")


def test_the_numbers_of_the_picture_are_those_of_the_run(mfact, runs):
    assert mfact("plot", "1.run.h5", "-o", "p.svg", "--data", "p.csv", "-q")[0] == 0
    trace = read_run("1.run.h5").trace
    gap = [row for row in drawn("p.csv") if row["series"] == "gap"]
    known = trace["gap"] > 0
    assert [float(row["y"]) for row in gap if row["y"]] == trace["gap"][known].tolist()
    assert [float(row["x"]) for row in gap] == trace["step"].tolist()


def test_the_residual_is_of_the_matrix_that_the_run_names(mfact, runs):
    words = ("plot", "1.run.h5", "--kind", "residual", "-o", "r.svg", "-q")
    assert mfact(*words, "--data", "r.csv") == (0, "", "")
    assert mfact(*words, "--matrix", runs, "--data", "named.csv")[0] == 0
    assert Path("r.csv").read_bytes() == Path("named.csv").read_bytes()
    Path(runs).rename("elsewhere.npy")
    code, _, err = mfact(*words)
    assert (code, err.count("\n")) == (1, 1)
    assert "name it with --matrix" in err
    assert mfact(*words, "--matrix", "elsewhere.npy")[0] == 0


def test_a_sweep_a_balance_and_a_network_have_their_pictures(mfact, runs):
    mfact("sweep", runs, "--seeds", 20, "--seed", 1, "-o", "s.h5", "-q")
    assert mfact("plot", "s.h5")[2] == "wrote s.starts.svg\n"
    mfact("network", "--data", "uniform", "--layers", "4:3r-2", "--points-count", 5, "-q",
          "--step-size", 0.1, "--max-iter", 3, "--seed", 1, "-o", "n.run.h5")  # fmt: skip
    for kind in ("convergence", "balance", "ledger"):
        assert mfact("plot", "n.run.h5", "--kind", kind)[2] == f"wrote n.{kind}.svg\n"
    Path("b.json").write_text(mfact("balance", "n.run.h5", "--format", "json")[1], "utf-8")
    assert mfact("plot", "b.json")[2] == "wrote b.balance.svg\n"
    assert json.loads(Path("b.json").read_text("utf-8"))["schema"] == "mfact-balance/1"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("1.run.h5", "-o", "p.gif"), "end it with .svg, .png, .pdf"),
        (("1.run.h5", "-o", "1.run.h5"), "end it with .svg"),
        (("1.run.h5", "--data", "1.run.h5"), "name another file with --data"),
        (("1.run.h5", "-o", "p.svg", "--data", "p.svg"), "name another file with --data"),
        (("1.run.h5", "--matrix", "rank-two.npy"), "--matrix is for --kind residual"),
        (("1.run.h5", "2.run.h5", "--kind", "residual"), "of one run"),
        (("1.run.h5", "--kind", "starts"), "no picture starts"),
        (("1.run.h5", "--kind", "gaps"), "'gaps' is not one of"),
        (("rank-two.npy",), "rank-two.npy is no run file"),
        (("missing.h5",), "missing.h5"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(mfact, runs, words, said):
    code, out, err = mfact("plot", *words)
    assert code in (1, 2)
    assert (out, err.count("\n")) == ("", 1)
    assert said in err
    assert not [*Path().glob("*.svg")]


def test_without_matplotlib_the_command_says_what_to_install_before_all_else(
    mfact, runs, monkeypatch
):
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    vary = ("compare", runs, "--vary", "rank=1", "--picture", "p.svg", "-o", "kept")
    for words in (("plot", "1.run.h5"), vary, ("figure", "2")):
        code, out, err = mfact(*words)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert "pip install 'mfact[plot]'" in err
    assert sorted(path.name for path in Path().iterdir()) == ["1.run.h5", "2.run.h5", runs]


def test_a_comparison_is_drawn_too(mfact, runs):
    code, _, err = mfact("compare", runs, "-r", 2, "--seed", 1, "--vary", "schedule=constant,power",
                         "--picture", "c.svg", "--kind", "balance")  # fmt: skip
    assert (code, err.splitlines()[-1]) == (0, "wrote c.svg")
    text = Path("c.svg").read_text("utf-8")
    assert ">constant<" in text
    assert ">power<" in text
