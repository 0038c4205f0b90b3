"""A network's run as values: its points, what was asked of it, and what it is made of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from mfact.core import Array, Document, NetworkResult, Schedule
from mfact.descent import BLOCK, Observer
from mfact.host.signals import SignalFlag
from mfact.host.timer import Timer
from mfact.networks.architecture import Architecture
from mfact.networks.engine import NetworkEngine
from mfact.networks.losses import Loss
from mfact.networks.settings import NetworkSettings
from mfact.run.recorder import Recorder
from mfact.stopping import NetworkRules, StopWatch
from mfact.theory.network_claims import NetworkMonitor
from mfact.theory.network_facts import NetworkFacts


@dataclass(frozen=True)
class TrainingData:
    """X, m×n₀, a point a row, and Y: targets m×p, or m labels.

    name: what they are called. described: what is known of their files. named: how they are found
    again: "x" and "y" with path and dataset each; empty where they were generated or given.
    """

    X: Array = field(repr=False)
    Y: Array = field(repr=False)
    name: str
    described: Document
    named: Document

    @cached_property
    def fingerprint(self) -> Document:
        """That tells them from others: the SHA-256 of all their numbers."""
        digest = hashlib.sha256()
        for each in (self.X, self.Y):
            digest.update(f"{each.shape} {each.dtype.str}".encode())
            digest.update(np.ascontiguousarray(each).data)
        return {
            "shape": list(self.X.shape),
            "targets": list(self.Y.shape),
            "dtype": str(self.X.dtype),
            "digest": digest.hexdigest(),
        }


@dataclass(frozen=True)
class NetworkAsked:
    """What a run was asked to do, and with which points.

    sources: option -> where its value came from. net: the architecture. output: path.
    fingerprint: of the points.
    """

    settings: NetworkSettings
    sources: Document
    net: Architecture
    points: TrainingData = field(repr=False)
    fingerprint: Document
    output: str | None


@dataclass(frozen=True)
class NetworkPlan:
    """The objects of a run. form: of the first layer, and why. start: W_1, b_1, … at step 0."""

    asked: NetworkAsked
    loss: Loss
    form: str
    why: str
    schedule: Schedule
    engine: NetworkEngine
    rules: NetworkRules
    facts: NetworkFacts
    start: tuple[Array, ...] = field(repr=False)


class NetworkObserver(Observer, Protocol):
    """Looks at a run from its beginning to its end."""

    def start(self, facts: NetworkFacts) -> None:
        """Told of the run before its first step."""

    def stop(self, result: NetworkResult) -> None:
        """Told of its end."""


@dataclass(frozen=True)
class NetworkLive:
    """Who works while a run goes on, as in mfact.run.progress.Live; neurons: records every unit."""

    watch: StopWatch[NetworkRules]
    recorder: Recorder
    neurons: Recorder
    monitor: NetworkMonitor
    observers: Sequence[NetworkObserver]
    timer: Timer
    caught: SignalFlag | None
    warn: Callable[[str], None]
    workers: int
    block: int = BLOCK
