"""The page of a run by each method: its title, what was chosen for it, and what it keeps."""

from __future__ import annotations

import re
from math import sqrt

import numpy as np
import pytest
from matrices import matrix

from mfact.methods.choice import PLAIN
from mfact.report.run_page import RunPage
from mfact.report.settings_table import by_source
from mfact.report.terminal import Look
from mfact.report.text import exponent
from mfact.run.solve import solve
from mfact.settings import METHODS

SIGMA = [3.0, 2.0, 1.0]
M = matrix(np.random.default_rng(1), (14, 11), SIGMA)[0]
TITLES = {
    "gradient-descent": "gradient descent",
    "alternating": "alternating gradient descent",
    "momentum": "gradient descent with momentum",
    "nesterov": "gradient descent with Nesterov’s momentum",
    "scaled": "scaled gradient descent",
    "alternating-scaled": "alternating scaled gradient descent",
    "adam": "Adam",
}
SCALED = ("scaled", "alternating-scaled")
COMMON = ["step", "f", "‖R‖/‖M‖", "gap", "‖∇f‖", "η", "‖D‖"]


@pytest.fixture(scope="module")
def runs():
    options = {"rank": 2, "schedule": "constant", "seed": 1}
    return {name: solve(M, method=name, sources={"method": "flag"}, **options) for name in METHODS}


def table(result, width, **how):
    """The headings of the iteration table, and the cells of its last row."""
    text = RunPage(result, **how).text(Look(width=width))
    found = re.search(r"^( *step .*)\n─[─ ]*\n((?:.+\n)+)", text, re.MULTILINE)
    rows = [line for line in found[2].splitlines() if re.match(r" *\d", line)]
    return re.split(r" {2,}", found[1].strip()), rows[-1].split()


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("full", [False, True])
def test_the_title_says_by_which_method(runs, name, full):
    first = RunPage(runs[name], full=full).text(Look(width=100)).partition("\n")[0]
    assert first.partition(": ")[2].removesuffix("; --full shows everything") == (
        f"M ≈ UVᵀ by {TITLES[name]}"
    )


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_table_shows_what_the_method_keeps_as_far_as_there_is_room(runs, name, width):
    headings, cells = table(runs[name], width)
    trace = runs[name].trace
    for column, heading in (("log_det_drift", "Δ log det"), ("log_det_audit", "its audit")):
        assert (heading in headings) == (name in SCALED and (width > 80 or "Δ" in heading))
        if heading in headings:
            assert cells[headings.index(heading)] == exponent(float(trace[column][-1]))
    assert ("1st order" in headings) == (width > 80 and name == "adam") or width == 160
    if width == 100:
        beside = ["Δ log det", "its audit"] if name in SCALED else ["‖D−D₀‖", "audit"]
        if name == "adam":
            beside = ["‖D−D₀‖", "1st order"]
        assert headings == COMMON + beside


def test_no_table_shows_what_steps_moved_in_first_order_where_a_law_of_D_is_known(runs):
    for name, result in runs.items():
        shown = "1st order" in table(result, 200)[0]
        assert shown == (name in (*SCALED, "adam"))


@pytest.mark.parametrize(
    ("name", "option", "truth"),
    [
        ("momentum", "momentum", (1 - sqrt(0.5 / 3)) ** 2),
        ("nesterov", "momentum", (1 - sqrt(0.5 / 3)) / (1 + sqrt(0.5 / 3))),
        ("scaled", "damping", 0.5),
        ("alternating-scaled", "damping", 0.0),
    ],
)
def test_what_was_chosen_for_the_method_is_shown(runs, name, option, truth):
    # η = 0.5/σ₁ and σ₂ − σ₃ = 1.
    for full in (False, True):
        text = RunPage(runs[name], full=full).text(Look(width=100))
        value = re.search(rf"\b{option} +(\d\S*?),? ", text)[1]
        assert float(value) == pytest.approx(truth, rel=1e-5)
    for other in set(METHODS) - {name}:
        text = RunPage(runs[other]).text(Look(width=100))
        chosen = re.search(r"^  chosen .*\n(?:    .*\n)*", text, re.MULTILINE)[0]
        shared = option == "momentum" and other in ("momentum", "nesterov")
        assert (option in chosen) == (shared or (option == "damping" and other in SCALED))


def test_a_curve_is_drawn_of_what_the_method_keeps(runs):
    for name, result in runs.items():
        text = RunPage(result).text(Look(width=100))
        assert ("Δ log det" in text.partition("\nstep")[0]) == (name in SCALED)


@pytest.mark.parametrize(
    ("method", "told"), [("momentum", True), ("nesterov", True), ("adam", False), (PLAIN, False)]
)
def test_a_parameter_is_told_of_the_methods_that_have_it(method, told):
    """A network's μ has a value by default, whatever the method."""
    entries = {name: {"value": value, "source": "default"} for name, value in {
        "method": method, "momentum": 0.9, "tol": 1e-9,
    }.items()}  # fmt: skip
    ((_, words),) = by_source(entries)
    assert ("momentum 0.9" in words) == told
