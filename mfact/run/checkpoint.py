"""Checkpoints of a run: what the next step depends on, and what has been seen so far."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mfact.core import Array, Schedule, Target
from mfact.engines.direct import DirectEngine
from mfact.engines.snapshots import optimum_from, pack, pack_point, unpack, unpack_point
from mfact.errors import SettingsError, StorageError
from mfact.gradient_flow.records import State as FlightState
from mfact.problems.factorization import Factorization
from mfact.run.plan import Plan
from mfact.run.refusals import check
from mfact.settings import RunSettings
from mfact.storage.checkpoint_door import require_checkpoint
from mfact.storage.checkpoint_kinds import SCHEDULES
from mfact.storage.checkpoints import read_checkpoint, write_checkpoint
from mfact.targets.fingerprint import fingerprint, same_matrix
from mfact.theory.monitoring import step_label
from mfact.words import printable, shown

if TYPE_CHECKING:
    from mfact.run.running import Run

DEFAULT_SECONDS = 60.0
"""How often a checkpoint is written when nothing else is asked for, and how long a run may last
before the first."""

EXACT_STEPS = 1e15
"""Of so many steps a float tells one from the next; beyond, only log₁₀ does."""


@dataclasses.dataclass(frozen=True)
class Rhythm:
    """When checkpoints are due: every so many steps or seconds.

    >>> Rhythm.of("500"), Rhythm.of("2.5s")
    (Rhythm(steps=500, seconds=None), Rhythm(steps=None, seconds=2.5))
    """

    steps: int | None
    seconds: float | None

    @classmethod
    def of(cls, text: str | None) -> Rhythm:
        """From what --checkpoint-every says. Raises SettingsError when it is neither."""
        if text is None:
            return cls(None, DEFAULT_SECONDS)
        match = re.fullmatch(r"(\d{1,4000})|(\d{1,300}(?:\.\d{0,300})?)\s*s", text.strip())
        if match and match[1] and int(match[1]) > 0:
            return cls(int(match[1]), None)
        if match and match[2] and float(match[2]) > 0:
            return cls(None, float(match[2]))
        raise SettingsError(
            f"--checkpoint-every is {shown(text)}", "give steps, as 100000, or seconds, as 60s"
        )


@dataclasses.dataclass(frozen=True)
class Saved:
    """What the checkpoint at `path` holds, read back."""

    path: str
    arrays: Mapping[str, Array]
    document: Mapping[str, Any]

    @property
    def settings(self) -> RunSettings:
        return RunSettings(**self.document["settings"])

    @property
    def matrix(self) -> Mapping[str, Any]:
        """How the matrix was named: path, dataset, follow_links."""
        matrix: Mapping[str, Any] = self.document["matrix"]
        return matrix

    @property
    def last_step(self) -> Mapping[str, float]:
        """How many steps have been taken, and log₁₀ of it where it is too large for a number."""
        rows = self.document["flight_rows"]
        last: Mapping[str, float] = rows[-1] if rows else {"step": self.document["state"]["step"]}
        return last

    def plan(self) -> Plan:
        """The choices made at the start of the run, and not made again."""
        kept = self.document["plan"]
        schedule: Schedule = SCHEDULES[kept["schedule"]["kind"]](**kept["schedule"]["fields"])
        return Plan(
            problem=Factorization(kept["weight"]),
            schedule=schedule,
            start=None,
            scale=kept["scale"],
            basis=None,
            sigma_1=kept["sigma_1"],
            sigma_1_error=kept["sigma_1_error"],
            first_passes=kept["first_passes"],
            settings=self.settings,
            tol=kept["tol"],
        )

    def restore(self, run: Run) -> None:
        """Give the run what it had seen and where it was."""
        document = self.document
        run.watch.restore(document["watch"])
        run.recorder.restore(unbundled(_under("recorder/", self.arrays), document["recorder"]))
        run.info = dict(document["info"])
        run.notes = list(document["notes"])
        run.judge.escapes = document["escapes"]
        run.state = unpack(_under("state/", self.arrays), document["state"])
        if document["good"] is not None:
            good = _under("good/", self.arrays)
            run.good = unpack_point(good, document["good"], run.state.coordinates)
        if document["optimum"] is not None:
            run.judge.optimum = optimum_from(document["optimum"])
            if isinstance(run.engine, DirectEngine):
                run.engine.optimum = run.judge.optimum
        run.in_flight = document["in_flight"]
        run.flight_rows = document["flight_rows"]
        run.flight_leak, run.flight_error = document["flight_leak"], document["flight_error"]
        if document["flight"] is not None:
            flight: dict[str, Any] = {**document["flight"], **_under("flight/", self.arrays)}
            run.flight = FlightState(**flight)


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
        saved.plan()
        if settings.dtype != then["dtype"]:
            raise ValueError(f"its dtype was {then['dtype']}, and it asks for {settings.dtype}")
    except (ValueError, SettingsError) as error:
        raise StorageError(
            f"{printable(path)} does not hold a run that can go on: {error}",
            "resume from another file, or start a new run",
        ) from error
    return saved


def write(path: str, run: Run) -> None:
    """All of `run` that its future depends on, atomically."""
    arrays: dict[str, Array] = {}
    state_arrays, state_numbers = pack(run.state)
    arrays |= {f"state/{name}": value for name, value in state_arrays.items()}
    good = None
    if run.good is not None and not run.in_flight:
        good_arrays, good = pack_point(run.good)
        arrays |= {f"good/{name}": value for name, value in good_arrays.items()}
    columns, listing = bundled(run.recorder.state())
    arrays |= {f"recorder/{name}": value for name, value in columns.items()}
    flight = None
    if run.flight is not None:
        flight = {}
        for field in dataclasses.fields(run.flight):
            value = getattr(run.flight, field.name)
            if isinstance(value, np.ndarray):
                arrays[f"flight/{field.name}"] = value
            else:
                flight[field.name] = value
    plan = run.plan
    document = {
        "settings": dataclasses.asdict(run.settings),
        "sources": dict(run.sources),
        "matrix": _anywhere(run.matrix),
        "described": dict(run.described),
        "output": None if run.output is None else str(Path(run.output).absolute()),
        "fingerprint": run.fingerprint,
        "plan": {
            "weight": plan.problem.weight,
            "schedule": {
                "kind": type(plan.schedule).__name__,
                "fields": dataclasses.asdict(plan.schedule),  # type: ignore[call-overload]
            },
            "scale": plan.scale,
            "sigma_1": plan.sigma_1,
            "sigma_1_error": plan.sigma_1_error,
            "first_passes": plan.first_passes,
            "tol": plan.tol,
        },
        "engine": run.engine.name,
        "why": run.why,
        "forecast": run.forecast,
        "basis_limit": run.basis_limit,
        "info": run.info,
        "recorder": listing,
        "watch": run.watch.state(),
        "monitors": run.monitors.state(),
        "notes": run.notes,
        "escapes": run.judge.escapes,
        "optimum": None if run.judge.optimum is None else dataclasses.asdict(run.judge.optimum),
        "passes": run.target.passes,
        "state": state_numbers,
        "good": good,
        "in_flight": run.in_flight,
        "flight": flight,
        "flight_rows": run.flight_rows,
        "flight_leak": run.flight_leak,
        "flight_error": run.flight_error,
        "seconds": run.timer.seconds,
        "wall_seconds": run.timer.wall_seconds,
    }
    write_checkpoint(path, arrays, document)


def _anywhere(matrix: Mapping[str, Any]) -> dict[str, Any]:
    """The matrix as it is found from any folder."""
    path = matrix.get("path")
    return {**matrix, "path": None if path is None else str(Path(path).absolute())}


def bundled(arrays: Mapping[str, Array]) -> tuple[dict[str, Array], list[list[Any]]]:
    """Arrays of one shape and kind as one array, for HDF5 takes as long for a short one as for a
    long one; and where each is: [name, bundle, row].
    """
    groups: dict[str, list[Array]] = {}
    listing = []
    for name, array in arrays.items():
        key = f"{array.dtype.str[1:]}-{array.shape}"
        groups.setdefault(key, []).append(array)
        listing.append([name, key, len(groups[key]) - 1])
    return {key: np.stack(members) for key, members in groups.items()}, listing


def unbundled(bundles: Mapping[str, Array], listing: list[list[Any]]) -> dict[str, Array]:
    """What bundled() took, in the same order."""
    return {name: bundles[key][row] for name, key, row in listing}


def require_same(saved: Saved, target: Target) -> None:
    """Refuse to go on with another matrix than the checkpoint's.

    Raises StorageError with what differs.
    """
    now, way_out = fingerprint(target), "resume with the matrix that the run began with"
    then = saved.document["fingerprint"]
    differs = same_matrix(then, now)
    if not differs and then["dtype"] != now["dtype"]:
        differs = f"its dtype was {then['dtype']}, now it is {now['dtype']}"
    if differs:
        raise StorageError(
            f"{saved.path} is from another matrix: {differs}", f"{way_out}, or start a new run"
        )


def require_ahead(saved: Saved, max_iter: int | None, path: str) -> None:
    """Refuse a step limit that lies behind the run: it could not end there any more.

    A fast-forward goes on from its last record, and must come to another one.

    Raises SettingsError.
    """
    if max_iter is None:
        return
    last, flies = saved.last_step, saved.document["flight"] is not None
    limit, done = float(max_iter) if max_iter < EXACT_STEPS else math.inf, last["step"]
    text = shown(max_iter)
    if done >= EXACT_STEPS and limit == math.inf:
        limit, done = math.log10(max_iter), last["log10_step"] * (1 + 1e-12)
        text = f"10^{limit:.6g}"
    label = step_label({name: np.array([value]) for name, value in last.items()}, 0)
    if limit < done or (flies and limit == done):
        raise SettingsError(
            f"--max-iter is {text}, and the run in {path} has taken {label} steps",
            "give more, or leave it out",
        )


def _under(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
