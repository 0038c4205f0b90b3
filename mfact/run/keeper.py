"""When a run keeps its state, and where."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from mfact.errors import SettingsError, StorageError
from mfact.host.timer import Timer
from mfact.run.progress import Progress
from mfact.words import shown

DEFAULT_SECONDS = 60.0
"""How often a checkpoint is written when nothing else is asked for, and how long a run may last
before the first."""


@dataclass(frozen=True)
class Rhythm:
    """When checkpoints are due: every so many steps or seconds.

    >>> Rhythm.of("500"), Rhythm.of("2.5s")
    (Rhythm(steps=500, seconds=None), Rhythm(steps=None, seconds=2.5))
    """

    steps: int | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, text: str | None) -> Rhythm:
        """From what --checkpoint-every says. Raises SettingsError when it is neither."""
        if text is None:
            return cls(seconds=DEFAULT_SECONDS)
        match = re.fullmatch(r"(\d{1,4000})|(\d{1,300}(?:\.\d{0,300})?)\s*s", text.strip())
        if match and match[1] and int(match[1]) > 0:
            return cls(steps=int(match[1]))
        if match and match[2] and float(match[2]) > 0:
            return cls(seconds=float(match[2]))
        raise SettingsError(
            f"--checkpoint-every is {shown(text)}", "give steps, as 100000, or seconds, as 60s"
        )


Save = Callable[[str, Progress], None]
"""Writes the checkpoint of a run that has come so far, at a path."""


class Looked(Protocol):
    """Of those who work while a run goes on, the clock, and who is told what went wrong."""

    @property
    def timer(self) -> Timer: ...

    @property
    def warn(self) -> Callable[[str], None]: ...


class Keeper:
    """Writes the checkpoints of a run as they fall due.

    path: None for none. explicit: it was asked for; where it was not, a run that has lasted for
    less than a minute keeps its state only when a signal ends it. there: whether one is there.
    missed: a sentence for each that could not be written. unsaved: that of the last one.
    """

    def __init__(
        self,
        path: str | None,
        rhythm: Rhythm,
        *,
        explicit: bool,
        resumed: Progress | None = None,
        seconds: float = 0.0,
    ) -> None:
        self.path, self.rhythm, self.explicit = path, rhythm, explicit
        self.there, self.missed, self.unsaved = resumed is not None, list[str](), ""
        self._steps, self._seconds = 0.0 if resumed is None else resumed.steps, seconds

    def look(
        self, progress: Progress, live: Looked, save: Save, *, last: bool, asked: bool
    ) -> None:
        """Write a checkpoint if one is due. last: the run is about to end before its goal; asked:
        by a signal.
        """
        if self.path is None:
            return
        if last:
            due = self.explicit or asked
        else:
            steps, seconds = self.rhythm.steps, self.rhythm.seconds
            due = steps is not None and progress.steps - self._steps >= steps
            due = due or (seconds is not None and live.timer.seconds - self._seconds >= seconds)
        if due:
            self._save(self.path, progress, live, save, last=last)

    def _save(self, path: str, progress: Progress, live: Looked, save: Save, *, last: bool) -> None:
        """A disk that fails does not end the run: its result is worth more."""
        text = self.keep(path, progress, live, save)
        if text:
            self.missed.append(text)
            live.warn(text)
            if last:
                # It is the one to go on from.
                self.unsaved = text
        self._steps, self._seconds = progress.steps, live.timer.seconds

    def keep(self, path: str, progress: Progress, live: Looked, save: Save) -> str:
        """Write a checkpoint there; a sentence where that fails, else nothing."""
        kept = replace(progress, notes=(*progress.notes, *self.missed))
        try:
            with live.timer.looking():
                save(path, kept)
        except StorageError as error:
            return f"no checkpoint at step {progress.steps:g}: {error}"
        self.there = True
        return ""
