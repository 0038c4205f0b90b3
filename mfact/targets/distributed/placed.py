"""The shards of a matrix on the workers of a cluster: which is where, and how they stay even."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from mfact.targets.distributed.joining import Member
from mfact.targets.distributed.layout import Layout, grain, layout, shares
from mfact.targets.distributed.recipes import Recipe
from mfact.targets.distributed.shards import load
from mfact.targets.reading import shards

_RETRIES = 2
"""Of a shard that cannot be read: a file system may be slow to show a file."""

_LOST = ("error", "cancelled", "lost")


class Placed:
    """Shards as results of tasks, each of one worker, which reads it from the file and keeps it.

    client: of the cluster.

    A worker has shards that lie beside each other, as many as its share of all threads, so that
    most of their sums are taken without being sent. Dask may move none of them: who has what, and
    so what memory each worker needs, is known. Where a worker is lost, others read what was its;
    where one joins, it reads what others then have too much of, what they got last before all else.
    """

    def __init__(self, client: Any, recipe: Recipe) -> None:
        self._client, self._recipe = client, recipe
        self._count = len(shards(recipe.slabs))
        self._members: Mapping[str, Member] = {}
        self._homes = [""] * self._count
        self._since = [0] * self._count
        self._made, self._name = 0, uuid4().hex[:12]
        self.futures: list[Any] = [None] * self._count

    def settle(self, members: Mapping[str, Member]) -> None:
        """Shards on these workers, as even as their threads are; those that are lost read anew."""
        left = dict(zip(members, shares(self._count, threads_of(members)), strict=True))
        stays = {a for a, member in members.items() if self._members.get(a) == member}
        even, free = members == self._members, list[int]()
        for shard in sorted(range(self._count), key=self._since.__getitem__):
            home = self._homes[shard]
            if home in stays and (even or left[home] > 0):
                left[home] -= 1
            else:
                free.append(shard)
        homes = (address for address, count in left.items() for _ in range(count))
        self._made += 1
        for shard in sorted(free):
            self._homes[shard], self._since[shard] = next(homes), self._made
            self.futures[shard] = None
        self._members = members
        for shard, future in enumerate(self.futures):
            if future is None or future.status in _LOST:
                self.futures[shard] = None  # which sets memory free, before it is taken again
                self.futures[shard] = self._load(shard)

    @property
    def homes(self) -> frozenset[str]:
        """The workers that have some."""
        return frozenset(self._homes)

    def layout(self, most: int | None = None) -> Layout:
        """The tasks of a pass over them. most: shards of a task, where some are done already."""
        threads = sum(threads_of(self._members))
        return layout(self._homes, most or grain(self._count, threads))

    def _load(self, shard: int) -> Any:
        self._made += 1
        return self._client.submit(
            load,
            self._recipe,
            shard,
            key=f"mfact-shard-{self._name}-{shard}-{self._made}",
            workers=[self._homes[shard]],
            retries=_RETRIES,
            pure=False,
        )


def threads_of(members: Mapping[str, Member]) -> list[int]:
    """Of each."""
    return [member.threads for member in members.values()]
