"""What every monitor must do: inherit MonitorContract, say how to make one, and what it sees."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from matrices import gaussian, matrix
from recorded import blocks, information, record

from mfact.theory.facts import Facts
from mfact.theory.monitoring import Monitor, Rows


def seen_run(schedule, steps, count=300, *, sigma=(1.0, 0.5), std=0.1, eps=None):
    """Facts and rows of a plain run at the rank of its matrix, under a schedule of that name."""
    rng = np.random.default_rng(7)
    M, phi, psi = matrix(rng, (12, 9), sigma)
    start, rank = gaussian(rng, M.shape, len(sigma), std), len(sigma)
    pair = (phi[:, 0], psi[:, 0]) if rank == 1 else None
    rows, _, _ = record(M, *start, steps, count, pair=pair)
    return information(M, rank, schedule, std, eps), rows


class MonitorContract(ABC):
    """The tests of Monitor. The truth is the same monitor that saw all rows in one block."""

    @abstractmethod
    def make(self) -> Monitor: ...

    @abstractmethod
    def seen(self) -> tuple[Facts, Rows]:
        """A run under all hypotheses, so that something is claimed of it."""

    def shown(self, facts, *pieces, through_json=False):
        """A monitor that saw these pieces; through_json: each time as another one, resumed."""
        monitor = self.make()
        monitor.start(facts)
        for rows in pieces:
            if through_json:
                memory = json.loads(json.dumps(monitor.state(), allow_nan=False))
                monitor = self.make()
                monitor.start(facts)
                monitor.restore(memory)
            monitor.segment(rows)
        return monitor

    def test_it_claims_something_of_its_run(self):
        facts, rows = self.seen()
        claims = self.shown(facts, rows).claims()
        assert any(claim.verdict == "holds" for claim in claims), claims

    def test_cuts_and_json_change_nothing(self):
        facts, rows = self.seen()
        whole, last = self.shown(facts, rows), len(rows["step"]) - 1

        # Within the method, because Hypothesis wants one class for each test that it runs.
        @given(
            cuts=st.lists(st.integers(0, last + 1), max_size=4).map(sorted), resumed=st.booleans()
        )
        def check(cuts, resumed):
            parts = self.shown(facts, *blocks(rows, *cuts), through_json=resumed)
            assert parts.claims() == whole.claims()
            assert parts.state() == whole.state()

        check()

    def test_a_row_at_a_time_changes_nothing(self):
        facts, rows = self.seen()
        ones = blocks(rows, *range(1, len(rows["step"])))
        assert self.shown(facts, *ones).claims() == self.shown(facts, rows).claims()

    def test_claims_may_be_asked_for_at_any_time(self):
        facts, rows = self.seen()
        monitor = self.shown(facts)
        for block in blocks(rows, 40, 41):
            monitor.segment(block)
            assert monitor.claims(facts) == monitor.claims(facts)
        assert monitor.claims() == self.shown(facts, rows).claims()

    def test_a_state_that_was_given_stays_as_it_was(self):
        facts, rows = self.seen()
        before, after = blocks(rows, 150)
        monitor = self.shown(facts, before)
        state = monitor.state()
        text = json.dumps(state)
        other = self.shown(facts)
        other.restore(state)
        for watching in (monitor, other):
            watching.segment(after)
        assert json.dumps(state) == text
        assert other.claims() == monitor.claims()

    def test_a_new_start_forgets_the_run_before(self):
        facts, rows = self.seen()
        monitor = self.shown(facts, blocks(rows, 200)[1])
        monitor.start(facts)
        monitor.segment(rows)
        assert monitor.claims() == self.shown(facts, rows).claims()

    def test_rows_are_only_read(self):
        facts, rows = self.seen()
        for column in rows.values():
            column.flags.writeable = False  # a write would raise
        self.shown(facts, rows).claims()
