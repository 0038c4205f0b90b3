"""A run from the matrix to the result: what `mfact solve` and `mfact resume` call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from mfact.core import Array, Document, Factors, Result, Target
from mfact.descent import BLOCK
from mfact.errors import MfactError
from mfact.host.signals import SignalFlag
from mfact.host.threads import Workers, working
from mfact.host.timer import Timer
from mfact.run.checkpoint import Saved, read
from mfact.run.doing import Doing, Tell, silent
from mfact.run.ending import Ending
from mfact.run.keeper import Keeper, Rhythm
from mfact.run.place import as_before, described_now, place_of, require_file
from mfact.run.plan import assembled
from mfact.run.prepare import admitted, fitting, prepared
from mfact.run.progress import Live, Plan, Progress, RunObserver
from mfact.run.ranked import Ranked
from mfact.run.recorder import Decades, Recorder
from mfact.run.rescue import Rescue
from mfact.run.resuming import gone_on_with, require_same
from mfact.run.stages import carry_out
from mfact.run.workers import planned_workers
from mfact.settings import ARRAYS, GIVEN, RunSettings
from mfact.stopping import StopWatch
from mfact.targets.door import Held, held
from mfact.theory.monitors import Monitors

if TYPE_CHECKING:
    from mfact.matrices.source import MatrixSource


def solve(
    matrix: Array | MatrixSource | Target | Held,
    settings: RunSettings | None = None,
    *,
    factors: Factors | None = None,
    sources: Mapping[str, str] | None = None,
    observers: Sequence[RunObserver] = (),
    output: str | None = None,
    reproducible: bool = False,
    argv: Sequence[str] | None = None,
    signals: bool | SignalFlag = False,
    warn: Callable[[str], None] = lambda text: None,
    note: Callable[[str], None] = lambda text: None,
    detail: Callable[[str], None] = lambda text: None,
    busy: Tell = silent,
    refuse: bool = False,
    admit: Callable[[Document], None] = lambda fingerprint: None,
    timer: Timer | None = None,
    block: int = BLOCK,
    found: Ranked | None = None,
    **options: object,
) -> Result:
    """Factor a matrix: M ≈ UVᵀ by a method.

    matrix: an array, an opened file (mfact.matrices.source.open_matrix), a Target, or one that is
        held already.
    settings: the options of the run; or give them by name, solve(M, rank=5).
    factors: the start itself, in place of the one that the settings name.
    sources: option -> where its value came from ("flag", "environment", …); those named here
        and not "default" are refused when they mean nothing with the other choices.
    observers: objects with start(facts), told of the run (mfact.theory.facts), segment(rows), of a
        block of steps, and stop(result).
    signals: from the first step on let SIGINT, SIGTERM, SIGHUP and SIGXCPU, unless ignored, end
        the run in good order, with the outcome INTERRUPTED; or a flag that the caller leaves.
    warn: told in a sentence what went wrong while the run goes on: a checkpoint not written.
    note: told before the first step what is worth knowing of the run; detail: how much memory it
        will hold.
    busy: told what the run is busy with beside its steps, and how far it is, as it gets on.
    refuse: refuse a run that is forecast to end far beyond its limits, unless settings.force.
    admit: told the fingerprint of the matrix before the first step; what it raises ends the run.
    timer: counts its time, max_time among it, from where the timer began; else from this call.
    block: steps after which observers, signals and limits are looked at, at most; no bit of the
        result depends on it.
    found: how the rank of the settings was found; None: it is found here where it is a wish.

    Raises SettingsError, DataError and MemoryPlanError before the first step.

    >>> result = solve([[3.0, 0.0], [4.0, 0.0]], rank=1, seed=1)
    >>> ((result.U @ result.V.T).round(4) + 0.0).tolist()
    [[3.0, 0.0], [4.0, 0.0]]
    """
    timer = Timer() if timer is None else timer
    settings = RunSettings.of(options) if settings is None else settings.changed(options)
    sources = dict(sources or {})
    if factors is not None:
        settings = replace(settings, start=GIVEN)
        sources["start"] = ARRAYS
    doing = Doing(busy)
    allowed = admitted(
        matrix,
        settings,
        sources=sources,
        output=output,
        note=note,
        detail=detail,
        found=found,
        doing=doing,
        timer=timer,
    )
    with (
        allowed as begun,
        _flag(signals) as caught,
        working(planned_workers(begun.memory)) as workers,
    ):
        plan, progress = prepared(
            begun,
            factors,
            refuse=refuse,
            note=note,
            admit=admit,
            doing=doing,
            timer=timer,
            workers=workers,
        )
        live = attached(plan, workers, observers, timer, caught, warn, doing, block)
        path, explicit = plan.asked.checkpoint, settings.checkpoint is not None
        keeper = Keeper(path, begun.rhythm, explicit=explicit)
        ending = Ending(plan, live, keeper, begun.matrix)
        return finished(progress, ending, reproducible=reproducible, argv=argv)


def resume(
    checkpoint: str | Saved,
    matrix: Array | MatrixSource | Target,
    *,
    max_iter: int | None = None,
    max_time: float | None = None,
    device: str | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    observers: Sequence[RunObserver] = (),
    reproducible: bool = False,
    argv: Sequence[str] | None = None,
    signals: bool | SignalFlag = False,
    warn: Callable[[str], None] = lambda text: None,
    note: Callable[[str], None] = lambda text: None,
    detail: Callable[[str], None] = lambda text: None,
    busy: Tell = silent,
    timer: Timer | None = None,
    block: int = BLOCK,
) -> Result:
    """Go on with a run from its checkpoint: the same run, bit for bit, as if never cut.

    checkpoint: its path, or what mfact.run.checkpoint.read has read there. matrix: the one the run
    began with; another is refused. max_iter, max_time: new limits on all parts of the run together,
    where the old ones were reached. device: where M is held now, None: as before; workers,
    scheduler: the cluster that holds it now, if any, with the bits of its file. note: told what
    went on there; detail, busy, timer, block: as for solve; the time of earlier parts is added.

    Raises StorageError for a damaged or foreign checkpoint, and for another matrix; SettingsError
    for a limit that solve would refuse too, or that the run has passed already.
    """
    timer = Timer() if timer is None else timer
    saved = checkpoint if isinstance(checkpoint, Saved) else read(checkpoint)
    given: dict[str, float | str | None] = {"max_iter": max_iter, "max_time": max_time}
    given |= {"device": device, "workers": workers, "scheduler": scheduler}
    asked, document = gone_on_with(saved, given), saved.document
    settings = asked.settings
    M = held(matrix, settings.dtype, settings.max_memory)
    require_file(M, settings)
    doing = Doing(busy)
    with place_of(settings, note) as place:
        M = as_before(M.at(place), asked.described).centred(settings.center)
        M, memory = fitting(M, replace(settings, max_basis_bytes=saved.chosen.basis_limit), detail)
        described, other = described_now(M, asked.described)
        asked = replace(asked, described=described)
        if other:
            warn(other)
        doing.streams(M.from_file, elsewhere=M.elsewhere)
        with _flag(signals) as caught, working(planned_workers(memory)) as helpers:
            target = M.target(document["passes"], doing.read, doing.passed, helpers)
            with doing.now("first passes"):
                require_same(saved, target)
            timer.add(document["seconds"], document["wall_seconds"])
            plan, progress = assembled(asked, saved.chosen, target), saved.progress
            live = attached(plan, helpers, observers, timer, caught, warn, doing, block)
            saved.restore(live)
            keeper = Keeper(
                saved.path,
                Rhythm.of(settings.checkpoint_every),
                explicit=True,
                resumed=progress,
                seconds=timer.seconds,
            )
            ending = Ending(plan, live, keeper, M)
            return finished(progress, ending, reproducible=reproducible, argv=argv)


def attached(
    plan: Plan,
    workers: Workers,
    observers: Sequence[RunObserver],
    timer: Timer,
    caught: SignalFlag | None,
    warn: Callable[[str], None],
    doing: Doing,
    block: int,
) -> Live:
    """Who works while the run goes on, with nothing seen yet."""
    monitors, density = Monitors(), plan.chosen.modes
    monitors.start(plan.facts)
    return Live(
        StopWatch(plan.rules),
        Recorder(plan.asked.settings.every),
        Decades(density) if density else None,
        monitors,
        tuple(observers),
        timer,
        caught,
        warn,
        doing,
        workers.count,
        block,
    )


def finished(
    progress: Progress, ending: Ending, *, reproducible: bool, argv: Sequence[str] | None
) -> Result:
    """The run from where it stands to its end. One that an error ends is kept, which this says."""
    plan, live = ending.plan, ending.live
    if live.caught is not None:
        live.caught.watch()
    for observer in live.observers:
        # What is left of a limit on the time, an observer can only tell from what is spent.
        observer.start(replace(plan.facts, wall_seconds=live.timer.wall_seconds))
    rescue = Rescue(plan, live, ending.keeper, progress)
    try:
        with live.timer.solving():
            finish = carry_out(plan, progress, live, rescue)
        with live.doing.now("certificate"):
            return ending.result(finish, reproducible=reproducible, argv=argv)
    except MfactError as error:
        raise rescue.put(error).with_traceback(error.__traceback__) from error.__cause__


def _flag(signals: bool | SignalFlag) -> AbstractContextManager[SignalFlag | None]:
    """A flag of its own, the caller's, or none."""
    if isinstance(signals, SignalFlag):
        return nullcontext(signals)
    return SignalFlag() if signals else nullcontext(None)
