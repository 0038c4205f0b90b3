"""Which workers take part: of one mfact, that see one file, with room for what one may lose."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from mfact.errors import MemoryPlanError, MfactError, SettingsError
from mfact.targets.distributed.recipes import Recipe, Witness, witness
from mfact.words import format_bytes, printable

ALIKE = ("mfact", "numpy", "h5py", "zarr", "distributed")
"""Packages that must be the same on all workers, if they are here."""

BASE_BYTES = 200 << 20
"""That a worker takes with Python, Dask and this package."""

ANSWER_SECONDS = 60.0
"""In which a worker must say whether it sees the file."""


class Member(NamedTuple):
    """A worker. folder: its own, by which it is told from one that had its address before."""

    threads: int
    memory: int
    folder: str


class Joining:
    """The workers of a cluster that may hold shards of a matrix.

    client: of the cluster. note: told who is left out, and why, and who was lost.
    """

    def __init__(self, client: Any, recipe: Recipe, note: Callable[[str], None]) -> None:
        self.client, self.recipe, self._note = client, recipe, note
        self._refused: dict[tuple[str, Member], str] = {}
        self._usable: dict[str, float] = {}
        self._blas: set[tuple[str, ...]] = set()
        self._last: dict[str, Member] = {}

    def require(self, need: Need, patience: float) -> dict[str, Member]:
        """All workers. Raise, with what to do, unless all can take part, and have room for M, also
        when one of them is lost. patience: seconds in which more of them may come.
        """
        until, waits = time.monotonic() + patience, False
        while True:
            there = self._there()
            self._look_at({a: m for a, m in there.items() if (a, m) not in self._refused})
            for address, member in there.items():
                if why := self._refused.get((address, member)):
                    raise SettingsError(*_refusal(address, why))
            missing = self._missing(there, need)
            if missing is None:
                self._last = there
                return there
            if time.monotonic() >= until:
                raise missing
            if not waits:
                self._note(f"waiting for workers: {missing.sentence}")
            waits = True
            time.sleep(1)

    def members(self) -> dict[str, Member]:
        """Those that take part by now, by address; told who came, and who went."""
        there = self._there()
        new = {a: member for a, member in there.items() if (a, member) not in self._refused}
        self._look_at(new)
        for address, member in new.items():
            if why := self._refused.get((address, member)):
                self._note(f"{_refusal(address, why)[0]}: it is left out")
        found = {a: member for a, member in there.items() if self._refused.get((a, member)) == ""}
        lost = [a for a, member in self._last.items() if there.get(a) != member]
        if lost:
            self._note(f"lost {', '.join(lost)}: what they held of M is read anew by others")
        self._last = found
        return found

    def threads(self, address: str) -> int:
        """Of one that took part when it was last asked who does."""
        return self._last[address].threads

    def misses(self, addresses: Iterable[str]) -> bool:
        """Whether one of them is not there any more."""
        there = self.client.nthreads()
        return not all(address in there for address in addresses)

    def room(self, address: str, member: Member) -> int:
        """For shards on a worker, bytes."""
        limit = int(self._usable.get(address, 1.0) * member.memory) - BASE_BYTES
        return max(0, limit) if member.memory else 1 << 62

    def _there(self) -> dict[str, Member]:
        # What scheduler_info() gives may be what the client itself asked for meanwhile: of none.
        client = self.client
        found = client.sync(client.scheduler.identity, n_workers=-1)["workers"]
        return {
            address: Member(
                int(each["nthreads"]), int(each["memory_limit"] or 0), str(each["local_directory"])
            )
            for address, each in sorted(found.items())
        }

    def _look_at(self, there: Mapping[str, Member]) -> None:
        if not there:
            return
        told = self.client.get_versions(packages=list(ALIKE))
        mine = _versions(told["client"])
        asked = {}
        for address, member in there.items():
            theirs = told["workers"].get(address)
            if theirs is None:  # lost meanwhile, and seen so the next time
                continue
            self._refused[address, member] = _other(mine, _versions(theirs))
            if not self._refused[address, member]:
                asked[address] = self.client.submit(
                    witness, self.recipe, workers=[address], pure=False
                )
        until = time.monotonic() + ANSWER_SECONDS
        for address, future in asked.items():
            self._hear(address, there[address], future, until)
        if len(self._blas) > 1:
            kinds = " and ".join(sorted("/".join(each) for each in self._blas))
            self._note(f"workers multiply by {kinds}: last digits depend on who holds a shard")
            self._blas.clear()

    def _hear(self, address: str, member: Member, future: Any, until: float) -> None:
        """What a worker says of itself; it is forgotten where it is lost before."""
        while True:
            try:
                found: Witness = future.result(timeout=0.2)
            except TimeoutError:
                if self.misses([address]):
                    del self._refused[address, member]
                    return
                if time.monotonic() < until:
                    continue
                self._refused[address, member] = "it does not answer"
                return
            except Exception as error:
                self._refused[address, member] = f"it fails: {printable(str(error))}"
                return
            self._refused[address, member] = found.refused
            self._usable[address] = found.usable
            self._blas.add(found.blas)
            return

    def _missing(self, there: Mapping[str, Member], need: Need) -> MfactError | None:
        """What there is too little of for M."""
        if not there:
            return SettingsError(
                "the scheduler has no workers", "start some with `dask worker ADDRESS`"
            )
        for address, member in there.items():
            share, room = need.of(address, there), self.room(address, member)
            if share > room:
                lost = ", when another is lost" if len(there) > 1 else ""
                return MemoryPlanError(
                    f"M takes {format_bytes(share)} on worker {printable(address)}{lost}, which has"
                    f" room for {format_bytes(room)}",
                    "start more workers, give them more memory, or leave out --workers and"
                    " --scheduler: M is then read from its file in each pass",
                )
        return None


class Need(NamedTuple):
    """What M takes: so many shards of so many bytes at most."""

    shards: int
    each: int

    def of(self, address: str, there: Mapping[str, Member]) -> int:
        """Bytes that a worker has of it, by threads, when the largest of the others is lost."""
        mine = there[address].threads
        others = [member.threads for other, member in there.items() if other != address]
        whole = mine + sum(others) - max(others, default=0)
        return -(-self.shards * mine // whole) * self.each


def _versions(told: Any) -> dict[str, str]:
    python = ".".join(str(told["host"]["python"]).split(".")[:2])
    return {"Python": python, **{name: told["packages"].get(name) for name in ALIKE}}


def _other(mine: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """In which versions a worker differs, in words; "" where it does not."""
    differ = [name for name in mine if mine[name] and theirs.get(name) != mine[name]]
    said = [f"{name} {theirs.get(name) or 'missing'}, here {mine[name]}" for name in differ]
    return "; ".join(said)


def _refusal(address: str, why: str) -> tuple[str, str]:
    return (
        f"worker {printable(address)}: {why}",
        "let all workers have the same packages and see the same file",
    )
