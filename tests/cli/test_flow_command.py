"""mfact flow as a user meets it: both views, slopes, refusals."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest

from mfact.settings import FlowSettings
from mfact.studies import flow_and_descent
from mfact.studies.flow import study

COMPARED = ("--compare", "gradient-descent,scaled,adam")


@pytest.fixture
def few(monkeypatch):
    """Three step sizes, in this process."""
    monkeypatch.setattr(flow_and_descent, "HALVINGS", 2)


def test_json_holds_what_the_library_finds(mfact, rank_two, few):
    code, out, err = mfact("flow", rank_two, "-r", 2, "--seed", 4, "--points", 5, *COMPARED,
                           "--format", "json")  # fmt: skip
    assert (code, err) == (0, "")
    found = json.loads(out)
    settings = FlowSettings(rank=2, seed=4, points=5, compare=COMPARED[1])
    expected = study(np.load(rank_two), settings)
    assert found["schema"] == "mfact-flow/2"
    assert found["method"] == "ode"
    assert [row["time"] for row in found["flow"]] == expected.flow.times.tolist()
    assert [row["imbalance"] for row in found["flow"]] == [
        s.imbalance for s in expected.flow.scalars
    ]
    assert found["flow"][-1]["gap"] < 1e-9
    assert max(row["drift"] for row in found["flow"]) < 1e-8
    assert list(found["compared"]) == list(expected.comparisons)
    for name, compared in found["compared"].items():
        known = expected.comparisons[name]
        for column, values in known.columns.items():
            assert [row[column] for row in compared["rows"]] == values.tolist()
            assert compared["slopes"][column]["slope"] == known.slopes[column]
    slopes = {name: each["slopes"] for name, each in found["compared"].items()}
    assert slopes["gradient-descent"].keys() == {"distance", "D_distance", "remainder"}
    assert slopes["scaled"].keys() == {"distance", "log_det_drift"}
    assert slopes["adam"] == {
        "D_distance": {"slope": slopes["adam"]["D_distance"]["slope"], "expected": None}
    }
    for each in (*slopes["gradient-descent"].values(), *slopes["scaled"].values()):
        assert each["slope"] == pytest.approx(each["expected"], abs=0.3)  # not yet small


def test_the_table_and_the_sheet_show_the_numbers_of_the_document(mfact, rank_two, few):
    words = ("flow", rank_two, "-r", 1, "--start", "balanced", "--imbalance", 0.5, "--seed", 1,
             "--compare", "scaled,nesterov")  # fmt: skip
    found = json.loads(mfact(*words, "--format", "json")[1])
    code, text, _ = mfact(*words)
    assert code == 0
    assert "\x1b" not in text
    assert "closed form" in text
    assert "D₀ = 0.5 I" in text
    nesterov, scaled = (found["compared"][name] for name in ("nesterov", "scaled"))
    row = nesterov["rows"][-1]
    numbers = (f"{row['step_size']:.3e}", str(row["steps"]), f"{row['distance']:.3e}")
    assert re.search(r"\s+".join(map(re.escape, numbers)), text)
    slopes = (nesterov["slopes"], scaled["slopes"])
    told = [f"{each['slope']:.3f}(, not 1)?" for some in slopes for each in some.values()]
    assert re.search(rf"nesterov +{told[0]} +{told[1]} +-\n", text)
    assert re.search(rf"scaled +{told[2]} +- +{told[3]}\n", text)
    marked = mfact(*words, "--format", "markdown")[1]
    assert re.search(rf"\| nesterov \| {told[0]} \| {told[1]} \| - \|", marked)
    sheet = list(csv.DictReader(mfact(*words, "--format", "csv")[1].splitlines()))
    assert [row["method"] for row in sheet] == ["scaled"] * 3 + ["nesterov"] * 3
    assert [float(row["distance"]) for row in sheet[3:]] == [
        row["distance"] for row in nesterov["rows"]
    ]
    assert {row["D_distance"] for row in sheet[:3]} == {""}


def test_a_slope_that_is_not_what_it_should_be_is_told_so(mfact, rank_two, monkeypatch):
    """Steps of which all are long."""
    monkeypatch.setattr(flow_and_descent, "FIRST_STEP", 12.0)
    words = ("flow", rank_two, "-r", 1, "--seed", 1, "--compare", "gradient-descent")
    slopes = json.loads(mfact(*words, "--format", "json")[1])["compared"]["gradient-descent"]
    slope = slopes["slopes"]["distance"]["slope"]
    assert abs(slope - 1) > 0.1
    assert f"{slope:.3f}, not 1" in mfact(*words)[1]


def test_a_slope_that_rounding_hides_is_not_told(mfact, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("one.npy", [[1.0]])
    np.savez("same.npz", U=[[0.1]], V=[[0.1]])
    words = ("flow", "one.npy", "-r", 1, "--start", "same.npz", "--compare", "momentum,scaled")
    text = mfact(*words)[1]
    assert re.search(r"momentum +\S+ +hidden +-\n", text)
    assert re.search(r"scaled +\S+ +- +hidden\n", text)
    assert "hidden: by rounding" in text


def test_the_balanced_objective_does_not_conserve_D_and_says_nothing_of_it(mfact, rank_two):
    words = ("flow", rank_two, "-r", 2, "--objective", "balanced", "--seed", 1)
    found = json.loads(mfact(*words, "--format", "json")[1])
    assert found["method"] == "closed-form"
    assert found["settings"]["weight"] == 1.0
    assert {row["drift"] for row in found["flow"]} == {None}
    assert found["flow"][-1]["imbalance"] < found["flow"][0]["imbalance"]
    assert "D − D₀" not in mfact(*words)[1]


def test_a_start_from_a_file(mfact, rank_two, tmp_path):
    np.savez(tmp_path / "start.npz", U=np.full((12, 1), 0.1), V=np.full((8, 1), 0.2))
    code, out, _ = mfact("flow", rank_two, "-r", 1, "--start", "start.npz", "--format", "json")
    assert code == 0
    assert json.loads(out)["flow"][0]["norm_ratio"] == pytest.approx(0.12 / 0.32)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--balance-weight", "2"), "--objective balanced"),
        (("--imbalance", "1"), "--start balanced"),
        (("--start-ratio", "2"), "--start unbalanced"),
        (("--start", "spectral", "--seed", "1"), "--start gaussian"),
        (("--solver", "closed-form"), "--solver ode"),
        (("--start", "missing.npz"), "missing.npz"),
        (("-r", "9"), "rank 9"),
        (("--time", "0"), "--time"),
        (("--compare", "momentom"), "momentum"),
        (("--compare", "adam", "--objective", "balanced"), "--objective plain"),
        (("--compare-gd",), "--compare gradient-descent"),
    ],
)
def test_refusals_are_one_line_with_a_way_out(mfact, rank_two, words, what):
    rank = () if "-r" in words else ("-r", 2)
    code, out, err = mfact("flow", rank_two, *rank, *words)
    assert code in (1, 2)
    assert out == ""
    assert err.count("\n") == 1
    assert what in err


def test_quiet_prints_nothing_and_a_drawn_seed_is_in_the_document(mfact, rank_two):
    assert mfact("flow", rank_two, "-r", 1, "-q") == (0, "", "")
    out = mfact("flow", rank_two, "-r", 1, "--format", "json")[1]
    seed = json.loads(out)["settings"]["seed"]
    again = mfact("flow", rank_two, "-r", 1, "--format", "json", "--seed", seed)[1]
    assert again == out
