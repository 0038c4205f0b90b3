"""The order of sums over slabs: one tree, whoever has the parts and however they come."""

from __future__ import annotations

import pickle
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slabs_in_memory import ArraySlabs

from mfact.targets import reading
from mfact.targets.blocks import BlockTarget
from mfact.targets.reading import FAN, MOST_SHARDS, SHARD_SLABS, Asked, TreeSums, added, by_fan


def by_levels(parts):
    """The same tree, from all parts at hand: what is sent on by a cluster."""
    level = [_in_order(parts[each.start : each.stop]) for each in reading.shards(len(parts))]
    while len(level) > 1:
        level = [added(group) for group in by_fan(level)]
    return level[0]


def _in_order(parts):
    total = tuple(np.zeros_like(each) for each in parts[0])
    for part in parts:
        for one, other in zip(total, part, strict=True):
            one += other
    return total


@pytest.mark.parametrize("count", [*range(1, 40), 127, 128, 129, 130, 1024, 1025, 2050, 5000])
def test_parts_that_come_one_by_one_are_added_up_as_those_at_hand(count):
    rng = np.random.default_rng(count)
    # Of all sizes, so that another order would round otherwise.
    parts = [
        (rng.standard_normal(3) * 10.0 ** rng.uniform(-8, 8), rng.standard_normal((2, 1)))
        for _ in range(count)
    ]
    totals = np.full(3, np.nan), np.full((2, 1), np.nan)
    sums, buffers = TreeSums(count, totals), tuple(np.empty_like(each) for each in parts[0])
    for slab, part in enumerate(parts):
        for buffer, each in zip(buffers, part, strict=True):
            buffer[...] = each  # a thread's own, which it writes into again
        sums.add(slab, buffers)
    for found, truth, each in zip(totals, by_levels(parts), zip(*parts, strict=True), strict=True):
        np.testing.assert_array_equal(found, truth)
        size = np.sum(np.abs(each), axis=0)
        # A sum goes through as many roundings as the tree has levels of FAN, and slabs of a shard.
        depth = max(map(len, reading.shards(count))) + FAN * reading.levels(count)
        exact = np.sum(np.array(each, np.longdouble), axis=0)
        assert np.all(np.abs(found - exact) <= depth * np.finfo(float).eps * size)


@given(st.integers(1, 100_000))
def test_shards_are_every_slab_once_and_few(count):
    found = reading.shards(count)
    assert [slab for each in found for slab in each] == list(range(count))
    assert len(found) <= MOST_SHARDS
    assert max(map(len, found)) <= max(SHARD_SLABS, -(-count // MOST_SHARDS))


@given(st.integers(1, 20_000))
def test_as_many_sums_are_begun_as_are_told(count):
    """One of the shard that is on, and one of each level above it that more than one makes."""
    shards, levels = len(reading.shards(count)), reading.levels(count)
    assert FAN ** (levels - 1) >= shards
    assert levels == 1 or FAN ** (levels - 2) < shards


@pytest.mark.parametrize("columns", [False, True])
def test_what_is_asked_of_some_lines_in_another_process_is_what_is_asked_of_all(columns):
    rng = np.random.default_rng(3)
    M = rng.standard_normal((50, 30))
    U, V = rng.standard_normal((50, 2)), rng.standard_normal((30, 3))
    target = BlockTarget(ArraySlabs(M, 4, columns=columns))
    truth = target.normal(U, V)
    left, right = (V, U) if columns else (U, V)
    count, own = len(left), np.zeros((len(left), right.shape[1]))
    asked = Asked(
        reading.doubled, left, right, own,
        (np.zeros((len(right), left.shape[1])), np.zeros((len(right), right.shape[1]))),
    )  # fmt: skip
    parts = []
    for first in range(0, count, 4):
        lines = slice(first, min(first + 4, count))
        sent = pickle.loads(pickle.dumps(asked.of(lines)))
        piece = (M.T if columns else M)[lines]
        sent.take(piece, lines, sent.totals)
        own[lines] = sent.own
        parts.append(sent.totals)
    backward, again = by_levels(parts)
    found = (backward, own, again) if columns else (own, backward, again)
    for one, other in zip(found, truth, strict=True):
        np.testing.assert_array_equal(one, other)


def test_every_kernel_can_be_sent():
    kernels = [reading.nothing, reading.multiplied, reading.doubled, reading.squared,
               reading.counted, reading.averaged]  # fmt: skip
    for kernel in (*kernels, partial(reading.gathered, slice(2, 5))):
        assert pickle.loads(pickle.dumps(kernel))
