"""Every method but plain gradient descent, against the contract of methods."""

from __future__ import annotations

import pytest
from contracts.method_contract import MethodContract

from mfact.methods.choice import METHODS, PLAIN
from mfact.settings import METHODS as NAMES


class TestAlternating(MethodContract):
    method = METHODS["alternating"]


class TestMomentum(MethodContract):
    method = METHODS["momentum"]


class TestNesterov(MethodContract):
    method = METHODS["nesterov"]


class TestScaled(MethodContract):
    method = METHODS["scaled"]


class TestAlternatingScaled(MethodContract):
    # Without damping steps leave a random start for good where the penalty is large.
    method = METHODS["alternating-scaled"].having({"damping": 0.5})


class TestAdam(MethodContract):
    method = METHODS["adam"]


def test_all_names_are_those_of_the_option():
    assert tuple(METHODS) == NAMES
    assert NAMES[0] == PLAIN


@pytest.mark.parametrize("name", NAMES)
def test_a_method_is_of_its_name(name):
    assert METHODS[name].name == name
