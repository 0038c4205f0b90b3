"""The picture of modes draws what the run recorded and what is known of M, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_runs import network, old
from matrices import matrix, of_kind

from mfact.errors import DataError, SettingsError
from mfact.pictures.drawing import Line, Rule, Ticks
from mfact.pictures.modes import modes, passes
from mfact.run.solve import solve
from mfact.studies.differing import Subject


def solved(sigma=(3.0, 2.0), name="a.run.h5", **options):
    M = matrix(np.random.default_rng(2), (14, 11), sigma)[0]
    chosen = {"rank": len(sigma), "schedule": "constant", "seed": 1, "modes": "on"} | options
    return Subject(name, solve(M, **chosen))


def marks(panel, kind):
    return {mark.label: mark for mark in panel.marks if isinstance(mark, kind)}


@pytest.mark.parametrize("x", ["step", "flow-time"])
def test_lines_are_the_recorded_values_and_dashed_those_of_M(x):
    subject = solved()
    run, picture = subject.run, modes([subject], x)
    (panel,) = picture.panels
    lines, rules = marks(panel, Line), marks(panel, Rule)
    assert list(lines) == ["σ_1(UVᵀ)", "σ_2(UVᵀ)"]
    for i, line in enumerate(lines.values()):
        assert np.array_equal(line.x, run.modes[x.replace("-", "_")])
        assert np.array_equal(line.y, run.modes["sigma"][:, i])
        rule = rules[f"σ_{i + 1}(M)"]
        assert (rule.axis, rule.at) == ("y", run.problem["singular_values"][i])
        assert rule.pen.hue == line.pen.hue
    assert picture.title == "Modes: array, rank 2"
    assert len(picture.notes) == 1


@pytest.mark.parametrize("x", ["step", "flow-time"])
def test_strokes_stand_where_half_of_a_mode_was_predicted(x):
    subject = solved(start_scale=1e-4, step_size=0.01)
    run = subject.run
    (panel,) = modes([subject], x).panels
    strokes = [mark.x[0] for mark in marks(panel, Ticks).values()]
    taus = run.modes["escape"]
    # Of constant steps the flow time is the number of steps times their length.
    expected = taus if x == "flow-time" else taus / 0.01
    assert strokes == pytest.approx(expected, rel=1e-9)
    # And there the modes are half grown, within the 2 % that such times are off: e^{2·0.02·ln(σ/s)}
    # of them, ln(σ/s) ≈ 16.
    for i, line in enumerate(marks(panel, Line).values()):
        grown = np.interp(strokes[i], line.x, line.y) / run.problem["singular_values"][i]
        assert 0.3 < grown < 0.7


@pytest.mark.parametrize("options", [{"engine": "direct"}, {}, {"rank": 1, "schedule": "power"}])
def test_over_passes_only_what_is_known_of_them_is_drawn(options):
    """Of rows between which the bases grew only one that is recorded tells."""
    chosen = {"rank": 2, "schedule": "constant", "seed": 1, "every": 7} | options
    M = of_kind("noise")
    thin, full = (solve(M, modes="on", **chosen | {"every": k}) for k in (7, 1))
    found = passes(thin)
    for step, count in zip(thin.modes["step"], found, strict=True):
        row = np.searchsorted(full.trace["step"], step)
        there = step in full.trace["step"]
        assert np.isnan(count) or not there or count == full.trace["passes"][row]
    assert np.count_nonzero(~np.isnan(found)) > 0.6 * len(found)
    (panel,) = modes([Subject("a", thin)], "passes").panels
    line = marks(panel, Line)["σ_1(UVᵀ)"]
    assert np.array_equal(line.x, found, equal_nan=True)


def test_of_values_far_apart_powers_of_ten_are_drawn():
    (near,) = modes([solved()]).panels
    (far,) = modes([solved((3.0, 0.01), tol=1e-4, max_iter=300)]).panels
    assert not near.y.log
    assert near.y.least == 0
    assert far.y.log


def test_what_is_hidden_or_unknown_is_told_in_notes():
    subject = solved()
    run = subject.run
    sigma = run.modes["sigma"].copy()
    sigma[:3, 1] = np.nan
    changed = replace(run, modes={**run.modes, "sigma": sigma, "escape": np.array([0.1, 1e9])},
                      problem={**run.problem, "singular_values": None})  # fmt: skip
    picture = modes([Subject("a", changed)])
    assert list(picture.notes[1:]) == [
        "the singular values of M are not known",
        "singular values of UVᵀ that rounding hides are not drawn",
        "of mode 2 the predicted escape is after the end of the run",
    ]
    (panel,) = picture.panels
    assert not marks(panel, Rule)
    assert len(marks(panel, Ticks)) == 1
    assert np.isnan(marks(panel, Line)["σ_2(UVᵀ)"].y[:3]).all()


def test_each_run_has_its_column_under_what_it_differs_in():
    subjects = [solved(start_scale=s, name=f"{s}.h5") for s in (0.1, 0.01)]
    picture = modes(subjects)
    assert [panel.title for panel in picture.panels] == ["start scale 0.1", "start scale 0.01"]
    assert len(picture.columns) == 2
    assert picture.panels[0].y == picture.panels[1].y


def test_a_flight_is_drawn_to_its_end():
    run = solve(of_kind("noisy"), rank=2, seed=1, delta=0.3, modes="on")
    (panel,) = modes([Subject("a", run)]).panels
    lines = marks(panel, Line).values()
    assert all(line.y[-1] == pytest.approx(s, rel=1e-4)
               for line, s in zip(lines, run.problem["singular_values"], strict=False))  # fmt: skip
    assert panel.x.log


@pytest.mark.parametrize(
    ("subjects", "x", "error", "words"),
    [
        (lambda: [solved(modes="off")], "step", DataError,
         r"^a\.run\.h5 recorded no modes: run it again with --modes on$"),
        (lambda: [old()], "step", DataError, "recorded no modes: run it again"),
        (lambda: [network()], "step", SettingsError, "is the run of a network"),
        (lambda: [], "step", SettingsError, "there is no run"),
        (lambda: [solved()] * 4, "step", SettingsError, "the modes of 4 runs .*: name 3 of them"),
        (lambda: [solved()], "loss", SettingsError, "not drawn over 'loss'"),
    ],
    ids=["off", "format 1", "network", "none", "four", "loss"],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_in_a_line(subjects, x, error, words):
    with pytest.raises(error, match=words) as caught:
        modes(subjects(), x)
    assert "\n" not in str(caught.value)
