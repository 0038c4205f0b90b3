"""A run that an error ends is kept as it was between two blocks, and can be gone on with."""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote

from mfact.core import Array
from mfact.errors import MfactError
from mfact.run.checkpoint import saving
from mfact.run.keeper import Keeper
from mfact.run.progress import Live, Plan, Progress
from mfact.run.refusals import cluster_of
from mfact.words import printable

_Seen = tuple[Mapping[str, Array], Mapping[str, Array] | None, Mapping[str, object]]
"""The memories of recorder, modes and monitors."""


class Rescue:
    """Follows a run from point to point from which it can be gone on with, bit for bit.

    progress: the first of these. A pass over M may fail at any time: the file is gone, or who holds
    M. All that has been seen since the last point is then taken back, and that point is written.
    """

    def __init__(self, plan: Plan, live: Live, keeper: Keeper, progress: Progress) -> None:
        self._plan, self._live, self._keeper = plan, live, keeper
        self._seen: _Seen | None = None
        self._stand(progress)

    def look(self, progress: Progress, *, last: bool, asked: bool) -> None:
        """Between two blocks, all rows before shown and none after: as mfact.run.keeper.Keeper."""
        self._stand(progress)
        save = saving(self._plan, self._live)
        self._keeper.look(progress, self._live, save, last=last, asked=asked)

    def ending(self) -> None:
        """Called before rows are shown that may be the last: what the end takes may fail, too."""
        live = self._live
        with live.timer.looking():
            modes = None if live.modes is None else live.modes.state()
            self._seen = live.recorder.state(), modes, live.monitors.state()

    def put(self, error: MfactError) -> MfactError:
        """The error, and in its way out how to go on from where the run stood, which is written. As
        it is where it comes from who was shown rows, of which others have seen more by then.
        """
        if self._seen is None and self._live.recorder.last is not self._last:
            return error
        path, before = self._keeper.path, f"{error.way_out}, then " if error.way_out else ""
        if path is None:
            lost = ", as no --checkpoint was asked for" if self._progress.steps else ""
            return type(error)(error.sentence, f"{before}begin again{lost}")
        self._take_back()
        save = saving(self._plan, self._live)
        missed = self._keeper.keep(path, self._progress, self._live, save)
        if missed and not self._keeper.there:
            return type(error)(f"{error.sentence}; {missed}", error.way_out)
        cluster = cluster_of(self._plan.asked.settings)
        more = f", and {cluster[0]} for a cluster" if cluster else ""
        way = f"{before}resume with `mfact resume {quote(printable(path))}`{more}"
        return type(error)(f"{error.sentence}{f'; {missed}' if missed else ''}", way)

    def _stand(self, progress: Progress) -> None:
        self._progress, self._watch = progress, self._live.watch.state()
        self._passes, self._last = self._plan.target.passes, self._live.recorder.last
        self._seen = None

    def _take_back(self) -> None:
        """Watch, recorders and monitors as they were there, and the passes that are taken anew."""
        live = self._live
        live.watch.restore(self._watch)
        self._plan.target.take_back(self._passes)
        if self._seen is None:
            return
        recorded, modes, monitored = self._seen
        live.recorder.restore(recorded)
        live.monitors.restore(monitored)
        if live.modes is not None and modes is not None:
            live.modes.restore(modes)
