"""A Dask cluster that holds M: one that is there, or processes of this machine."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from typing import Any

import numpy as np

from mfact.errors import MissingPackageError, SettingsError
from mfact.host.threads import Workers
from mfact.matrices.slabs import Slabs, length_of, lines_of
from mfact.matrices.source import MatrixSource
from mfact.matrices.values import Told
from mfact.targets.distributed.joining import Joining, Member, Need
from mfact.targets.distributed.layout import Layout, grain, layout, shares
from mfact.targets.distributed.local import local_cluster
from mfact.targets.distributed.recipes import Recipe
from mfact.targets.distributed.target import DistributedTarget
from mfact.targets.door import CLUSTER, HELD, IN_FILE, Elsewhere
from mfact.targets.holders import stored_eps
from mfact.targets.reading import shards
from mfact.targets.streamed import cut
from mfact.words import shown

Note = Callable[[str], None]

_CLIENT = {"distributed.admin.large-graph-warning-threshold": "1TB"}
"""What every shard is told goes with the tasks, so that it can be sent again."""

ANSWER = "15s"
"""In which a scheduler must."""

PATIENCE_SECONDS = 60.0
"""For workers that a batch system has still to start."""

_LOGGERS = ("distributed", "distributed.client", "asyncio", "tornado", "tornado.application")
"""Dask gives each of its own a level."""


class Cluster:
    """A place for M (mfact.targets.door.Place): shards in the memory of workers.

    client: of a Dask cluster. note: told what went wrong while the run goes on. block_bytes: of a
    slab, as for one machine when not given. patience: seconds in which workers may still come.
    """

    def __init__(
        self, client: Any, note: Note, block_bytes: int | None = None, patience: float = 0.0
    ) -> None:
        self._client, self._note = client, note
        self._block_bytes, self._patience = block_bytes, patience

    @property
    def address(self) -> str:
        """Of its scheduler."""
        return str(self._client.scheduler.address)

    def of(self, matrix: Any, dtype: str) -> Elsewhere:
        """A dense matrix in a file that can be read in parts. Raises SettingsError for others, and
        where not all workers can take part; MemoryPlanError where they have no room for it.
        """
        if not isinstance(matrix, MatrixSource):
            raise SettingsError(
                "workers read M from its file, and it was given in memory",
                "pass the path of a file that all workers can read",
            )
        asked = self._block_bytes
        slabs, block_bytes = (matrix.slabs(asked), asked) if asked else cut(matrix)
        if slabs is None:
            what = "sparse" if matrix.sparse else "in a format that is read from end to end"
            raise SettingsError(
                f"{matrix.name} is {what}, and workers read parts of a dense one",
                "leave out --workers and --scheduler, or keep it as HDF5, NPY or Zarr",
            )
        recipe, need = Recipe.of(matrix, slabs, dtype, block_bytes), needed(slabs)
        joining = Joining(self._client, recipe, self._note)
        members = joining.require(need, self._patience)
        if (idle := len(members) - need.shards) > 0:
            self._note(f"M is cut into {need.shards} shards: {idle} of {len(members)} workers idle")
        eps = stored_eps(matrix.stored_dtype)

        def make(told: Told, workers: Workers) -> DistributedTarget:
            return DistributedTarget(slabs, joining, dtype, eps, told=told)

        told = self._told(slabs, dtype, joining, members)
        return Elsewhere(CLUSTER, 0, slabs.file_bytes, {HELD: IN_FILE}, make, told)

    def _told(
        self, slabs: Slabs, dtype: str, joining: Joining, members: dict[str, Member]
    ) -> dict[str, Any]:
        """Of the place: what a pass will take of it, and what repeats it."""
        plan = planned(slabs, members)
        return {
            "shards": len(shards(len(slabs.cuts) - 1)),
            "workers": len(members),
            "threads": sum(member.threads for member in members.values()),
            "hosts": len({address.rpartition(":")[0] for address in members}),
            "tasks": plan.tasks,
            "column_bytes": column_bytes(slabs, plan, dtype),
            "worker_bytes": max(needed(slabs).of(each, members) for each in members),
            "worker_limit": min(joining.room(*each) for each in members.items()),
            "scheduler": self.address,
            "dask": version("dask"),
            "distributed": version("distributed"),
        }


def planned(slabs: Slabs, members: dict[str, Member]) -> Layout:
    """A pass by these workers, none of which is lost."""
    count, threads = len(shards(len(slabs.cuts) - 1)), [each.threads for each in members.values()]
    parts = zip(members, shares(count, threads), strict=True)
    return layout([a for a, part in parts for _ in range(part)], grain(count, sum(threads)))


def column_bytes(slabs: Slabs, plan: Layout, dtype: str) -> int:
    """Sent in a pass for each column that M is multiplied by: the column to each worker, M times it
    from them, Mᵀ times that from worker to worker and from the last. What goes through the
    scheduler is counted once.
    """
    entries = length_of(slabs) * (len(plan.lines) + plan.crossing + 1) + lines_of(slabs)
    return int(np.dtype(dtype).itemsize) * entries


def needed(slabs: Slabs) -> Need:
    """By M in the memory of workers, in the kind that it is stored in."""
    found = shards(len(slabs.cuts) - 1)
    lines = max(slabs.cuts[each.stop] - slabs.cuts[each.start] for each in found)
    return Need(len(found), lines * length_of(slabs) * int(np.dtype(slabs.stored).itemsize))


@contextmanager
def connected(scheduler: str | None, workers: int | None, note: Note) -> Iterator[Cluster]:
    """The cluster of a scheduler, by its address or its file, or one of so many processes here.

    Raises MissingPackageError without Dask, SettingsError where nobody answers.
    """
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        raise MissingPackageError(
            "Dask is not installed", "pip install 'mfact[dask]', or leave out --workers"
        ) from error
    with ExitStack() as stack:
        stack.enter_context(_silent())
        stack.enter_context(dask.config.set(_CLIENT))
        if scheduler is None:
            assert workers is not None
            there = stack.enter_context(local_cluster(workers))
            client = stack.enter_context(Client(there, timeout=ANSWER, set_as_default=False))
        else:
            client = stack.enter_context(_client(Client, scheduler))
        yield Cluster(client, note, patience=0 if scheduler is None else PATIENCE_SECONDS)


def _client(make: Any, scheduler: str) -> Any:
    class Once(make):  # type: ignore[misc]
        """One that found nobody would close again when it is collected, wait, and complain."""

        def __del__(self) -> None:
            pass

    is_file = os.path.isfile(scheduler)  # noqa: PTH113 -- no error for what cannot be a path
    known = {"scheduler_file": scheduler} if is_file else {"address": scheduler}
    try:
        return Once(**known, timeout=ANSWER, set_as_default=False)
    except Exception as error:  # of a word that is no address, and a file that is none
        raise SettingsError(
            f"no Dask scheduler answers at {shown(scheduler, quoted=False)}",
            "start one with `dask scheduler`, or use --workers 2",
        ) from error


@contextmanager
def _silent() -> Iterator[None]:
    """What Dask logs of workers that come and go is said by this program, or not at all."""
    before = [(logger, logger.level) for logger in map(logging.getLogger, _LOGGERS)]
    for logger, _ in before:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in before:
            logger.setLevel(level)
