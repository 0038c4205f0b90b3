"""Pictures of networks: each number that is drawn is one of the run file, or what is derived."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from network_by_hand import network_by_hand, trace_of

from mfact.core import Outcome, Result
from mfact.errors import MfactError
from mfact.networks.settings import NetworkSettings
from mfact.networks.spec import parse
from mfact.pictures.drawing import Band, Dots, Hue, Line
from mfact.pictures.network import network_balance, network_convergence, network_ledger
from mfact.run.network.data import drawn_data
from mfact.run.network.solve import train
from mfact.studies.differing import Subject

DRAW = (network_convergence, network_balance, network_ledger)


@cache
def run(**options):
    """A small network of three layers, trained."""
    asked = {"layers": "6:5r-4-3", "data": "uniform", "targets": "network", "points_count": 30,
             "step_size": 0.1, "max_iter": 60, "seed": 1, "start_scale": 0.3} | options  # fmt: skip
    settings = NetworkSettings(**asked)
    return train(*drawn_data(settings), settings, sources={})


def subjects(*each):
    return [Subject(f"{place}.h5", run(**options)) for place, options in enumerate(each)]


def drawn(panel, kind=Line):
    """The marks of a kind that are somewhere."""
    return [mark for mark in panel.marks if type(mark) is kind and len(mark.x)]


def labels(panel):
    return [mark.label for mark in panel.marks if mark.label]


def test_loss_and_gradient_are_those_of_the_rows():
    (one,) = subjects({})
    for x, column in (("step", "step"), ("flow-time", "flow_time")):
        loss, gradient = network_convergence([one], x).panels
        for panel, name in ((loss, "loss"), (gradient, "gradient_norm")):
            (line,) = drawn(panel)
            assert np.array_equal(line.x, one.run.trace[column])
            assert np.array_equal(line.y, one.run.trace[name])
            assert panel.y.log


def test_every_layer_and_every_place_is_drawn_by_its_column():
    (one,) = subjects({})
    norms, apart, ratios, neurons = network_balance([one]).panels
    trace = one.run.trace
    assert [line.label for line in drawn(norms)] == ["W₁", "W₂", "W₃"]
    for h, line in enumerate(drawn(norms), 1):
        assert np.array_equal(line.y, trace[f"norm_{h}"])
    for panel, name in ((apart, "difference"), (ratios, "ratio"), (neurons, "neuron_drift")):
        assert [line.label for line in drawn(panel)] == ["1 → 2", "2 → 3"]
        for h, line in enumerate(drawn(panel), 1):
            known = np.isfinite(line.y)
            assert np.array_equal(line.y[known], np.abs(trace[f"{name}_{h}"])[known])
            assert np.all(known | (trace[f"{name}_{h}"] == 0))
    pens = [line.pen for line in drawn(norms)]
    assert len({pen.hue for pen in pens}) == len({pen.dash for pen in pens}) == 3


def test_of_two_runs_colours_tell_the_run_and_dashes_the_layer():
    panels = network_balance(subjects({}, {"start": "paper-unbalanced"})).panels
    for panel, count in zip(panels, (3, 2, 2, 2), strict=True):
        lines = drawn(panel)
        assert [line.pen.hue for line in lines] == [0] * count + [1] * count
        dashes = [line.pen.dash for line in lines]
        assert dashes[:count] == dashes[count:]
        assert len(set(dashes)) == count
    told = ["paper-balanced: W₁", "W₂", "W₃", "paper-unbalanced: W₁"]
    assert labels(panels[0]) == told
    assert labels(panels[1]) == ["1 → 2", "2 → 3"]


def test_seeds_become_a_band_that_holds_every_run():
    three = subjects(*({"seed": seed} for seed in (1, 2, 3)))
    picture = network_balance(three)
    band, line = (drawn(picture.panels[0], kind)[0] for kind in (Band, Line))
    each = np.array([subject.run.trace["norm_1"] for subject in three])
    assert np.array_equal(band.x, three[0].run.trace["step"])
    assert np.array_equal(band.low, each.min(axis=0))
    assert np.array_equal(band.high, each.max(axis=0))
    assert np.array_equal(line.y, np.median(each, axis=0))
    assert "3 seeds: bands from the least to the largest, lines their medians" in picture.notes


def test_of_a_deep_network_the_places_of_most_drift_have_a_name():
    deep = run(layers="6:5r-5r-5r-5r-5r-5r-5r-5r-3", max_iter=20)
    picture = network_balance([Subject("deep.h5", deep)])
    norms, _, _, neurons = picture.panels
    assert labels(norms) == [f"W{n}" for n in "₁₃₄₆₇₉"]
    ends = {h: deep.trace[f"neuron_drift_{h}"][-1] for h in range(1, 9)}
    worst = sorted(sorted(ends, key=ends.get)[-6:])
    assert labels(neurons) == [f"{h} → {h + 1}" for h in worst]
    assert len(drawn(neurons)) == 8
    assert sum(line.pen.hue is Hue.GREY for line in drawn(neurons)) == 2
    assert "2 more places between layers, of less drift: grey" in picture.notes
    two = [Subject("a.h5", deep), Subject("b.h5", run(max_iter=20))]
    assert any(note.endswith("of less drift: not drawn") for note in network_balance(two).notes)


def test_the_drift_lies_on_the_ledger_under_its_bound():
    (one,) = subjects({})
    drift, audit, units, apart = network_ledger([one]).panels
    bound, law = drawn(drift)
    (dots,) = drawn(drift, Dots)
    assert (bound.label, law.label, dots.label) == ("bound", "exact law", "drift")
    trace = one.run.trace
    assert np.array_equal(law.y[1:], trace["ledger"][1:])
    assert np.isnan(law.y[0])
    assert set(dots.y) <= set(trace["drift"][1:])
    assert np.array_equal(drawn(audit)[0].y[1:], trace["audit"][1:])
    # ‖Δ‖² of two places, each at most 2η(L₀ − L).
    at_most = np.sqrt(2) * 2 * 0.1 * (trace["loss"][0] - trace["loss"])
    assert np.allclose(bound.y[1:], at_most[1:], rtol=1e-12)
    assert np.all(trace["drift"][1:] <= bound.y[1:])
    assert len(labels(units)) == 2
    assert len(drawn(apart)) == 2


@pytest.mark.parametrize("layers", ["6:5r-4-3", "6:5q-4r-3", "6:5rb-4b-3"])
def test_the_worst_unit_is_that_of_the_weights(layers):
    one = Subject("a.h5", run(layers=layers, max_iter=40))
    units = network_ledger([one]).panels[2]
    W, start = one.run.weights, one.run.start
    for h, line in enumerate(drawn(units), 1):
        p = 2 if layers == "6:5q-4r-3" and h == 1 else 1

        def law(parts, h=h, p=p):
            fed = np.sum(parts[f"W/{h}"] ** 2, axis=1) + parts.get(f"b/{h}", 0.0) ** 2
            return fed - p * np.sum(parts[f"W/{h + 1}"] ** 2, axis=0)

        moved = law(W) - law(start)
        worst = int(np.argmax(np.abs(moved)))
        assert line.label == f"{h} → {h + 1}, unit {worst}"
        dots = drawn(units, Dots)[h - 1]
        # Sums of a few squares near 1, in another order.
        assert dots.y[-1] == pytest.approx(moved[worst], abs=1e-14)
        assert line.y[-1] == pytest.approx(moved[worst], abs=1e-13)


def test_where_no_bound_is_known_none_is_drawn_and_it_is_said():
    other = {"method": "momentum", "momentum": 0.5}
    picture = network_ledger(subjects({}, other))
    assert [panel.title for panel in picture.panels] == ["gradient-descent", "",
                                                         "momentum, momentum 0.5", ""]  # fmt: skip
    assert [len(drawn(panel)) for panel in picture.panels] == [2, 1, 1, 1]
    assert any(note.endswith("no bound: hypotheses not met") for note in picture.notes)


def test_one_row_is_a_dot():
    one = network_by_hand()
    short = replace(one, trace=trace_of(parse("8:4r-4b-2"), np.arange(1)), neurons={})
    for draw in DRAW:
        assert not any(drawn(panel) for panel in draw([Subject("a", short)]).panels)
    (loss, _) = network_convergence([Subject("a", short)]).panels
    assert drawn(loss, Dots)[0].y == short.trace["loss"]


def test_what_the_rows_lack_is_left_out():
    one = network_by_hand()
    kept = {name: c for name, c in one.trace.items() if not name.startswith(("ratio", "ledger"))}
    lacking = Subject("a.h5", replace(one, trace=kept, neurons={}))
    assert not drawn(network_balance([lacking]).panels[2])
    assert "exact law" not in labels(network_ledger([lacking]).panels[0])


@pytest.mark.parametrize("draw", DRAW)
def test_what_is_no_network_with_rows_is_refused_in_one_line(draw):
    one = network_by_hand()
    matrix = Result(Outcome.CONVERGED, "", np.eye(2), np.eye(2), {}, {}, {}, {})
    for given, x, told in (
        ([], "step", "there is no run to draw: name one"),
        ([Subject("a", one)], "passes", "networks are not drawn over 'passes': choose step or"),
        ([Subject("M.h5", matrix)], "step", "M.h5 is the run of a matrix: draw it apart"),
        ([Subject("a.h5", replace(one, trace={}))], "step", "a.h5 holds no rows of its run: run"),
    ):
        with pytest.raises(MfactError) as caught:
            draw(given, x)
        assert told in str(caught.value)


def test_more_ledgers_than_columns_are_refused():
    four = subjects(*({"seed": seed} for seed in (1, 2, 3, 4)))
    with pytest.raises(MfactError, match=r"would need as many columns: name 3 of them at most"):
        network_ledger(four)
