"""A network's run from its points to the result: what `mfact network` and `mfact resume` call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from mfact.core import Array, Document, NetworkResult, Rows, State
from mfact.descent import BLOCK, At, Confirmed, Descent, Known
from mfact.host.signals import SignalFlag
from mfact.host.threads import Workers, working
from mfact.host.timer import Timer
from mfact.networks.architecture import Architecture
from mfact.networks.columns import parted
from mfact.networks.settings import NetworkSettings
from mfact.run.doing import Doing, Tell, silent
from mfact.run.keeper import Keeper, Rhythm
from mfact.run.network.checkpoint import SavedNetwork, saving
from mfact.run.network.ending import result_of
from mfact.run.network.memory import NEURON_BYTES
from mfact.run.network.plan import admitted, begun, planned
from mfact.run.network.progress import (
    NetworkAsked,
    NetworkLive,
    NetworkObserver,
    NetworkPlan,
    TrainingData,
)
from mfact.run.progress import Finish, Progress
from mfact.run.recorder import Recorder
from mfact.run.workers import planned_workers
from mfact.settings import ARRAYS
from mfact.stopping import Stop, StopWatch
from mfact.storage.claims import claim_output, refuse_meetings
from mfact.theory.network_claims import NetworkMonitor


def train(
    points: TrainingData,
    net: Architecture,
    settings: NetworkSettings,
    *,
    sources: Document,
    start: tuple[Array, ...] | None = None,
    observers: Sequence[NetworkObserver] = (),
    output: str | None = None,
    reproducible: bool = False,
    argv: Sequence[str] | None = None,
    signals: SignalFlag | None = None,
    warn: Callable[[str], None] = lambda text: None,
    detail: Callable[[str], None] = lambda text: None,
    busy: Tell = silent,
    timer: Timer | None = None,
    block: int = BLOCK,
) -> NetworkResult:
    """Train a network, every balance law held against its exact ledger.

    points: X and Y. net: its layers. settings: with a seed, and checked (mfact.run.network.plan).
    start: what mfact.run.network.plan.begun made of them, where that is known already.
    The other arguments are as for mfact.run.solve.solve.

    Raises SettingsError, DataError and StorageError before the first step.
    """
    timer = Timer() if timer is None else timer
    path, rhythm = settings.checkpoint_path(output), Rhythm.of(settings.checkpoint_every)
    read = {name: each.get("path") for name, each in points.named.items()}
    read["start"] = None if sources.get("start") == ARRAYS else settings.start_file
    refuse_meetings(read, {"output": output, "checkpoint": path})
    if path is not None:
        claim_output(path)
    memory = admitted(settings, net, len(points.X))
    detail(memory.describe())
    with working(planned_workers(memory)) as workers:
        with Doing(busy).now("first products"):
            asked = NetworkAsked(settings, sources, net, points, points.fingerprint, output)
            plan = planned(asked, workers, begun(settings, net) if start is None else start)
        progress = Progress(At(plan.engine.start(plan.start)))
        live = attached(plan, workers, observers, timer, signals, warn, block)
        keeper = Keeper(path, rhythm, explicit=settings.checkpoint is not None)
        return finished(plan, progress, live, keeper, reproducible=reproducible, argv=argv)


def resume(
    saved: SavedNetwork,
    points: TrainingData,
    *,
    max_iter: int | None = None,
    max_time: float | None = None,
    observers: Sequence[NetworkObserver] = (),
    reproducible: bool = False,
    argv: Sequence[str] | None = None,
    signals: SignalFlag | None = None,
    warn: Callable[[str], None] = lambda text: None,
    detail: Callable[[str], None] = lambda text: None,
    busy: Tell = silent,
    timer: Timer | None = None,
    block: int = BLOCK,
) -> NetworkResult:
    """Go on with a run from its checkpoint: the same run, bit for bit, as if never cut.

    points: those that the run began with; others are refused. max_iter, max_time: new limits on all
    parts of the run together.

    Raises StorageError for other points; SettingsError for a limit that the run has passed.
    """
    timer = Timer() if timer is None else timer
    asked = saved.asked(points, max_iter, max_time)
    memory = admitted(asked.settings, asked.net, len(points.X))
    detail(memory.describe())
    with working(planned_workers(memory)) as workers:
        timer.add(saved.document["seconds"], saved.document["wall_seconds"])
        with Doing(busy).now("first products"):
            plan = planned(asked, workers, begun(asked.settings, asked.net, saved.start))
        saved.require_like(plan.engine.start(plan.start))
        progress = saved.progress
        live = attached(plan, workers, observers, timer, signals, warn, block)
        saved.restore(live)
        rhythm = Rhythm.of(asked.settings.checkpoint_every)
        keeper = Keeper(saved.path, rhythm, explicit=True, resumed=progress, seconds=timer.seconds)
        return finished(plan, progress, live, keeper, reproducible=reproducible, argv=argv)


def attached(
    plan: NetworkPlan,
    workers: Workers,
    observers: Sequence[NetworkObserver],
    timer: Timer,
    caught: SignalFlag | None,
    warn: Callable[[str], None],
    block: int,
) -> NetworkLive:
    """Who works while the run goes on, with nothing seen yet."""
    every, units = plan.asked.settings.every, sum(joint.units for joint in plan.asked.net.joints)
    most = max(2, min(1000, NEURON_BYTES // (24 * units)))
    monitor = NetworkMonitor()
    monitor.start(plan.facts)
    return NetworkLive(
        StopWatch(plan.rules),
        Recorder(every),
        Recorder(every, most),
        monitor,
        tuple(observers),
        timer,
        caught,
        warn,
        workers.count,
        block,
    )


class Split:
    """Gives each observer its columns: the neurons' recorder those with a value a unit."""

    def __init__(self, live: NetworkLive) -> None:
        self.live = live

    def segment(self, rows: Rows) -> None:
        """The next block."""
        plain, units = parted(rows)
        self.live.recorder.segment(plain)
        self.live.neurons.segment({n: rows[n] for n in ("step", "log10_step")} | {**units})
        for observer in (self.live.monitor, *self.live.observers):
            observer.segment(plain)


def finished(
    plan: NetworkPlan,
    progress: Progress,
    live: NetworkLive,
    keeper: Keeper,
    *,
    reproducible: bool,
    argv: Sequence[str] | None,
) -> NetworkResult:
    """The run from where it stands to its end."""
    if live.caught is not None:
        live.caught.watch()
    for observer in live.observers:
        observer.start(replace(plan.facts, wall_seconds=live.timer.wall_seconds))
    save = saving(plan, live)

    def between(at: At, *, last: bool, asked: bool) -> None:
        keeper.look(replace(progress, at=at), live, save, last=last, asked=asked)

    descent = Descent(
        plan.engine,
        plan.schedule,
        live.watch,
        as_it_is,
        (Split(live),),
        live.timer,
        lambda: bool(live.caught),
        live.block,
    )
    with live.timer.solving():
        at, stop = descent.run(progress.at, between=between)
    assert stop is not None
    finish = Finish(replace(progress, at=at), stop.outcome, stop.reason)
    return result_of(plan, finish, live, keeper, reproducible=reproducible, argv=argv)


def as_it_is(state: State, stop: Stop, known: Known) -> Confirmed:
    """A network's optimum is not known: what a row shows stands."""
    return Confirmed(state, stop, known)
