"""Checkpoints of a run: what the next step depends on, and what has been seen so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from mfact.core import Array, Document, Schedule
from mfact.descent import At, Known
from mfact.engines.snapshots import optimum_from, pack, pack_point, unpack, unpack_point
from mfact.errors import SettingsError
from mfact.gradient_flow.records import State as FlightState
from mfact.run.modes import stacked, unstacked
from mfact.run.progress import Asked, Chosen, Flown, Live, Plan, Progress
from mfact.run.refusals import check
from mfact.settings import RunSettings
from mfact.storage.checkpoint_door import require_checkpoint
from mfact.storage.checkpoint_kinds import SCHEDULES
from mfact.storage.checkpoints import cannot_go_on, read_checkpoint, write_checkpoint
from mfact.storage.door import under


@dataclass(frozen=True)
class Saved:
    """What the checkpoint at `path` holds, read back."""

    path: str
    arrays: Mapping[str, Array]
    document: Document

    @property
    def settings(self) -> RunSettings:
        return RunSettings(**self.document["settings"])

    @property
    def asked(self) -> Asked:
        """What the run was asked to do, when it was begun."""
        names = ("sources", "described", "named", "fingerprint", "output")
        wish = self.document.get("wish")
        return Asked(self.settings, **{n: self.document[n] for n in names}, wish=wish)

    @property
    def chosen(self) -> Chosen:
        """The choices made at the start of the run, and not made again."""
        kept = dict(self.document["chosen"])
        kind, values = kept["schedule"]["kind"], kept["schedule"]["fields"]
        schedule: Schedule = SCHEDULES[kind](**values)
        escape = tuple(kept["escape"])
        return Chosen(**{**kept, "schedule": schedule, "escape": escape})

    @property
    def last_step(self) -> Mapping[str, float]:
        """How many steps have been taken, and log₁₀ of it where it is too large for a number."""
        flight = self.document["flight"]
        rows = [] if flight is None else flight["rows"]
        last: Mapping[str, float] = rows[-1] if rows else {"step": self.document["state"]["step"]}
        return last

    @property
    def progress(self) -> Progress:
        """How far the run had come."""
        document, good, flight = self.document, None, None
        state = unpack(under("state", self.arrays), document["state"])
        if document["good"] is not None:
            good = unpack_point(under("good", self.arrays), document["good"], state.coordinates)
        known = document["optimum"]
        optimum = None if known is None else optimum_from(known)
        if document["flight"] is not None:
            kept = dict(document["flight"])
            kept["grams"] = unstacked(under("flown", self.arrays))
            where = kept.pop("at")
            if where is not None:
                where = FlightState(**{**where, **under("flight", self.arrays)})
            # Those of an older mfact do not tell their passes.
            rows = tuple({"passes": math.nan, **row} for row in kept["rows"])
            flight = Flown(where, **{**kept, "rows": rows})
        at = At(state, good, Known(optimum, document["escapes"]))
        return Progress(at, flight, tuple(document["notes"]))

    def restore(self, live: Live) -> None:
        """Give each of them what it kept."""
        live.watch.restore(self.document["watch"])
        for name, recorder in (("recorder", live.recorder), ("modes", live.modes)):
            if recorder is not None:
                recorder.restore(unbundled(under(name, self.arrays), self.document[name]))
        live.monitors.restore(self.document["monitors"])


def read(path: str) -> Saved:
    """A checkpoint file. Raises StorageError when it is none, is damaged, or holds what no run
    has at some place (see mfact.storage.checkpoint_door).
    """
    arrays, document = read_checkpoint(path)
    try:
        require_checkpoint(arrays, document)
        saved = Saved(path, arrays, document)
        settings, then = saved.settings, document["fingerprint"]
        check(settings, then["shape"])
        _ = saved.chosen
        if settings.dtype != then["dtype"]:
            raise ValueError(f"its dtype was {then['dtype']}, and it asks for {settings.dtype}")
    except (ValueError, SettingsError) as error:
        raise cannot_go_on(path, error) from error
    return saved


def saving(plan: Plan, live: Live) -> Callable[[str, Progress], None]:
    """What a keeper writes a run's checkpoints with."""
    return lambda path, progress: write(path, plan, progress, live)


def write(path: str, plan: Plan, progress: Progress, live: Live) -> None:
    """All that the future of a run depends on, atomically."""
    at, asked, flight = progress.at, plan.asked, progress.flight
    arrays: dict[str, Array] = {}

    def under(prefix: str, given: Mapping[str, Array]) -> None:
        arrays.update({f"{prefix}/{name}": value for name, value in given.items()})

    packed, state = pack(at.state)
    under("state", packed)
    good = None
    if at.good is not None and flight is None:
        packed, good = pack_point(at.good)
        under("good", packed)
    listings: dict[str, object] = {}
    for name, recorder in (("recorder", live.recorder), ("modes", live.modes)):
        if recorder is not None:
            columns, listings[name] = bundled(recorder.state())
            under(name, columns)
    document: dict[str, object] = {
        "settings": asdict(asked.settings),
        "sources": dict(asked.sources),
        "named": anywhere(asked.named),
        "described": dict(asked.described),
        "output": None if asked.output is None else str(Path(asked.output).absolute()),
        "fingerprint": asked.fingerprint,
        "chosen": {**_numbers(plan.chosen), "schedule": _schedule(plan.chosen.schedule)},
        **listings,
        **({} if asked.wish is None else {"wish": asked.wish}),
        "watch": live.watch.state(),
        "monitors": live.monitors.state(),
        "notes": list(progress.notes),
        "escapes": at.known.escapes,
        "optimum": None if at.known.optimum is None else asdict(at.known.optimum),
        "passes": plan.target.passes,
        "state": state,
        "good": good,
        "flight": None,
        "seconds": live.timer.seconds,
        "wall_seconds": live.timer.wall_seconds,
    }
    if flight is not None:
        where = None
        if flight.at is not None:
            where = _numbers(flight.at)
            under("flight", {n: v for n, v in vars(flight.at).items() if isinstance(v, np.ndarray)})
        rows, leaked, error = list(flight.rows), flight.leaked, flight.error
        document["flight"] = {"at": where, "rows": rows, "leaked": leaked, "error": error}
        under("flown", stacked(flight.grams))
    write_checkpoint(path, arrays, document)


def _numbers(value: FlightState | Chosen) -> dict[str, object]:
    """The fields that are no arrays."""
    named = {field.name: getattr(value, field.name) for field in fields(value)}
    return {name: item for name, item in named.items() if not isinstance(item, np.ndarray)}


def _schedule(schedule: Schedule) -> dict[str, object]:
    return {"kind": type(schedule).__name__, "fields": dict(vars(schedule))}


def anywhere(file: Document) -> dict[str, object]:
    """A file, as a run has named it, as it is found from any folder."""
    path = file.get("path")
    return {**file, "path": None if path is None else str(Path(path).absolute())}


def bundled(arrays: Mapping[str, Array]) -> tuple[dict[str, Array], list[tuple[str, str, int]]]:
    """Arrays of one shape and kind as one array, for HDF5 takes as long for a short one as for a
    long one; and where each is: [name, bundle, row].
    """
    groups: dict[str, list[Array]] = {}
    listing = []
    for name, array in arrays.items():
        key = f"{array.dtype.str[1:]}-{array.shape}"
        groups.setdefault(key, []).append(array)
        listing.append((name, key, len(groups[key]) - 1))
    return {key: np.stack(members) for key, members in groups.items()}, listing


def unbundled(
    bundles: Mapping[str, Array], listing: list[tuple[str, str, int]]
) -> dict[str, Array]:
    """What bundled() took, in the same order."""
    return {name: bundles[key][row] for name, key, row in listing}
