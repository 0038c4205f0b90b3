"""Runs by several methods: what is drawn of each is what its rows tell."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from drawn_runs import curves, marks, network, printed, subject
from matrices import of_kind

from mfact.errors import SettingsError
from mfact.methods.choice import METHODS, PLAIN
from mfact.pictures.drawing import Dots, Line, Rule, Ticks
from mfact.pictures.kinds import kind_of, picture_of_runs
from mfact.pictures.ledger import ledger
from mfact.pictures.methods import MOST_DOTS, methods
from mfact.pictures.modes import modes
from mfact.pictures.names import FLOW_TIME
from mfact.report.plots import image
from mfact.run.solve import solve
from mfact.studies.differing import Subject

MOVED = {"D": "drift", "log det": "log_det_drift", "": "first_order"}


@cache
def by(method, **options):
    asked = {"schedule": "constant", "every": 1, "modes": "on", "max_iter": 400, **options}
    run = solve(of_kind("noisy"), rank=2, seed=3, method=method, **asked)
    return Subject(f"{method}.h5", run)


def every():
    return [by(method) for method in METHODS]


@pytest.mark.slow
def test_each_is_drawn_in_three_panels_under_its_name():
    picture = methods(every())
    gaps, drifts, kept = picture.panels
    assert [*curves(gaps)] == [*METHODS]
    assert len(printed(picture)) > 100
    for name, method in METHODS.items():
        run, key = by(name).run, MOVED[method.law.keeps]
        unit = run.problem["norm"] if key != "log_det_drift" else 1.0
        for panel, column in ((drifts, run.trace["drift"]), (kept, run.trace[key] / unit)):
            mark = next(m for m in marks(panel, Line) if m.label == name)
            seen = np.isfinite(mark.y)
            assert seen.sum() > 0.8 * len(column) - 2
            np.testing.assert_array_equal(mark.y[seen], column[seen])


def test_the_ledger_of_what_is_kept_is_dots_on_its_curve():
    picture = methods([by("momentum"), by("scaled"), by("adam")])
    dots = marks(picture.panels[-1], Dots)
    assert len(dots) == 2  # nothing is kept by adam
    lines = marks(picture.panels[-1], Line)
    for one, line in zip(dots, lines, strict=False):
        assert one.pen == line.pen
        assert 1 < len(one.x) <= MOST_DOTS
        at = np.searchsorted(line.x, one.x, side="right") - 1  # steps 0 and 1 are at one place
        np.testing.assert_allclose(one.y, line.y[at], rtol=1e-9)
    assert "line 1 of D" in picture.notes[-1]


def test_which_picture_is_drawn_where_nothing_is_said():
    plain = by("gradient-descent")
    assert kind_of(plain.run, by("scaled").run) == "methods"
    assert kind_of(plain.run, plain.run) == kind_of(plain.run) == "convergence"
    assert kind_of(plain.run, network().run) == "convergence"
    assert picture_of_runs([plain, by("scaled")], None, "step").title.startswith("Methods")
    with pytest.raises(SettingsError, match="no picture methods of networks"):
        picture_of_runs([network()], "methods", "step")


def test_a_scaled_method_is_drawn_on_its_own_law():
    (column,) = ledger([by("scaled")]).columns
    upper, strip = column
    trace = by("scaled").run.trace
    assert upper.y.label.startswith("drift |ℓ")
    law = curves(upper)["exact law"]
    seen = np.isfinite(law.y)
    np.testing.assert_array_equal(law.y[seen], trace["log_det_ledger"][seen])
    assert {*curves(upper)["measured"].y.tolist()} <= {*trace["log_det_drift"].tolist()}
    audit = curves(strip)["audit"].y
    seen = np.isfinite(audit)
    np.testing.assert_array_equal(audit[seen], trace["log_det_audit"][seen])


def test_of_adam_both_lines_are_drawn_and_line_1_alone():
    picture = ledger([by("adam")])
    found = curves(picture.panels[0])
    assert {*found} == {"line 1 alone", "both lines", "drift"}
    trace, seen = by("adam").run.trace, np.isfinite(found["line 1 alone"].y)
    np.testing.assert_array_equal(found["line 1 alone"].y[seen], trace["first_order"][seen])
    assert "keeps no law" in picture.notes[0]


@pytest.mark.parametrize("method", METHODS)
def test_the_rounding_that_the_claim_on_its_law_allows_is_dotted(method):
    strip = ledger([by(method)]).panels[-1]
    column = "log_det_audit" if METHODS[method].law.keeps == "log det" else "audit"
    audit, (rule,) = by(method).run.trace[column], marks(strip, Rule)
    assert np.nanmax(audit) <= rule.at
    law = [claim for claim in by(method).run.claims if claim.numbers.get("allowed") == rule.at]
    assert [claim.numbers["audit"] for claim in law] == [pytest.approx(np.nanmax(audit))]


@pytest.mark.parametrize("method", METHODS)
def test_strokes_are_explained_where_an_escape_is_predicted(method):
    picture = modes([by(method, start_scale=1e-3)])
    told = any(marks(panel, Ticks) for panel in picture.panels)
    assert told == (method == PLAIN)
    assert ("strokes" in picture.notes[0]) == told


@pytest.mark.parametrize(
    ("names", "unit"),
    [
        (("gradient-descent", "momentum"), ", in units of 1/M"),
        (("scaled",), ""),
        (("adam",), ", in units of √M"),
    ],
)
def test_the_flow_time_has_the_units_of_the_steps(names, unit):
    picture = methods([by(name) for name in names], FLOW_TIME)
    assert {panel.x.label for panel in picture.panels} == {f"flow time Ση{unit}"}


def test_steps_of_several_units_have_no_flow_time_in_common():
    with pytest.raises(SettingsError, match="different units") as caught:
        methods([by("momentum"), by("scaled")], FLOW_TIME)
    assert "step or passes" in caught.value.way_out


@pytest.mark.slow
def test_seven_runs_are_written_and_told_apart():
    assert image(methods(every()), "png").startswith(b"\x89PNG")
    pens = {(mark.pen.hue % 6, mark.pen.dash) for mark in marks(methods(every()).panels[0], Line)}
    assert len(pens) == len(METHODS)


def test_runs_without_a_gap_show_their_residuals():
    runs = [by(name, optimum=False, engine="direct", max_iter=20) for name in ("momentum", "adam")]
    assert methods(runs).panels[0].y.label.startswith("residual")
    assert methods([subject("constant")]).notes[-1].startswith("conserved: ‖D − D₀‖/‖M‖")
