"""Adam on networks of all kinds: two lines that close at every step, and claims that say so."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_runs import AUDITED, claims_of, dense, engine, facts_of, recorded
from small_networks import ACTIVATIONS, KINDS, network, points, weights

import mfact
from mfact.core import Outcome, Verdict
from mfact.errors import SettingsError
from mfact.host.threads import Workers
from mfact.methods.adam import AdamForm
from mfact.networks.activations import BROKEN
from mfact.networks.batches import Batches
from mfact.networks.engine import NetworkEngine
from mfact.networks.losses import LOSSES
from mfact.networks.machine import Machine
from mfact.networks.measure import Measure

SMALL = {"layers": "8:6r-5r-3", "data": "gaussian", "points_count": 40, "seed": 2,
         "method": "adam"}  # fmt: skip
quiet = pytest.mark.filterwarnings("ignore::mfact.errors.ConvergenceWarning")


def adam(net, loss="squared", decay=0.0, batch=None, seed=0):
    X, Y = points(net, 30, loss, seed)
    made = Machine(net, X, Y, LOSSES[loss], Workers(1))
    form = AdamForm(decay)
    return NetworkEngine(Measure.of(made), form, Batches(30, batch), lambda s: s >= 0)


@pytest.mark.slow  # a few seconds
@settings(max_examples=40)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    activation=st.sampled_from([*ACTIVATIONS.values(), BROKEN["tanh"]]),
    loss=st.sampled_from(sorted(LOSSES)),
    decay=st.sampled_from([0.0, 0.02]),
    batch=st.sampled_from([None, 7]),
    eta=st.floats(1e-4, 3e-2),
    seed=st.integers(0, 1000),
)
def test_both_lines_close_at_every_step(kind, activation, loss, decay, batch, eta, seed):
    """Of what the weights were, and not of what the engine books."""
    net = network(kind, activation)
    made = adam(net, loss, decay, batch, seed)
    laws, state = made.measure.plain, made.start(weights(net, seed))
    first = [np.zeros_like(Q) for Q in state.ledger.start]
    second = [np.zeros_like(Q) for Q in first]
    for t in range(20):
        before = made.weights(state)
        segment = made.advance(state, np.full(1, eta / (1 + t) ** 0.25))
        state = segment.state
        step = [b - a for b, a in zip(before, made.weights(state), strict=True)]
        for lines, more in ((first, laws.form(before, step)), (second, laws.form(step, step))):
            for i, Q in enumerate(more):
                lines[i] += -2 * Q if lines is first else Q
        now, ledger = laws.form(made.weights(state), made.weights(state)), state.ledger
        scale = 1 + sum(float(np.vdot(W, W)) for W in before)
        for i, Q in enumerate(now):
            assert np.abs(Q - ledger.start[i] - ledger.entries[i]).max() < 1e-11 * scale
            assert np.abs(ledger.memory[i] - first[i]).max() < 1e-11 * scale
            assert np.abs(ledger.entries[i] - first[i] - second[i]).max() < 1e-11 * scale
        length = np.sqrt(sum(float(np.vdot(d, d)) for d in step))
        assert segment.rows["move"][0] == pytest.approx(length, rel=1e-9)
    rows = made.row(state)
    assert rows["audit"][0] < 1e-11 * scale
    for name, lines in (("line_1", first), ("line_2", second)):
        found = np.sqrt(sum(float(np.vdot(Q, Q)) for Q in lines))
        assert rows[name][0] == pytest.approx(found, abs=1e-11 * scale)
        for h, joint in enumerate(net.joints, 1):
            units = lines[h - 1].diagonal() if joint.is_matrix else lines[h - 1]
            told = [rows[f"{name}_{h}"][0], rows[f"layer_{name}_{h}"][0]]
            assert told == pytest.approx([np.abs(units).max(), units.sum()], abs=1e-11 * scale)
            if joint.is_matrix:
                whole = np.linalg.norm(lines[h - 1])
                assert rows[f"matrix_{name}_{h}"][0] == pytest.approx(whole, abs=1e-11 * scale)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch", [None, 7])
def test_claims_are_not_met_and_tell_what_was_measured(dtype, batch):
    made = engine(dense(), dtype, AdamForm(), batch)
    rows = recorded(made, 100, 0.01)
    found = claims_of(facts_of(made, 0.01), rows)
    for name in AUDITED:
        claim = found[name]
        assert claim.verdict is Verdict.NOT_MET
        assert "steps of adam keep no law; Q moved by up to" in claim.detail
        assert claim.numbers["line_1"] > 10 * claim.numbers["line_2"] > 0
        assert claim.numbers["audit"] <= claim.numbers["allowed"]
    assert found["theorem-2.2"].numbers["line_1"] == rows["matrix_line_1_1"].max()
    assert found["drift-bound"].verdict is Verdict.NOT_MET
    assert "the method is adam, not gradient descent" in found["drift-bound"].detail
    assert found["euler"].verdict is Verdict.HOLDS


@pytest.mark.parametrize("wrong", ["factor", "line", "moved"])
def test_an_identity_that_does_not_close_is_violated(wrong):
    class Wrong(AdamForm):
        def booked(self, *told):
            added, memory = super().booked(*told)
            if wrong == "factor":
                added = tuple(E * (1 + 1e-6) for E in added)
            if wrong == "line":
                added = tuple(E * (1 - 1e-4) for E in added)
            return added, memory

        def move(self, point, direction, step_size, scratch):
            super().move(point, direction, step_size * (1 + 1e-6 * (wrong == "moved")), scratch)

    made = engine(dense(), method=Wrong())
    rows = recorded(made, 100, 0.01)
    found = claims_of(facts_of(made, 0.01), rows)
    for name in AUDITED:
        assert found[name].verdict is Verdict.VIOLATED
        assert "both lines give" in found[name].detail


def test_an_activation_that_does_not_scale_is_told_besides():
    result = mfact.network(**SMALL, step_size=0.01, max_iter=50, show_broken="tanh")
    claim = next(c for c in result.claims if c.name == "theorem-2.1")
    assert claim.verdict is Verdict.NOT_MET
    assert claim.detail.startswith("steps of adam keep no law; tanh does not scale")


def test_what_does_not_go_with_adam_is_refused():
    with pytest.raises(SettingsError, match=r"those of adam are not: use form=.primal., or auto"):
        mfact.network(**SMALL, step_size=0.01, form="dual")
    with pytest.raises(SettingsError, match=r"momentum has no meaning with method=.adam."):
        mfact.network(**SMALL, step_size=0.01, momentum=0.5)
    with pytest.raises(SettingsError, match=r"give one: 0\.001 is usual"):
        mfact.network(**SMALL)
    # The ways out are ways.
    wide = {**SMALL, "layers": "50:6r-5r-3"}
    told = mfact.network(**wide, step_size=0.001, max_iter=3).settings["form"]["used"]
    assert told.startswith("primal: the dual form goes with steps that are linear")


@quiet
def test_a_step_that_is_too_long_is_told_without_a_curvature():
    result = mfact.network(**SMALL, step_size=5.0, start_scale=1.0, max_iter=50)
    assert result.outcome is Outcome.DIVERGED
    assert re.search(r"however steep L is: use a smaller step_size$", result.message)


@quiet
def test_a_run_whose_gradient_vanishes_goes_on_while_its_steps_have_length():
    """All ReLUs are dead after some steps, and what was kept moves the weights on."""
    result = mfact.network(**SMALL, step_size=1.0, start="kaiming", max_iter=3000)
    assert result.outcome is Outcome.STALLED
    still = result.trace["gradient_norm"] == 0
    assert np.count_nonzero(still) > 50
    assert np.count_nonzero(result.trace["move"][still] > 1e-3) > 20
    last, before = (result.trace["move"][-i] for i in (1, 2))
    size = sum(result.trace[f"norm_{h}"][-1] for h in (1, 2, 3)) ** 0.5
    assert last <= 0.05 * np.finfo(float).eps * size < before


@pytest.mark.parametrize("name", ["alternating", "scaled", "alternating-scaled"])
def test_a_method_of_two_factors_is_refused_as_one(name):
    with pytest.raises(SettingsError, match=r"two factors \(mfact solve\).*: choose one of.*adam"):
        mfact.network(**{**SMALL, "method": name}, step_size=0.01)
