"""The drift, its exact law, its bound and the audit are drawn as the run tells them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_runs import curves, drawn, marks, old, printed, random_subjects, same, subject
from hypothesis import given, settings

from mfact.core import Verdict
from mfact.errors import SettingsError
from mfact.pictures.drawing import Dots, Line, Rule
from mfact.pictures.laws import MOST_DOTS
from mfact.pictures.ledger import bound, ledger
from mfact.studies.differing import Subject

BOUND, LAW, DRIFT = "bound 2η(f₀ − fₜ)", "exact law", "drift"


def claim(run, name):
    return next(claim for claim in run.claims if claim.name == name)


def judged(one, verdict):
    """The run with another verdict on its bound."""
    claims = (replace(c, verdict=verdict) if c.name == "drift-bound" else c for c in one.run.claims)
    return Subject(one.name, replace(one.run, claims=tuple(claims)))


@settings(max_examples=40)
@given(random_subjects())
def test_dots_lie_on_rows_and_the_law_is_the_column(one):
    run = one.run
    (column,) = ledger([one]).columns
    found, told = curves(column[0]), np.isfinite(run.trace["ledger"])
    law, dots = run.trace["ledger"][told], found[DRIFT]
    mark = found[LAW] if LAW in found else Dots(LAW, np.zeros(0), np.zeros(0))
    shown = drawn(law) if column[0].y.log else law
    if isinstance(mark, Dots):
        shown = shown[np.isfinite(shown)]
    assert same(mark.y, shown)
    assert len(dots.x) <= MOST_DOTS
    steps = run.trace["step"][told]
    steps = np.maximum(steps, 1) if column[0].x.log else steps
    rows = {*zip(steps.tolist(), run.trace["drift"][told].tolist(), strict=True)}
    assert {*zip(dots.x.tolist(), dots.y.tolist(), strict=True)} <= rows
    assert len(dots.x) == 0 or dots.x[-1] == steps[-1] or column[0].y.log
    assert printed(ledger([one]))


@settings(max_examples=40)
@given(random_subjects())
def test_where_the_bound_is_drawn_it_holds_at_each_row_and_ends_as_the_claim_says(one):
    run, most = one.run, bound(one.run)
    found = claim(run, "drift-bound")
    assert np.all(np.isnan(most)) == (found.verdict is not Verdict.HOLDS)
    if found.verdict is Verdict.HOLDS:
        assert most[-1] == found.numbers["bound"]
        # Both losses are rounded, and so is D: what the claim itself allows.
        assert np.all(run.trace["drift"] <= most + found.numbers["rounding"])


def test_the_bound_is_dashed_and_the_allowed_rounding_dotted():
    upper, strip = ledger([subject("constant")]).columns[0]
    assert same(curves(upper)[BOUND].y, drawn(bound(subject("constant").run)))
    (rule,) = marks(strip, Rule)
    assert rule.at == claim(subject("constant").run, "ledger").numbers["allowed"]
    assert strip.height < upper.height
    assert same(curves(strip)["audit"].y, drawn(subject("constant").run.trace["audit"]))
    assert (upper.legend, strip.legend) == (True, True)


@pytest.mark.parametrize("verdict", [v for v in Verdict if v is not Verdict.HOLDS])
def test_a_bound_that_is_not_known_to_hold_is_left_out_and_told(verdict):
    picture = ledger([judged(subject("constant"), verdict)])
    assert BOUND not in curves(picture.panels[0])
    assert picture.notes == (f"no bound: {verdict}",)


def test_a_fast_forwarded_run_is_drawn_as_far_as_its_law_is_told():
    one = subject("endless")
    picture = ledger([one])
    told = np.isfinite(one.run.trace["ledger"])
    assert not told.all()
    assert curves(picture.panels[0])[LAW].x[-1] == one.run.trace["step"][told][-1]
    first, end = int(one.run.trace["step"][~told][0]), one.run.trace["drift"][-1]
    assert picture.notes[0] == (
        f"from step {first} on it was fast-forwarded, where the law is not told;"
        f" the drift at its end is {end:.4g}"
    )
    assert picture.panels[0].x.label.startswith("step t")


def test_dots_are_spread_evenly_over_the_axis():
    steps = np.arange(5000.0)
    run = replace(subject("constant").run, trace={"step": steps, "drift": steps, "ledger": steps})
    (dots,) = (d for d in marks(ledger([Subject("a", run)]).panels[0], Dots) if d.label == DRIFT)
    apart = np.diff(dots.x)
    assert len(dots.x) == MOST_DOTS
    assert apart.max() <= apart.min() + 1


def test_each_run_has_its_column_and_one_legend_tells_of_all():
    three = [subject(name) for name in ("direct", "constant", "rank 1")]
    picture = ledger(three)
    assert [column[0].title for column in picture.columns] == [
        "rank 2, direct", "rank 2, reduced", "rank 1, reduced",
    ]  # fmt: skip
    assert picture.panels[0].legend
    dots = [curves(column[0])[DRIFT] for column in picture.columns]
    assert all(len(mark.x) <= MOST_DOTS // 2 for mark in dots)
    told = [{mark.label for mark in column[0].marks} for column in picture.columns]
    assert picture.columns[2][0].legend == (not told[2] <= told[0] | told[1])


def test_more_runs_than_columns_are_refused():
    with pytest.raises(SettingsError, match=r"^the ledger of 4 runs .*: name 3 of them at most$"):
        ledger([subject("constant", seed) for seed in (1, 2, 3, 4)])


def test_a_run_of_no_steps_has_a_dot_on_its_law_and_no_audit():
    picture = ledger([subject("none")])
    (panel,) = picture.panels
    assert [mark.label for mark in marks(panel, Dots)] == [LAW, DRIFT]
    assert all((mark.x.tolist(), mark.y.tolist()) == ([0.0], [0.0]) for mark in panel.marks)
    assert picture.notes[0] == "D has not moved beyond rounding"


def test_rows_without_a_law_have_their_drift():
    kept = {n: c for n, c in subject("constant").run.trace.items() if n not in ("ledger", "audit")}
    picture = ledger([Subject("a", replace(subject("constant").run, trace=kept))])
    assert not [mark for mark in marks(picture.panels[0], Line) if mark.label == LAW]
    assert len(curves(picture.panels[0])[DRIFT].x) > 1
    assert "its rows do not tell the law" in picture.notes


def test_a_run_of_format_1_has_its_bound_and_no_rounding_that_it_does_not_tell():
    upper, strip = ledger([old()]).columns[0]
    assert curves(upper)[BOUND].y[-1] == claim(old().run, "drift-bound").numbers["bound"]
    assert not marks(strip, Rule)
