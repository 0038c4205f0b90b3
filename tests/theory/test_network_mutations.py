"""A network's ledger, laws or gradients that are wrong are caught."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from network_runs import AUDITED, claims_of, dense, engine, facts_of, recorded, run

from mfact.methods.torch_form import TorchForm
from mfact.networks.activations import Square
from mfact.networks.machine import DualMachine, Machine


@pytest.mark.parametrize("name", ["audit_1", "matrix_audit_1", "layer_ledger_2", "audit", "euler"])
def test_one_wrong_row_is_named_by_its_step(name):
    made = engine(dense())
    rows = recorded(made, 60)
    rows[name][37] += 1e-6
    found = claims_of(facts_of(made), rows)
    wrong = {n: c.detail for n, c in found.items() if c.verdict == "violated"}
    assert wrong
    assert all("violated at step 37" in detail for detail in wrong.values())
    told = {"audit_1": {"theorem-2.1", "theorem-2.3"}, "matrix_audit_1": {"theorem-2.2"},
            "layer_ledger_2": {"corollary-2.1", "theorem-2.3"}, "audit": {"theorem-2.3"},
            "euler": {"euler"}}  # fmt: skip
    assert set(wrong) == told[name]


def test_a_law_that_is_not_a_number_is_violated():
    made = engine(dense())
    rows = recorded(made, 60)
    rows["audit_1"][37] = np.nan
    assert claims_of(facts_of(made), rows)["theorem-2.1"].verdict == "violated"


def wrong_by(share):
    """A ledger all of whose entries are off by a share of themselves."""

    class Wrong(TorchForm):
        def entries(self, *told):
            added, memory = super().entries(*told)
            return tuple(E * (1 + share) for E in added), memory

    return Wrong


@pytest.mark.parametrize(
    ("dtype", "share"), [("float64", 1e-6), ("float64", -1e-6), ("float32", 1.0)]
)
@pytest.mark.parametrize("form", [Machine, DualMachine])
@pytest.mark.parametrize("method", [(), (0.9, False, 0.01)], ids=["descent", "momentum, decay"])
def test_a_factor_on_the_ledger_is_caught(method, form, dtype, share):
    made = engine(dense(), dtype, wrong_by(share)(*method), form=form)
    claims = run(made, eta=0.02)
    for name in AUDITED:
        assert claims[name].verdict == "violated", claims[name]
        assert "violated at step" in claims[name].detail


def test_a_wrong_step_size_is_caught():
    class Wrong(TorchForm):
        def entries(self, drags, squares, crossed, step_size, memory):
            return super().entries(drags, squares, crossed, step_size * (1 + 1e-6), memory)

    claims = run(engine(dense(), method=Wrong(0.9)))
    assert [claims[name].verdict for name in AUDITED] == ["violated"] * 4


def test_a_missing_bias_is_caught():
    made = engine(dense())
    laws = made.measure.plain
    for layer in laws.layers:
        object.__setattr__(layer, "bias", None)
    claims = run(made)
    assert [claims[name].verdict for name in AUDITED] == ["violated"] * 4


def test_a_forgotten_degree_is_caught():
    net = dense(Square(), Square())
    made = engine(net)
    for laws in (made.measure.plain, made.measure.held):
        for law in laws.each:
            object.__setattr__(law, "joint", replace(law.joint, degree=1))
    claims = run(made, eta=0.002)
    for name in ("theorem-2.1", "corollary-2.1", "theorem-2.3", "euler"):
        assert claims[name].verdict == "violated", claims[name]


def test_a_wrong_gradient_is_caught_by_euler():
    made = engine(dense())
    evaluate = made.machine.evaluate

    def wrong(rows=None):
        found = evaluate(rows)
        made.machine.slope[2] *= 1 + 1e-9
        return found

    made.machine.evaluate = wrong
    assert run(made)["euler"].verdict == "violated"
