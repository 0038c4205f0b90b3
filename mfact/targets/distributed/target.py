"""M in shards on the workers of a Dask cluster: only what has k columns moves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from mfact.core import Array
from mfact.errors import StorageError
from mfact.matrices.slabs import Slabs
from mfact.matrices.values import Told, silent
from mfact.targets.blocks import BlockTarget
from mfact.targets.distributed import gathering
from mfact.targets.distributed.gathering import Lost, gathered, spoken
from mfact.targets.distributed.joining import Joining
from mfact.targets.distributed.layout import Layout, Node, Run
from mfact.targets.distributed.placed import Placed
from mfact.targets.distributed.shards import (
    Lines,
    Shared,
    Sums,
    Work,
    as_sent,
    lines_of,
    sums_of,
    take,
    total_of,
)
from mfact.targets.pieces import FirstLook
from mfact.targets.reading import FAN, Asked, shards
from mfact.targets.slabbed import SlabTarget

MOST_REPEATS = 5
"""Of a pass of which something was lost, as with a worker."""

WORKERLESS_SECONDS = 60.0
"""Without any worker, until a pass fails: batch systems and nannies start others meanwhile."""


class _Kept:
    """Of a pass that is repeated. most: shards of a task."""

    def __init__(self) -> None:
        self.most: int | None = None
        self._parts: dict[tuple[str, ...], Any] = {}

    def begin(self, most: int, names: Sequence[tuple[str, ...]]) -> None:
        """Of these parts, by their shards, those that are done; the others are let go."""
        done = {name: self._parts[name] for name in names if name in self._parts}
        self._parts = {name: part for name, part in done.items() if part.status == "finished"}
        self.most = most

    def part(self, name: tuple[str, ...], make: Callable[[], Any]) -> Any:
        """One of them, made where it is not done."""
        return self._parts[name] if name in self._parts else self._parts.setdefault(name, make())


class DistributedTarget(SlabTarget):
    """The products of each shard are taken where it is, and added up in the tree that is fixed by
    the file (mfact.targets.reading): no bit depends on how many workers there are, on who holds
    what, nor on what was lost meanwhile and read again.

    slabs: M in its file. joining: the workers that take part. told: what share of the shards is
    done, in each pass. seconds: that the latest pass took.

    Where a worker is lost, its shards are read by others, and a pass that is on goes on with what
    these have done already. A pass raises StorageError where the scheduler is gone, where no worker
    is left for a minute, and where something was lost again and again.
    """

    def __init__(
        self,
        slabs: Slabs,
        joining: Joining,
        dtype: str = "float64",
        stored_eps: float | None = None,
        *,
        told: Told = silent,
    ) -> None:
        super().__init__(slabs, dtype, stored_eps)
        self._joining, self._client = joining, joining.client
        self._placed = Placed(joining.client, joining.recipe)
        self._shards = shards(len(slabs.cuts) - 1)
        self.seconds, self._told = 0.0, told

    def slices(self, height: int) -> Iterator[Array]:
        """Rows of M, or of Mᵀ where M is wide, so many at a time, read here from the file."""
        return BlockTarget(self.slabs, str(self.dtype), self.stored_eps).slices(height)

    def read(self, asked: Asked, looks: tuple[FirstLook, ...]) -> None:
        """One pass."""
        began, reason = time.perf_counter(), ""
        kept = _Kept()
        for _ in range(MOST_REPEATS + 1):
            try:
                with spoken(self._client):
                    plan, found = self._pass(asked, looks, kept)
                break
            except Lost as error:
                reason = str(error)
        else:
            raise StorageError(
                f"a pass over M was lost {MOST_REPEATS + 1} times on the cluster: {reason}",
                "give the workers more memory, or look into their logs",
            )
        self._put(asked, looks, plan, found)
        self.seconds = time.perf_counter() - began

    def _pass(
        self, asked: Asked, looks: Sequence[FirstLook], kept: _Kept
    ) -> tuple[Layout, Sequence[Any]]:
        """What the last tasks find. Parts that are done already are taken from kept."""
        self._settle()
        plan = self._placed.layout(kept.most)
        sent = self._sent(plan, Shared(asked.right, tuple(look.term for look in looks)))

        def part(run: Run) -> Any:
            threads = max(1, self._joining.threads(run.home) // len(plan.lines[run.home]))
            work = Work.of(asked, self._lines(run.shards), threads)
            return self._submit(take, run.home, shards_of(run), work, sent[run.home])

        def shards_of(run: Run) -> list[Any]:
            return [self._placed.futures[shard] for shard in run.shards]

        names = [tuple(shard.key for shard in shards_of(run)) for run in plan.runs]
        kept.begin(plan.most, names)
        parts = [kept.part(name, partial(part, run))
                 for name, run in zip(names, plan.runs, strict=True)]  # fmt: skip
        last = [self._submit(lines_of, home, [parts[at] for at in runs])
                for home, runs in plan.lines.items()]  # fmt: skip
        if asked.totals:
            below = [self._submit(sums_of, node.home, [parts[at] for at in node.of])
                     for node in plan.local]  # fmt: skip
            for level in plan.levels:
                below = [self._sum(node, [below[at] for at in node.of]) for node in level]
            last += below
        found = gathered(self._client, last, partial(self._look, parts))
        self._told(1.0)
        return plan, found

    def _sent(self, plan: Layout, shared: Shared) -> dict[str, Any]:
        """What each worker is told, by its address.

        It is the result of a task, which is done again where a worker that has it is lost, and
        handed on by eight at a time: no worker sends it to all.
        """
        above: list[Any] = [shared]
        for level in plan.relays:
            above = [self._submit(as_sent, workers, above[at // FAN])
                     for at, workers in enumerate(level)]  # fmt: skip
        pairs = zip(plan.relays[-1], above, strict=True)
        return {home: sent for workers, sent in pairs for home in workers}

    def _sum(self, node: Node, of: list[Any]) -> Any:
        return self._submit(total_of, node.home, of) if len(of) > 1 else of[0]

    def _submit(self, work: Callable[..., Any], where: str | Sequence[str], *args: Any) -> Any:
        workers = [where] if isinstance(where, str) else list(where)
        return self._client.submit(work, *args, workers=workers, pure=False)

    def _lines(self, numbers: range) -> slice:
        cuts, first, last = self.slabs.cuts, self._shards[numbers[0]], self._shards[numbers[-1]]
        return slice(cuts[first.start], cuts[last.stop])

    def _put(
        self, asked: Asked, looks: Sequence[FirstLook], plan: Layout, found: Sequence[Any]
    ) -> None:
        """What was found in its place."""
        lines: dict[int, Lines] = {}
        for runs, each in zip(plan.lines.values(), found, strict=False):
            lines.update(zip(runs, each, strict=True))
        for number, run in enumerate(plan.runs):
            asked.own[self._lines(run.shards)] = lines[number].own
            for look, seen in zip(looks, lines[number].seen, strict=True):
                look.add(seen)
        sums: Sums = found[-1][0] if asked.totals else ()
        for total, part in zip(asked.totals, sums, strict=True):
            total[...] = part

    def _settle(self) -> None:
        """Shards on the workers that there are, of which there must be some."""
        until = time.monotonic() + WORKERLESS_SECONDS
        while not (members := self._joining.members()):
            if time.monotonic() > until:
                raise StorageError(
                    f"no worker of the cluster has been there for {WORKERLESS_SECONDS:g} s",
                    "start some",
                )
            time.sleep(gathering.LOOK_SECONDS)
        self._placed.settle(members)

    def _look(self, parts: Sequence[Any]) -> None:
        """How far a pass is, and whether those are there that it is asked of."""
        self._told(sum(part.status == "finished" for part in parts) / len(parts))
        if self._client.status == "running" and self._joining.misses(self._placed.homes):
            raise Lost("a worker is lost")
