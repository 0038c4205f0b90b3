"""The claims of a network run hold of true runs, and name the hypotheses that are not met."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.monitor_contract import MonitorContract
from network_runs import AUDITED, claims_of, dense, engine, facts_of, recorded, run
from recorded import blocks

from mfact.methods.torch_form import TorchForm
from mfact.networks.activations import BROKEN, Leaky, Linear, Relu, Square
from mfact.networks.architecture import Architecture
from mfact.networks.layers import Conv, Dense, Flatten, Pool
from mfact.networks.machine import DualMachine, Machine
from mfact.theory.network_claims import NetworkMonitor

NAMES = [*AUDITED, "drift-bound", "euler"]


class TestNetworkMonitor(MonitorContract):
    def make(self):
        return NetworkMonitor()

    def seen(self):
        made = engine(dense(), every=3)
        return facts_of(made), recorded(made, eta=0.02)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("form", [Machine, DualMachine])
def test_gradient_descent_keeps_what_the_paper_says(form, dtype):
    claims = run(engine(dense(Linear(), Linear()), dtype, form=form), eta=0.01)
    assert list(claims) == NAMES
    for claim in claims.values():
        assert claim.verdict == "holds", claim
    for name in AUDITED:
        numbers = claims[name].numbers
        assert 0 < numbers["audit"] < numbers["allowed"]
        if dtype == "float64":
            assert numbers["drift"] == pytest.approx(numbers["ledger"], rel=1e-9)
            assert numbers["allowed"] < 1e-7 * numbers["drift"]


METHODS = [TorchForm(0.9), TorchForm(decay=0.02), TorchForm(0.9, True, 0.02)]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch", [None, 8])
@pytest.mark.parametrize("method", METHODS, ids=str)
def test_the_laws_of_other_methods_and_batches(method, batch, dtype):
    claims = run(engine(dense(), dtype, method, batch), eta=0.005)
    for name in [*AUDITED, "euler"]:
        assert claims[name].verdict == "holds", claims[name]
    assert claims["drift-bound"].verdict == "hypotheses not met"


def test_the_bound_names_what_is_missing():
    detail = run(engine(dense(), "float64", TorchForm(0.9, False, 0.02), 8))["drift-bound"]
    assert "the method is momentum, not gradient descent" in detail.detail
    assert "weight decay of 0.02" in detail.detail
    assert "steps see 8 of 40 points" in detail.detail


NETS = {
    "conv": ((1, 6, 6), [Conv(3, (3, 3), activation=Relu(), bias=True), Pool("max", (2, 2)),
                         Conv(2, (2, 2)), Flatten(), Dense(3)]),
    "shared": ((7,), [Dense(6, Relu(), share=np.arange(42).reshape(6, 7) % 5),
                      Dense(4, Leaky(0.1)), Dense(3)]),
    "mixed": ((5,), [Dense(4, Relu()), Dense(4, Relu(), share=np.eye(4, dtype=int)), Dense(3)]),
    "square": ((7,), [Dense(6, Square(), True), Dense(4), Dense(3)]),
}  # fmt: skip


@pytest.mark.parametrize("kind", NETS)
def test_every_architecture_keeps_theorem_2_3(kind):
    shape, layers = NETS[kind]
    claims = run(engine(Architecture.of(layers, shape)), eta=0.005)
    for name in ("theorem-2.3", "euler"):
        assert claims[name].verdict == "holds", claims[name]
    assert claims["drift-bound"].verdict != "violated"
    assert ("p_h" in claims["theorem-2.3"].statement) == (kind == "square")


def test_what_a_claim_does_not_speak_of_is_named():
    shape, layers = NETS["conv"]
    claims = run(engine(Architecture.of(layers[:2] + layers[3:], shape)), count=20)
    for name in ("theorem-2.1", "corollary-2.1"):
        assert claims[name].verdict == "hypotheses not met"
        assert "fully connected" in claims[name].detail
    assert claims["theorem-2.2"].verdict == "hypotheses not met"
    assert "linear activation" in claims["theorem-2.2"].detail


@pytest.mark.parametrize("name", ["tanh", "gelu", "softplus"])
def test_what_does_not_scale_meets_no_hypothesis(name):
    claims = run(engine(dense(BROKEN[name], BROKEN[name])), broken=name)
    for claim in (claims["theorem-2.1"], claims["theorem-2.3"], claims["euler"]):
        assert claim.verdict == "hypotheses not met"
        assert f"{name} does not scale" in claim.detail
    assert claims["theorem-2.1"].numbers["first_order"] > 1e-2
    assert claims["drift-bound"].verdict == "hypotheses not met"


def test_the_bound_is_the_one_that_is_derived():
    made = engine(dense(Linear(), Linear()), every=10)
    rows = recorded(made, 300, 0.01)
    claim = claims_of(facts_of(made), rows)["drift-bound"]
    bound = 2 * 0.01 * (rows["loss"][0] - rows["loss"][-1])
    assert claim.numbers["bound"] == pytest.approx(bound, rel=1e-12)
    difference = rows["difference_1"] - rows["difference_1"][0]
    drift = np.nanmax([np.nanmax(np.abs(difference)), np.nanmax(rows["drift_sum_1"])])
    assert drift <= claim.numbers["drift"] <= bound
    squares = np.sum((0.01 * rows["gradient_norm"][:-1]) ** 2)
    assert claim.numbers["sum_of_squares"] == pytest.approx(squares, rel=1e-12)


def test_a_step_that_decreases_too_little_withdraws_the_bound():
    made = engine(dense(Linear(), Linear()))
    rows = recorded(made, 200, 0.01)
    rows["loss"][120] = rows["loss"][119]
    claim = claims_of(facts_of(made), rows)["drift-bound"]
    assert claim.verdict == "hypotheses not met"
    assert "step 120 decreased L by less than (η/2)‖∇L‖²" in claim.detail
    assert "whatever the steps" in claim.detail


def test_skipped_steps_withdraw_the_bound():
    made = engine(dense(Linear(), Linear()))
    rows = {name: column[::10] for name, column in recorded(made, 100, 0.01).items()}
    claims = claims_of(facts_of(made), *blocks(rows, 3))
    assert "steps were skipped before step 10" in claims["drift-bound"].detail
    assert claims["theorem-2.1"].verdict == "holds"


def test_a_drift_above_the_bound_is_a_violation():
    made = engine(dense(Linear(), Linear()))
    rows = recorded(made, 100, 0.01)
    rows["drift_sum_2"][40] = 1.0
    claim = claims_of(facts_of(made), rows)["drift-bound"]
    assert claim.verdict == "violated"
    assert "layers 2 and 3 at step 40" in claim.detail


def test_nothing_is_claimed_of_nothing():
    made = engine(dense())
    assert claims_of(facts_of(made)) == {}
    rows = recorded(made, 30)
    unseen = {n: c if n in ("step", "loss", "gradient_norm", "step_size") else np.nan * c
              for n, c in rows.items()}  # fmt: skip
    assert claims_of(facts_of(made), unseen) == {}


@pytest.mark.slow
@pytest.mark.parametrize(("form", "steps"), [(Machine, 3000), (DualMachine, 9000)])
def test_rounding_at_an_optimum_that_fits_nothing_is_allowed(form, steps):
    """The gradient ends as the rounding of terms that cancel, and A of the dual form grows."""
    made = engine(dense(Linear(), Linear()), form=form, every=50)
    claims = run(made, 0.3, steps)
    assert claims["euler"].numbers["spread"] > 1e-3
    for name in ["euler", *AUDITED]:
        assert claims[name].verdict == "holds", claims[name]
