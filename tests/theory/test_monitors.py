"""All monitors of a run, behind one."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from contracts.monitor_contract import MonitorContract, seen_run

from mfact.theory.monitors import READ, Monitors


class TestMonitors(MonitorContract):
    def make(self):
        return Monitors()

    def seen(self):
        return seen_run("constant", lambda t: 0.3, 900)


def test_every_monitor_speaks_of_a_plain_run():
    facts, rows = seen_run("constant", lambda t: 0.3, 900)
    monitors = Monitors()
    monitors.start(facts)
    monitors.segment(rows)
    assert {c.name for c in monitors.claims()} >= {"lemma-3.1-i", "ledger", "late-rate"}


def test_no_claim_needs_more_columns_than_are_said():
    facts, rows = seen_run("constant", lambda t: 0.3, 50)
    monitors = Monitors()
    monitors.start(facts)
    monitors.segment({name: rows[name] for name in READ})
    assert monitors.claims()


def test_short_blocks_are_seen_whoever_asks_and_whatever_columns_they_have():
    """As if each monitor had been shown each block by itself: also where columns come and go."""
    facts, rows = seen_run("constant", lambda t: 0.3, 60)
    ends = [0, 1, 7, 20, 60]
    blocks = [
        {name: column[first:end] for name, column in rows.items()}
        for first, end in itertools.pairwise(ends)
    ]
    aligned = dict.fromkeys(("alignment_U", "alignment_V"), np.linspace(0.5, 1, 13))
    blocks[2] |= aligned
    together, apart = Monitors(), Monitors()
    for monitors in (together, apart):
        monitors.start(replace(facts, rank=1))
    for block in blocks:
        together.segment(block)
        for member in apart.members.values():
            member.segment(block)
    assert together.claims() == apart.claims()
    assert together.state() == apart.state()
    assert "theorem-3.2-ratio" in {claim.name for claim in together.claims()}
