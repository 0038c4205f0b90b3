"""All monitors of a run, behind one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mfact.core import Claim, Rows
from mfact.theory.certified import CertifiedMonitor
from mfact.theory.facts import Facts
from mfact.theory.ledger import LedgerMonitor
from mfact.theory.lemma_3_1 import Lemma31Monitor
from mfact.theory.log_det import LogDetMonitor
from mfact.theory.monitoring import Monitor
from mfact.theory.rates import RateMonitor
from mfact.theory.theorem_3_1 import Theorem31Monitor
from mfact.theory.theorem_3_2 import Theorem32Monitor

READ = {"step", "step_size", "loss", "gradient_norm", "imbalance", "drift", "size_U", "size_V"}
"""Columns without which no claim can be held against recorded rows."""


TOGETHER = 512
"""Rows that are looked at together: a look takes as long for one row as for some dozens."""


class Monitors(Monitor):
    """The claims of the paper, and of this project, that are checked in every run.

    A Monitor made of monitors, so that a run needs to know one. Blocks may be of any length,
    also of one row, and the claims do not depend on how the steps were cut into blocks: short ones
    wait until there are TOGETHER rows, or somebody asks. They are not to be written over.
    """

    def __init__(self) -> None:
        self.members: dict[str, Monitor] = {
            "lemma-3.1": Lemma31Monitor(),
            "theorem-3.1": Theorem31Monitor(),
            "certified": CertifiedMonitor(),
            "ledger": LedgerMonitor(),
            "log-det-law": LogDetMonitor(),
            "theorem-3.2": Theorem32Monitor(),
            "late-rate": RateMonitor(),
        }
        self._waiting: list[Rows] = []

    def start(self, facts: Facts) -> None:
        for member in self.members.values():
            member.start(facts)

    def segment(self, rows: Rows) -> None:
        if self._waiting and self._waiting[0].keys() != rows.keys():
            self._look()
        self._waiting.append(rows)
        if sum(len(each["step"]) for each in self._waiting) >= TOGETHER:
            self._look()

    def _look(self) -> None:
        """Let each see what waits."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        rows = {name: np.concatenate([each[name] for each in waiting]) for name in waiting[0]}
        for member in self.members.values():
            member.segment(rows)

    def claims(self, final: Facts | None = None) -> tuple[Claim, ...]:
        self._look()
        return tuple(c for member in self.members.values() for c in member.claims(final))

    def state(self) -> dict[str, Any]:
        self._look()
        return {name: member.state() for name, member in self.members.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._waiting.clear()
        for name in state.keys() & self.members.keys():
            self.members[name].restore(state[name])
