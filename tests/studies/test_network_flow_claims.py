"""What the theorems say of a flow: which are judged, and what breaks them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from machines import NETWORKS, SMOOTH, drawn

from mfact.core import Verdict
from mfact.errors import SettingsError
from mfact.networks.activations import BROKEN
from mfact.networks.layers import Dense
from mfact.run.doing import Doing
from mfact.studies.network_flow import flow_claims, network_flow

NAMES = {
    "linear": ["theorem-2.1", "theorem-2.2", "corollary-2.1"],
    "square": ["theorem-2.1", "corollary-2.1"],
    "masked": ["theorem-2.1", "corollary-2.1"],
    "shared": ["theorem-2.3"],
    "conv": ["theorem-2.2", "theorem-2.3"],
    "ReLU": ["theorem-2.1", "corollary-2.1"],
    "leaky, biases": ["theorem-2.1", "corollary-2.1"],
    "conv, ReLU": ["theorem-2.3"],
}


def studied(layers, given=(6,), **asked):
    return network_flow(*drawn(layers, given), **asked)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_judged_holds(name):
    found = studied(*NETWORKS[name], rtol=None if name in SMOOTH else 1e-3)
    assert [claim.name for claim in found.claims] == NAMES[name]
    for claim in found.claims:
        assert claim.verdict is Verdict.HOLDS, claim.detail
        assert claim.numbers["audit"] <= claim.numbers["tolerance"] < 1e-12
        # It moves by more than rounding: there is something that the ledger must explain.
        assert claim.numbers["drift"] > claim.numbers["tolerance"]


def test_what_does_not_scale_meets_no_hypothesis():
    tanh = Dense(5, BROKEN["tanh"])
    claims = studied([tanh, Dense(4), Dense(2)]).claims
    verdicts = {claim.name: claim.verdict for claim in claims}
    assert verdicts == {
        "theorem-2.1": Verdict.NOT_MET,
        "theorem-2.2": Verdict.HOLDS,  # of layers 2 and 3
        "corollary-2.1": Verdict.NOT_MET,
    }
    assert "layer 1 is not homogeneous" in claims[0].detail
    assert claims[0].numbers["drift"] > 1e-2


@pytest.mark.parametrize("name", ["tanh", "gelu"])
def test_what_only_says_that_it_scales_violates_them(name):
    false = replace(BROKEN[name], degree=1)
    for claim in studied([Dense(5, false), Dense(2)]).claims:
        assert claim.verdict is Verdict.VIOLATED
        assert claim.numbers["audit"] > 1e-3


@pytest.mark.parametrize("column", ["ledger_1", "matrix_ledger_1", "layer_ledger_1"])
def test_a_ledger_that_is_off_is_seen(column):
    # Each of the three is told by another claim.
    found = studied(*NETWORKS["linear"])
    rows = dict(found.flow.rows)
    audit = {"ledger_1": "audit_1", "matrix_ledger_1": "matrix_audit_1"}.get(column)
    wrong = rows[audit or column].copy()
    wrong[3] += 1e-11
    rows[audit or column] = wrong
    claims = flow_claims(found.net, replace(found.flow, rows=rows))
    assert [claim.verdict for claim in claims].count(Verdict.VIOLATED) == 1


def test_settings_out_of_range_are_refused():
    for asked in ({"time": -1.0}, {"time": np.inf}, {"times": 1}, {"times": 2.5}):
        with pytest.raises(SettingsError, match=f"--{next(iter(asked))} is"):
            studied(*NETWORKS["linear"], **asked)


def test_who_waits_is_told():
    told = []
    studied(*NETWORKS["linear"], doing=Doing(lambda *words: told.append(words)))
    assert told[0] == ("gradient flow", "")
    assert told[-2:] == [("gradient flow", "100 %"), ("", "")]


def test_how_it_ended_is_a_sentence():
    assert studied(*NETWORKS["linear"], time=2.0).message == "the flow reached s = 2"
    cut = studied(*NETWORKS["linear"], time=1e4, most=100).message
    assert cut.startswith("the flow came to the limit of gradients before s = 1e+04, at s = ")
    assert cut.endswith("choose a shorter --time, a larger --rtol or a smaller --start-scale")
