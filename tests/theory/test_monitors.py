"""All monitors of a run, behind one."""

from __future__ import annotations

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
