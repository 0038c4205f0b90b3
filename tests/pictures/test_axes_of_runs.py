"""What runs are drawn over, and which cannot be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_runs import curves, network, old, same, subject

from mfact.errors import DataError, SettingsError
from mfact.pictures.balance import balance
from mfact.pictures.convergence import convergence
from mfact.pictures.ledger import ledger
from mfact.pictures.names import X
from mfact.pictures.spectrum import spectrum
from mfact.studies.differing import Subject

OVER_X = (convergence, balance, ledger)


def residuals(*subjects, x="step"):
    panel = convergence(subjects, x).panels[-1]
    return panel, [*curves(panel).values()]


def without(one, *names):
    """The run in a file that lacks these columns."""
    kept = {name: values for name, values in one.run.trace.items() if name not in names}
    return Subject(one.name, replace(one.run, trace=kept))


@pytest.mark.parametrize(("x", "name"), [("flow-time", "flow_time"), ("passes", "passes")])
def test_flow_time_and_passes_are_those_of_the_rows(x, name):
    one = subject("direct")
    panel, (curve,) = residuals(one, x=x)
    assert same(curve.x, one.run.trace[name])
    assert not panel.x.log
    assert "1/M" in panel.x.label or x == "passes"


def test_passes_of_engines_are_drawn_beside_each_other():
    direct, reduced = subject("direct"), subject("constant")
    _, (first, second) = residuals(direct, reduced, x="passes")
    assert first.x[-1] == first.x[0] + direct.run.summary["iterations"]
    assert second.x[-1] <= reduced.run.summary["passes"]


@pytest.mark.parametrize("x", X)
def test_every_axis_has_a_label_of_its_own(x):
    labels = {convergence([subject("constant")], each).panels[0].x.label for each in X}
    assert len(labels) == len(X)


def test_a_long_run_is_drawn_by_powers_of_ten_of_its_steps():
    one = subject("decaying")
    panel, (curve,) = residuals(one)
    assert one.run.trace["step"][-1] > 1e4
    assert panel.x.log
    assert same(curve.x, np.maximum(one.run.trace["step"], 1))


def test_a_short_run_beside_a_long_one_is_seen():
    panel, (short, _) = residuals(subject("diverging"), subject("decaying"))
    assert panel.x.log
    assert short.x[0] == 1


def test_steps_beyond_the_floats_are_drawn_by_their_logarithm():
    one = subject("endless")
    assert np.isinf(one.run.trace["step"][-1])
    panel, (first, second) = residuals(one, subject("constant"))
    assert panel.x.label.startswith("log₁₀")
    assert not panel.x.log
    assert same(first.x, one.run.trace["log10_step"])
    assert same(second.x, np.log10(np.maximum(subject("constant").run.trace["step"], 1)))


def test_steps_beyond_the_floats_without_their_logarithm_are_left_out():
    one = without(subject("endless"), "log10_step")
    _, (curve,) = residuals(one)
    steps = one.run.trace["step"]
    known = np.isfinite(curve.y)
    assert np.array_equal(known, np.isfinite(steps))
    assert same(curve.x[known], np.log10(np.maximum(steps[known], 1)))


def test_what_happens_in_the_first_steps_is_seen():
    """Half of the way of the drift is in the first hundredth: of the gap it is not."""
    step = np.arange(1000.0)
    drift = np.minimum(step + 1, 3)
    trace = {"step": step, "gap": 10 ** (-step / 100), "drift": drift, "ledger": drift}
    one = Subject("a", replace(subject("constant").run, trace=trace))
    assert ledger([one]).panels[0].x.log
    assert not convergence([one]).panels[0].x.log


def test_an_older_file_is_refused_the_passes_and_told_a_way_out():
    with pytest.raises(
        DataError, match=r"do not tell the passes.*: draw it over step or flow-time"
    ):
        convergence([old()], "passes")
    with pytest.raises(DataError, match=r"a\\x1bb do not tell"):
        convergence([replace(old(), name="a\x1bb")], "passes")
    assert convergence([old()], "flow-time").panels


@pytest.mark.parametrize("picture", OVER_X)
def test_what_cannot_be_drawn_is_refused_in_one_line(picture):
    bare = without(subject("constant"), *subject("constant").run.trace)
    with pytest.raises(DataError, match=r"^constant-1\.run\.h5 holds no rows of its run: draw the"):
        picture([bare])
    with pytest.raises(SettingsError, match=r"^net\.h5 is the run of a network: draw it apart"):
        picture([subject("constant"), network()])
    with pytest.raises(SettingsError, match=r"^runs are not drawn over 'time': choose step, flow"):
        picture([subject("constant")], "time")
    with pytest.raises(SettingsError, match=r"^there is no run to draw"):
        picture([])


@pytest.mark.parametrize("picture", OVER_X)
def test_rows_that_do_not_tell_it_are_refused(picture):
    names = {*subject("constant").run.trace} - {"step"}
    with pytest.raises(DataError, match=r"^the rows of constant-1\.run\.h5 do not tell"):
        picture([without(subject("constant"), *names)])


def test_a_run_without_rows_has_its_spectrum():
    bare = without(subject("constant"), *subject("constant").run.trace)
    assert len(spectrum([bare]).panels) == 2
    with pytest.raises(SettingsError, match=r"^net\.h5 is the run of a network"):
        spectrum([network()])
