"""Where the matrix of a run is held, if not here: opened for the run, and closed with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mfact.core import Document
from mfact.errors import SettingsError
from mfact.run.refusals import cluster_of
from mfact.settings import RunSettings
from mfact.targets.door import DEVICE, DISK, HELD, IN_FILE, WHERE, Held, Place


def require_file(matrix: Held, settings: RunSettings) -> None:
    """Raise SettingsError for a matrix in memory that a cluster is to hold: workers read a file."""
    if (cluster := cluster_of(settings)) and matrix.named["path"] is None:
        raise SettingsError(
            f"{cluster[0]} is for a matrix in a file, which the workers read, and this one is not",
            "write it with numpy.save and pass its path, or leave it out",
        )


@contextmanager
def place_of(settings: RunSettings, note: Callable[[str], None]) -> Iterator[Place | None]:
    """The cluster or the device that is asked for; None for the memory and the files here.

    note: told in a sentence what was taken where that was left open, and what went wrong while the
    run goes on. Raises SettingsError for one that is not there.
    """
    if settings.workers is not None or settings.scheduler is not None:
        from mfact.targets.distributed.cluster import connected

        with connected(settings.scheduler, settings.workers, note) as cluster:
            yield cluster
    elif settings.device != "cpu":
        from mfact.targets.device.place import device

        yield device(settings.device, note)
    else:
        yield None


def as_before(matrix: Held, described: Document) -> Held:
    """M left in its file where it was when a run began: the bits of a pass depend on it."""
    return (matrix.streamed() or matrix) if described.get(HELD) == IN_FILE else matrix


def described_now(matrix: Held, described: Document) -> tuple[Document, str]:
    """What is said of M by a run that goes on with it as it is held now, and a warning where its
    passes have other bits than before, else nothing. described: what was said when it began.
    """
    then, now = _held(described), _held(matrix.described)
    if then == now:
        return described, ""
    others = {name: each for name, each in described.items() if name not in (HELD, DEVICE)}
    there = {name: matrix.described[name] for name in (HELD, DEVICE) if name in matrix.described}
    if then == "in memory" and matrix.where == DISK:
        why = "M fits into memory no longer and stays in its file"
    else:
        why = f"M was held {then}, and is held {WHERE[matrix.where]} now"
    return {**others, **there}, f"{why}: the last digits may differ"


def _held(described: Document) -> str:
    """What the bits of a pass depend on."""
    return "on a device" if DEVICE in described else str(described.get(HELD, "in memory"))
