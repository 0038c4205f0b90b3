"""Which worker takes what: even shards, and the tasks of a pass in the tree of its sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from typing import NamedTuple

from mfact.targets.reading import FAN, by_fan


class Run(NamedTuple):
    """Shards beside each other at one worker, of one sum of the tree: a task."""

    home: str
    shards: range


class Node(NamedTuple):
    """A sum of some of the level below, taken at one worker: itself, where it is one. sums: those
    of runs that must be kept apart, which are one where they begin a sum of the tree."""

    home: str
    of: range
    sums: int = 1


@dataclass(frozen=True)
class Layout:
    """The tasks of a pass.

    most: shards of a run. runs: in the order of the shards. lines: of each worker, which runs are
    its. local: sums of the runs of one worker; levels: of these, of eight shards, of eight of
    these, up to the last. relays: level after level, the workers any of which hands on what all
    are told, to the next eight of the level after, the last to these.
    """

    most: int
    runs: list[Run]
    lines: dict[str, list[int]]
    local: list[Node]
    levels: list[list[Node]]
    relays: list[list[Sequence[str]]]

    @property
    def tasks(self) -> int:
        """Of a pass with sums."""
        above = sum(len(node.of) > 1 for level in self.levels for node in level)
        sent = sum(len(level) for level in self.relays)
        return len(self.runs) + len(self.lines) + len(self.local) + above + sent

    @property
    def crossing(self) -> int:
        """How many sums are sent to another worker."""
        found = 0
        for below, level in pairwise([self.local, *self.levels]):
            found += sum(below[at].sums for node in level for at in node.of
                         if below[at].home != node.home)  # fmt: skip
        return found


def grain(count: int, threads: int) -> int:
    """Shards of a run at most: fewer tasks where there are many shards, and some for each thread.

    >>> grain(1000, 4), grain(31, 4), grain(3, 4)
    (8, 2, 1)
    """
    return next((most for most in (FAN, FAN // 2, FAN // 4) if count >= 2 * threads * most), 1)


def layout(homes: Sequence[str], most: int) -> Layout:
    """Of shards at these workers, in runs of so many of them: 1, or what divides FAN.

    >>> made = layout(["a"] * 10 + ["b"] * 2, 4)
    >>> [run.shards for run in made.runs]
    [range(0, 4), range(4, 8), range(8, 10), range(10, 12)]
    >>> made.local
    [Node(home='a', of=range(0, 2), sums=1), Node(home='a', of=range(2, 3), sums=1),
     Node(home='b', of=range(3, 4), sums=2)]
    >>> made.levels[0]
    [Node(home='a', of=range(0, 1), sums=1), Node(home='b', of=range(1, 3), sums=1)]
    >>> made.tasks, made.crossing
    (12, 2)
    """
    runs: list[Run] = []
    for shard, home in enumerate(homes):
        if shard % most and runs[-1].home == home:
            runs[-1] = Run(home, range(runs[-1].shards[0], shard + 1))
        else:
            runs.append(Run(home, range(shard, shard + 1)))
    lines: dict[str, list[int]] = {}
    for number, run in enumerate(runs):
        lines.setdefault(run.home, []).append(number)
    local = _local(runs)
    eights = [at for at, node in enumerate(local) if runs[node.of[0]].shards[0] % FAN == 0]
    levels = [[_node(local, range(*edges)) for edges in pairwise([*eights, len(local)])]]
    while len(levels[-1]) > 1:
        above = by_fan(range(len(levels[-1])))
        levels.append([_node(levels[-1], range(of[0], of[-1] + 1)) for of in above])
    relays: list[list[Sequence[str]]] = [by_fan(list(lines))]
    while len(relays[0]) > 1:
        relays.insert(0, by_fan([workers[0] for workers in relays[0]]))
    return Layout(most, runs, lines, local, levels, relays)


def _local(runs: Sequence[Run]) -> list[Node]:
    """Of each sum of eight shards what one worker has of it, side by side."""
    found = []
    by_sum = groupby(enumerate(runs), lambda each: (each[1].shards[0] // FAN, each[1].home))
    for (_, home), group in by_sum:
        numbers, of = zip(*group, strict=True)
        apart = 1 if of[0].shards[0] % FAN == 0 else sum(len(run.shards) for run in of)
        found.append(Node(home, range(numbers[0], numbers[-1] + 1), apart))
    return found


def _node(below: Sequence[Node], of: range) -> Node:
    """Where most of it is, so that least is sent."""
    weights = Counter[str]()
    for at in of:
        weights[below[at].home] += below[at].sums
    return Node(max(weights, key=weights.__getitem__), of)


def shares(count: int, weights: Sequence[int]) -> list[int]:
    """count in whole parts, by weight.

    >>> shares(10, [1, 2, 1]), shares(2, [1, 1, 1]), shares(31, [1, 1])
    ([3, 5, 2], [1, 0, 1], [16, 15])
    """
    whole = sum(weights)
    edges = [(2 * count * part + whole) // (2 * whole) for part in accumulate(weights, initial=0)]
    return [end - start for start, end in pairwise(edges)]
