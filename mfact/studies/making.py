"""Runs that differ in chosen options: made one after another, M read once, on one basis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from mfact.core import Result
from mfact.errors import MemoryPlanError, SettingsError
from mfact.host.memory import MemoryPlan
from mfact.host.threads import Workers, working
from mfact.run.doing import NOTHING, Doing
from mfact.run.memory import plan_of
from mfact.run.ranked import Ranked
from mfact.run.wished import found_in, plan_to_find, require_room
from mfact.settings import RunSettings
from mfact.studies.differing import Subject
from mfact.studies.variations import Refused, Variation
from mfact.targets.door import Held
from mfact.targets.remembered import Remembered
from mfact.wishes import wish_of
from mfact.words import format_bytes

SMALL = 64 << 20
"""Bytes that are kept without a thought of how large bases are."""


Wished = tuple[str, str, str]
"""The arithmetic, what is taken off, and the rank that is wished for."""


class Passes(NamedTuple):
    """Over M: those that were taken, and those that the same runs take one by one."""

    taken: int
    alone: int


class Made:
    """Each run in turn, and in its place why it is refused: a forecast beyond its limits, say.

    hold: the matrix in the arithmetic of a dtype, which is read once for each, if it fits into
    memory beside the largest run. solve: runs one, with a rank that was found for it, once for all
    that wish for the same. told: how much memory there is for a common basis, in a sentence.

    Runs from one start ask for the same products until one goes further than the others: these are
    remembered, in half of what the plan of the largest run leaves and in no more than it has for
    its bases, and let go at the end.
    Iterating raises SettingsError where the rank that all wish for is not found.
    """

    def __init__(
        self,
        hold: Callable[[str], Held],
        runs: Sequence[Variation],
        solve: Callable[[Held, Variation, Ranked | None], Result],
        doing: Doing = NOTHING,
        told: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._hold, self._runs, self._solve = hold, runs, solve
        self._doing, self._told = doing, told
        self._passes = Passes(0, 0)

    @property
    def passes(self) -> Passes:
        """By now."""
        return self._passes

    def __iter__(self) -> Iterator[Subject | Refused]:
        read: dict[str, tuple[Held, Remembered]] = {}
        found: dict[Wished, Ranked] = {}
        with working(self._runs[0].settings.threads) as workers:  # of all: they are not varied
            for place, run in enumerate(self._runs):
                kind = run.settings.dtype
                if kind not in read:
                    read[kind] = self._read(kind, workers)
                M, memory = read[kind]
                asked, taken = memory.asked, memory.taken
                each = self._one(M, memory, run, found, workers)
                self._count(memory.taken - taken, memory.asked - asked)
                if not any(_start(run) == _start(other) for other in self._runs[place + 1 :]):
                    memory.forget()
                yield each

    def _one(
        self,
        M: Held,
        memory: Remembered,
        run: Variation,
        found: dict[Wished, Ranked],
        workers: Workers,
    ) -> Subject | Refused:
        """found: the ranks that were wished for, by now."""
        wish, ranked = wish_of(run.settings.rank), None
        try:
            if wish is not None:
                key = run.settings.dtype, run.settings.center, wish
                if key in found:
                    self._count(0, found[key].passes)
                else:
                    before = memory.asked
                    found[key] = self._rank(M, run, workers)
                    # Readings that are no products.
                    others = found[key].passes - (memory.asked - before)
                    self._count(others, others)
                ranked = found[key]
            return Subject(run.name, self._solve(M, run, ranked))
        except (SettingsError, MemoryPlanError) as error:
            if wish is not None and ranked is None and "rank" not in run.varied:
                raise
            return Refused(run, error)

    def _read(self, kind: str, workers: Workers) -> tuple[Held, Remembered]:
        alike = [run for run in self._runs if run.settings.dtype == kind]
        M, plan = self._hold(kind).fitted(partial(_largest, [run.settings for run in alike]))
        room = max(plan.limit - plan.total, 0) // 2
        room = min(room, max(plan.parts.get("bases", 0), SMALL))
        if len({_start(run) for run in alike}) == len(alike):
            room = 0  # no two ask for the same
        else:
            self._told(f"a common basis is kept in {format_bytes(room)} at most")
        return M.read(self._doing.read, workers).remembering(room)

    def _rank(self, M: Held, run: Variation, workers: Workers) -> Ranked:
        less = M.centred(run.settings.center)
        require_room(less, run.settings, plan_to_find(less, run.settings))
        target = less.target(None, self._doing.read, self._doing.passed, workers)
        return found_in(less, target, run.settings)

    def _count(self, taken: int, alone: int) -> None:
        self._passes = Passes(self._passes.taken + taken, self._passes.alone + alone)


def _start(run: Variation) -> tuple[Any, ...]:
    """What two runs have in common whose bases begin alike."""
    asked = run.settings
    drawn = asked.start_scale, asked.start_ratio, asked.seed
    return asked.dtype, asked.center, asked.rank, asked.start, *drawn


def _largest(runs: Sequence[RunSettings], matrix: Held) -> MemoryPlan:
    """Of their plans the one that is furthest beyond its limit."""
    plans = (
        (plan_of if wish_of(each.rank) is None else plan_to_find)(matrix.centred(each.center), each)
        for each in runs
    )
    return max(plans, key=lambda plan: plan.total - plan.limit)
