"""The page of a network's run: compared with stored text, and held to what no page may do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from network_by_hand import NET, network_by_hand, trace_of

from mfact.core import Claim, Outcome, Verdict
from mfact.networks.settings import NetworkSettings
from mfact.networks.spec import parse
from mfact.options import options_of
from mfact.report.columns import cut
from mfact.report.network_layers import layers_parts, numbers_of_layers
from mfact.report.network_page import NetworkPage
from mfact.report.network_views import network_views
from mfact.report.parts import text_of
from mfact.report.progress import Progress
from mfact.report.stream import RowStream
from mfact.report.terminal import Look

SNAPSHOTS = Path(__file__).parent / "snapshots"
LOOKS = {f"{width}": Look(width=width) for width in (80, 100)} | {
    "40-ascii": Look(width=40, ascii_only=True)
}
KINDS = {"network": False, "network-full": True}
CLAIMS = ("theorem-2.1", "theorem-2.2", "corollary-2.1", "theorem-2.3", "drift-bound", "euler")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LOOKS)
def test_page_is_the_stored_one(kind, name):
    page = NetworkPage(network_by_hand(), full=KINDS[kind])
    assert page.text(LOOKS[name]) == (SNAPSHOTS / f"{kind}-{name}.txt").read_text("utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_markdown_is_the_stored_one(kind):
    page = NetworkPage(network_by_hand(), full=KINDS[kind])
    assert page.markdown() == (SNAPSHOTS / f"{kind}.md").read_text("utf-8")


@given(
    rows=st.integers(1, 3000),
    words=st.lists(st.sampled_from(["50r", "50r", "40", "30a.1b"]), min_size=1, max_size=25),
    verdicts=st.lists(st.sampled_from([Verdict.HOLDS, Verdict.NOT_MET]), min_size=6, max_size=6),
    flags=st.integers(0, 12),
)
def test_the_short_page_is_read_to_its_end(rows, words, verdicts, flags):
    # Whatever held of a network of up to 26 layers: 45 lines at 80 columns, the outcome last.
    net = parse(f"30:{'-'.join(words)}-5")
    detail = (
        "what the flow keeps moved by 0.0123, the exact law of the steps gives 0.0123, off by 1e-16"
    )
    pairs = zip(CLAIMS, verdicts, strict=True)
    claims = [Claim(name, "", verdict, detail, "") for name, verdict in pairs]
    names = list(options_of(NetworkSettings))[:flags]
    made = network_by_hand(net, trace=trace_of(net, np.arange(rows)), claims=tuple(claims))
    flagged = {name: {"value": 0.0123456789, "source": "flag"} for name in names}
    made = network_by_hand(
        net, trace=made.trace, claims=made.claims, settings={**made.settings, **flagged}
    )
    lines = NetworkPage(made).text(LOOKS["80"]).splitlines()
    assert len(lines) <= 45
    assert lines[-2] == made.outcome.sentence
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
@pytest.mark.parametrize("full", [False, True])
def test_every_line_fits_and_numbers_are_whole(width, full):
    text = NetworkPage(network_by_hand(), full=full).text(Look(width=width, ascii_only=True))
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= width
    assert "..." not in text.replace("... 2 more", "")
    for whole in ("0.0001004", "1.012e-12"):  # L, and ‖W_1‖² of the table of layers
        assert whole in text


@pytest.mark.parametrize("full", [False, True])
def test_hostile_names_cannot_write_markup_or_escapes(full):
    made = network_by_hand(problem={"name": "[bold]a[/] \x1b[2J\udcff"})
    text = NetworkPage(made, full=full).text(LOOKS["100"])
    assert "[bold]a[/] \\x1b[2J\\xff" in text
    assert "\x1b" not in text


def test_each_outcome_has_its_sentence_last_and_an_empty_run_a_page():
    for outcome in Outcome:
        made = network_by_hand(outcome=outcome, trace={}, claims=(), settings={})
        lines = NetworkPage(made).text(LOOKS["80"]).splitlines()
        assert lines[-2:] == [outcome.sentence, f"  {made.message}"]
        assert "Iterations" not in lines


def test_a_deep_network_has_equal_layers_in_one_line():
    net = parse("30:" + "50r-" * 20 + "50-5")
    (part,) = layers_parts(net)
    lines = text_of([part], LOOKS["100"]).splitlines()
    told = [re.split(r"\s{2,}", line.strip()) for line in lines[2:]]
    assert told == [
        ["input", "30"],
        ["1: dense 50, ReLU", "50", "1500", "50 neurons"],
        ["2 … 20: dense 50, ReLU", "50", "2500 each", "50 neurons"],
        ["21: dense 50", "50", "2500", "matrix 50×50"],
        ["22: dense 5", "5", "250"],
    ]
    cut_text = text_of(layers_parts(net, 4), LOOKS["100"])
    assert "… 20 more" in cut_text
    assert "22: dense 5" in cut_text


@given(st.integers(1, 60), st.integers(3, 20))
def test_a_cut_keeps_both_ends_and_says_what_it_leaves_out(count, most):
    places = cut(count, most)
    assert len(places) == min(count, most)
    assert (places[0], places[-1]) == (0, count - 1)
    assert places.count(None) == (count > most)


def test_shared_weights_are_told_by_their_groups():
    from mfact.networks.architecture import Architecture
    from mfact.networks.layers import Dense

    share = np.array([[1, 2, 0], [1, 2, 0], [3, 3, 4]])
    net = Architecture.of([Dense(3, share=share), Dense(2)], (3,))
    # The first two units are tied by their weights, the third stands alone.
    assert "2 groups" in text_of(layers_parts(net), LOOKS["100"])


def test_the_table_of_layers_is_the_last_row():
    trace = network_by_hand().trace
    heads = {column.heading: column.cells for column in numbers_of_layers(trace, 3)}
    assert heads["‖W_h‖²"] == tuple(f"{trace[f'norm_{h}'][-1]:.3e}" for h in (1, 2, 3))
    assert heads["drift"] == (*(f"{trace[f'neuron_drift_{h}'][-1]:.3e}" for h in (1, 2)), "-")


def views(**options):
    told = {"rows": None, "timing": True, "factors": True, "full": False} | options
    drawn = network_views(network_by_hand(), **told)
    return {name: "".join(view(LOOKS["80"])) for name, view in drawn.items()}


def test_json_holds_the_whole_result():
    back, made = json.loads(views()["json"]), network_by_hand()
    assert back["schema"] == "mfact-network-result/1"
    assert back["network"] == made.network
    assert back["trace"]["norm_2"] == made.trace["norm_2"].tolist()
    assert back["claims"][2]["numbers"]["bound"] is None
    for name, W in made.weights.items():
        np.testing.assert_array_equal(back["weights"][name], W)
    assert "weights" not in json.loads(views(factors=False)["json"])
    assert "seconds" not in json.loads(views(timing=False)["json"])["summary"]


def test_the_other_views_have_rows_outcome_and_claims():
    drawn = views()
    *rows, last = map(json.loads, drawn["jsonl"].splitlines())
    assert [row["step"] for row in rows] == [0, 10, 20, 30, 40]
    assert (last["type"], last["outcome"]) == ("result", "COMPLETED")
    head, *lines = drawn["csv"].splitlines()
    assert head.split(",") == list(network_by_hand().trace)
    assert len(lines) == 5
    assert '<testsuite name="mfact" tests="4" failures="0"' in drawn["junit"]
    assert drawn["github"].startswith("::notice title=x [1].npy%2C y.npy::took all its steps. ")


def measured_rows(steps, every):
    """Rows of a network's run, the laws measured at every k-th step."""
    rows = {"step": steps, "log10_step": np.log10(np.maximum(steps, 1)), "loss": 1.0 / (1 + steps)}
    rows |= {"drift": 0.5 * steps, "euler": 0.0 * steps}
    for name in ("drift", "euler"):
        rows[name][steps % every != 0] = np.nan
    return rows


def test_the_last_row_is_streamed_with_what_was_measured_of_it_at_the_end():
    lines = []
    stream = RowStream(lines.extend, 4, ("step", "loss", "drift"))
    stream.segment(measured_rows(np.arange(7), 4))
    columns = {"step": [0, 4, 6], "loss": [9.0, 9.0, 9.0], "drift": [0.0, 2.0, 3.0]}
    trace = {name: np.array(column) for name, column in columns.items()}
    stream.stop(network_by_hand(trace=trace))
    rows = [json.loads(line) for line in "".join(lines).splitlines()]
    assert [(row["step"], row["drift"]) for row in rows] == [(0, 0.0), (4, 2.0), (6, 3.0)]
    assert rows[-1]["loss"] == pytest.approx(1 / 7, rel=1e-15)  # what was known stays
    assert list(rows[0]) == ["type", "step", "loss", "drift"]


def test_progress_tells_loss_and_the_last_drift_that_was_measured():
    shown = []
    progress = Progress(shown.append, 0.0, 90, clock=lambda: 0.0)
    progress.segment(measured_rows(np.arange(7), 4))
    assert shown == ["step 6  L 1.429e-01  ‖Q−Q₀‖ 2.000e+00"]


def test_the_fixture_is_of_the_network_that_it_names():
    assert NetworkPage(network_by_hand()).result.network["input"] == list(NET.given)
