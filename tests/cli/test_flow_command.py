"""mfact flow as a user meets it: both views, slopes, refusals."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from mfact.settings import FlowSettings
from mfact.studies.flow import study


def test_json_holds_what_the_library_finds(mfact, rank_two):
    code, out, err = mfact("flow", rank_two, "-r", 2, "--seed", 4, "--points", 5, "--compare-gd",
                           "--format", "json")  # fmt: skip
    assert (code, err) == (0, "")
    found = json.loads(out)
    expected = study(np.load(rank_two), FlowSettings(rank=2, seed=4, points=5, compare_gd=True))
    assert found["schema"] == "mfact-flow/1"
    assert found["method"] == "ode"
    assert [row["time"] for row in found["flow"]] == expected.flow.times.tolist()
    assert [row["imbalance"] for row in found["flow"]] == [
        s.imbalance for s in expected.flow.scalars
    ]
    assert found["flow"][-1]["gap"] < 1e-9
    assert max(row["drift"] for row in found["flow"]) < 1e-8
    compared = found["gradient_descent"]
    assert [row["distance"] for row in compared["rows"]] == expected.comparison.distance.tolist()
    assert compared["D_distance_slope"] == pytest.approx(1.0, abs=0.05)
    assert compared["distance_slope"] == pytest.approx(1.0, abs=0.05)


def test_the_table_shows_the_numbers_of_the_document(mfact, rank_two):
    words = ("flow", rank_two, "-r", 1, "--start", "balanced", "--imbalance", 0.5, "--seed", 1,
             "--compare-gd")  # fmt: skip
    found = json.loads(mfact(*words, "--format", "json")[1])
    code, text, _ = mfact(*words)
    assert code == 0
    assert "\x1b" not in text
    assert "closed form" in text
    assert "D₀ = 0.5 I" in text
    row = found["gradient_descent"]["rows"][-1]
    numbers = (f"{row['step_size']:.3e}", str(row["steps"]), f"{row['distance']:.3e}")
    assert re.search(r"\s+".join(map(re.escape, numbers)), text)
    assert f"slope of ‖D − D_flow‖  {found['gradient_descent']['D_distance_slope']:.3f}" in text


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
