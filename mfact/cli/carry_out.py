"""A run from the command line, to its end: progress, files, the view that was asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from mfact.cli.log import Log
from mfact.cli.results import exit_code, print_result, show
from mfact.cli.streams import emit
from mfact.words import printable

if TYPE_CHECKING:
    from signal import Signals

    from mfact.core import Document, NetworkResult, Result
    from mfact.host.signals import SignalFlag
    from mfact.report.progress import Progress
    from mfact.report.stream import RowStream
    from mfact.run.doing import Doing

R = TypeVar("R")


def carry_out(
    run: Callable[..., Result | NetworkResult],
    output: str | None,
    values: dict[str, Any],
    log: Log,
    every: int | None,
    columns: Iterable[str] | None = None,
) -> int:
    """Run to the end, write and print what was asked for; the exit code.

    run: mfact.run.solve.solve or resume, or those of networks, all but for what every command gives
    it. every: of the rows recorded. columns: of theirs; None: those of a factorization.
    """
    from mfact.host.timer import Timer

    stream = _stream(every, columns) if values["format"] == "jsonl" else None
    rows = [] if stream is None else [stream]
    writing = False
    # Left when all is written: a signal that comes late does not cost a finished run.
    with signals_to(log, lambda: writing) as flag:
        one = partial(run, reproducible=values["reproducible"], timer=Timer(log.began))
        result = followed(one, values, log, flag, rows)
        writing = True
        log.detail(f"{result.outcome.sentence}: {result.message}")
        write(result, output, values, log)
        if stream is None:
            print_result(result, values, quiet=log.quiet)
        else:
            stream.finish(result, timing=values["timing"])
    # A run that ended at a limit and could not keep its checkpoint has failed.
    return 1 if "unsaved" in result.summary else exit_code(result, values["exit_zero"])


def followed(
    run: Callable[..., R],
    values: Mapping[str, Any],
    log: Log,
    caught: SignalFlag,
    observers: Sequence[Any] = (),
    name: str = "",
) -> R:
    """The result of a run that is told, as mfact.run.solve.solve takes it, who looks on, how to say
    how it gets on and what goes wrong, and whether a signal has come.

    observers: beside the line on how it gets on. name: before warnings.
    """
    progress = progress_of(log, values["heartbeat"])
    try:
        return run(
            observers=[progress, *observers],
            argv=["mfact", *sys.argv[1:]],
            signals=caught,
            warn=lambda text: log.error(f"mfact: warning: {name}{text}"),
            detail=log.detail,
            busy=progress.busy,
        )
    finally:
        progress.clear()


def signals_to(log: Log, writing: Callable[[], bool]) -> SignalFlag:
    """A flag that says of each signal what is finished first, and by which the process dies.

    writing: whether the steps are done and the result is being written.
    """
    from mfact.host.signals import INSISTENT, SignalFlag
    from mfact.report.progress import CLEAR, write_now

    clear = CLEAR if _rewrites(log) else ""

    def heard(number: Signals) -> None:
        log.tell(signal=flag.number)
        if not log.quiet:
            wipe, doing = (
                ("", "writing the result") if writing() else (clear, "finishing this block")
            )
            again = "; again to stop at once" if number in INSISTENT else ""
            write_now(sys.stderr, f"{wipe}mfact: {number.name}: {doing}{again}\n")

    flag = SignalFlag(heard)
    return flag


def _stream(every: int | None, columns: Iterable[str] | None) -> RowStream:
    from mfact.report.stream import RowStream
    from mfact.trace import COLUMNS

    return RowStream(emit, every, COLUMNS if columns is None else columns)


def show_plan(plan: Callable[..., Document], values: dict[str, Any], log: Log) -> int:
    """Print what a run would take, as plan() finds it; the exit code."""
    from mfact.host.timer import Timer
    from mfact.report.labels import timeless
    from mfact.report.plan_page import page
    from mfact.report.views import document_views

    with watched(log, values["heartbeat"]) as doing:
        made = plan(detail=log.detail, doing=doing, timer=Timer(log.began))
    made = made if values["timing"] else timeless(made)
    show(values["format"], document_views(made, page), quiet=log.quiet)
    return 0


@contextmanager
def watched(log: Log, seconds: float = 0.0) -> Iterator[Doing]:
    """Within it, says what a command is busy with, as it is told. seconds: see progress_of."""
    from mfact.run.doing import Doing

    progress = progress_of(log, seconds)
    try:
        yield Doing(progress.busy)
    finally:
        progress.clear()


def progress_of(log: Log, seconds: float) -> Progress:
    """A line where a person looks at a terminal that can rewrite it, else a note every so many
    seconds, 0 for none.
    """
    import math

    from mfact.report.progress import heartbeat, on_terminal

    if _rewrites(log):
        line = on_terminal(sys.stderr)
        log.tell(wipe=line.clear)
        return line
    return heartbeat(lambda line: log.note(f"mfact: {line}"), seconds or math.inf)


def _rewrites(log: Log) -> bool:
    from mfact.report.terminal import is_terminal, obeys_escapes

    return not log.quiet and obeys_escapes() and is_terminal(sys.stderr)


def write(
    result: Result | NetworkResult, output: str | None, values: Mapping[str, Any], log: Log
) -> None:
    """The files that were asked for, each said once it is safe on the disk."""
    from mfact.core import Result

    if output is not None:
        from mfact.storage.either import write_either

        write_either(output, result)
        log.note(f"wrote {printable(output)}")
    if isinstance(result, Result):
        from mfact.storage.claims import FACTORS
        from mfact.storage.factors import write_factors

        for form in FACTORS:
            if (prefix := values.get(f"factors_{form}")) is not None:
                for path in write_factors(prefix, form, result):
                    log.note(f"wrote {printable(path)}")
