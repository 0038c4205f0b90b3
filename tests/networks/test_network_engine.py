"""The engine of networks: cuts, workers and files change no bit; depth two is what solve does."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_networks import network, points, weights

from mfact.engines.direct import DirectEngine
from mfact.engines.reach import Reach
from mfact.engines.reduced import ReducedEngine
from mfact.engines.snapshots import pack, unpack
from mfact.host.threads import Workers
from mfact.methods.adam import AdamForm
from mfact.methods.gradient_descent import GradientDescent
from mfact.methods.torch_form import TorchForm
from mfact.networks.activations import Leaky, Relu
from mfact.networks.architecture import Architecture
from mfact.networks.batches import Batches
from mfact.networks.engine import NetworkEngine
from mfact.networks.layers import Dense
from mfact.networks.losses import LOSSES
from mfact.networks.machine import DualMachine, Machine
from mfact.networks.measure import Measure
from mfact.problems.factorization import Factorization
from mfact.targets.dense import DenseTarget

KINDS = {
    "dual": ("biases", DualMachine, None, TorchForm()),
    "dual, momentum": ("biases", DualMachine, None, TorchForm(0.9, decay=0.01)),
    "batches": ("biases", Machine, 16, TorchForm(0.9, True, 0.01)),
    "shared": ("share", Machine, None, TorchForm(0.9)),
    "conv": ("conv1d", Machine, 30, TorchForm(0.5, decay=0.01)),
    "adam": ("biases", Machine, None, AdamForm(0.01)),
    "adam, shared, batches": ("share", Machine, 16, AdamForm()),
}
COUNT, BLOCK = 70, 16
"""Points, of several chunks; steps of a block."""


def engine(kind="dual, momentum", workers=None):
    name, form, batch, method = KINDS[kind]
    net = network(name, Leaky(0.1))
    X, Y = points(net, COUNT, "squared")
    made = form(net, X, Y, LOSSES["squared"], workers or Workers(1))
    found = NetworkEngine(Measure.of(made), method, Batches(COUNT, batch), lambda s: s % 5 == 0)
    found.block = BLOCK
    return found


def start(made):
    return made.start(weights(made.machine.net))


def sizes(step, count):
    return 0.02 / (1.0 + np.arange(step, step + count))


def stepped(made, state, count, cuts=()):
    """The state so many steps later, and all rows, asked for up to each of the cuts."""
    rows, until = [], state.step + count
    ends = [*sorted(cuts), until]
    while state.step < until:
        end = next(end for end in ends if end > state.step)
        segment = made.advance(state, sizes(state.step, end - state.step))
        rows.append(segment.rows)
        state = segment.state
    return state, {name: np.concatenate([each[name] for each in rows]) for name in rows[0]}


def assert_same(one, other):
    """Two states, bit for bit."""
    arrays, numbers = pack(one)
    others, other_numbers = pack(other)
    assert numbers == other_numbers
    assert arrays.keys() == others.keys()
    for name in arrays:
        np.testing.assert_array_equal(arrays[name], others[name], strict=True)


@pytest.mark.parametrize("kind", KINDS)
def test_cutting_a_run_anywhere_changes_no_bit(kind):
    whole, rows = stepped(engine(kind), start(engine(kind)), 50)

    @given(cuts=st.lists(st.integers(1, 49), max_size=4))
    def check(cuts):
        made = engine(kind)
        state, found = stepped(made, start(made), 50, cuts)
        assert_same(state, whole)
        for name, column in rows.items():
            np.testing.assert_array_equal(found[name], column, strict=True)

    check()


@pytest.mark.parametrize("kind", KINDS)
def test_the_state_at_a_row_is_that_of_so_many_steps(kind):
    made, other = engine(kind), engine(kind)
    state = stepped(made, start(made), 3)[0]
    segment = made.advance(state, sizes(3, BLOCK))
    assert len(segment.rows["step"]) == BLOCK - 3
    for i in (7, 0, 1, BLOCK - 4, 7):
        assert_same(segment.state_at(i), stepped(other, start(other), 3 + i)[0])
    # The engine has been elsewhere meanwhile.
    after = made.advance(segment.state, sizes(BLOCK, 2))
    assert_same(after.state, stepped(other, start(other), BLOCK + 2)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_workers_change_no_bit(kind):
    alone = stepped(engine(kind), start(engine(kind)), 20)
    for count in (2, 4):
        with Workers(count) as workers:
            made = engine(kind, workers)
            state, rows = stepped(made, start(made), 20)
        assert_same(state, alone[0])
        for name, column in alone[1].items():
            np.testing.assert_array_equal(rows[name], column, strict=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_comes_back_from_a_file_bit_for_bit(kind):
    made = engine(kind)
    state = stepped(made, start(made), 9)[0]
    arrays, numbers = pack(state)
    back = unpack({n: a.copy() for n, a in arrays.items()}, json.loads(json.dumps(numbers)))
    assert_same(back, state)
    assert_same(stepped(engine(kind), back, 12)[0], stepped(made, state, 12)[0])


def test_a_row_of_a_state_is_that_of_its_step():
    made = engine()
    state, _ = stepped(made, start(made), 10)
    row = made.row(state)
    _, rows = stepped(made, state, 1)
    assert np.isnan(row["step_size"][0])
    for name, column in rows.items():
        if name != "step_size":
            np.testing.assert_array_equal(row[name], column, strict=True)
    after = made.advance(state, sizes(10, 3)).state
    assert_same(after, stepped(engine(), start(engine()), 13)[0])


def test_the_weights_of_a_state_are_values():
    made = engine()
    state = start(made)
    W = made.weights(state)
    for mine, given_ in zip(W, weights(made.machine.net), strict=True):
        np.testing.assert_allclose(mine, given_, rtol=0, atol=1e-15)
    stepped(made, state, 5)
    for mine, again in zip(W, made.weights(state), strict=True):
        np.testing.assert_array_equal(mine, again)


def test_laws_are_measured_where_they_are_due_and_where_a_block_begins():
    made = engine()
    rows = stepped(made, start(made), 40)[1]
    measured = ~np.isnan(rows["audit"])
    np.testing.assert_array_equal(measured, (rows["step"] % 5 == 0) | (rows["step"] % BLOCK == 0))
    assert not np.isnan(rows["loss"]).any()
    assert not np.isnan(rows["gradient_norm"]).any()


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 9), st.integers(0, 3))
def test_each_point_is_seen_once_an_epoch(count, size, seed, epoch):
    steps = -(-count // size)
    batches, other = Batches(count, size, seed), Batches(count, size, seed)
    parts = [batches.rows(epoch * steps + i) for i in range(steps)]
    assert all(len(part) == min(size, count) for part in parts[:-1])
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(count))
    for i in reversed(range(steps)):  # the order depends on the step alone
        np.testing.assert_array_equal(other.rows(epoch * steps + i), parts[i])


def test_the_order_of_points_is_the_seeds():
    one, other = (
        np.concatenate([Batches(50, 7, seed).rows(t) for t in range(16)]) for seed in (1, 2)
    )
    assert (one != other).any()
    assert (one[:50] != one[50:100]).any()
    assert Batches(50).rows(3) is None


@pytest.mark.parametrize("form", [Machine, DualMachine])
@pytest.mark.parametrize("reduced", [False, True])
def test_two_linear_layers_on_the_identity_are_factorization(form, reduced):
    """X = √m·I, Y = √m·Mᵀ: ½ mean‖W_2W_1x − y‖² is ½‖UVᵀ − M‖², U = W_2, V = W_1ᵀ."""
    rng = np.random.default_rng(3)
    M = rng.standard_normal((12, 4)) @ rng.standard_normal((4, 9)) / 4
    U, V = 0.3 * rng.standard_normal((12, 3)), 0.3 * rng.standard_normal((9, 3))
    target, eta, count = DenseTarget(M), 0.05, 1000
    theirs = DirectEngine(Factorization(target), GradientDescent())
    if reduced:
        theirs = ReducedEngine(Factorization(target), Reach(target, 3, 0.0), 1e-10, theirs)
    net = Architecture.of([Dense(3), Dense(12)], (9,))
    root = np.sqrt(9)
    made = form(net, root * np.eye(9), root * M.T.copy(), LOSSES["squared"], Workers(1))
    mine = NetworkEngine(Measure.of(made), TorchForm(), Batches(9), lambda s: s % 100 == 0)
    state, other = mine.start([V.T, U]), theirs.start((U, V))
    while other.step < count:
        segment = theirs.advance(other, np.full(count - other.step, eta))
        found = mine.advance(state, np.full(len(segment.rows["step"]), eta))
        while found.state.step < segment.state.step:
            found = mine.advance(found.state, np.full(segment.state.step - found.state.step, eta))
        state, other = found.state, segment.state
        W1, W2 = mine.weights(state)
        factors = other.coordinates.leave(other.point)
        np.testing.assert_allclose(W2, factors.U, rtol=0, atol=1e-12 * np.linalg.norm(factors.U))
        np.testing.assert_allclose(W1.T, factors.V, rtol=0, atol=1e-12 * np.linalg.norm(factors.V))
    # D of the factors is −D of the layers: W_1W_1ᵀ − W_2ᵀW_2.
    for D, E in zip(other.ledger.entries, state.ledger.entries, strict=True):
        if not reduced:
            np.testing.assert_allclose(E, -D, rtol=0, atol=1e-13)


def test_a_run_that_diverges_says_so_in_its_rows():
    net = Architecture.of([Dense(5, Relu(), True), Dense(3)], (4,))
    X, Y = points(net, 20, "squared")
    made = DualMachine(net, X, Y, LOSSES["squared"], Workers(1))
    found = NetworkEngine(Measure.of(made), TorchForm(), Batches(20), lambda s: s >= 0)
    rows = found.advance(found.start(weights(net)), np.full(60, 50.0)).rows
    assert not np.isfinite(rows["loss"][-1])
    assert not np.isfinite(rows["gradient_norm"][-1])
