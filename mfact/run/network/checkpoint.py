"""Checkpoints of a network's run: what the next step depends on, and what has been seen so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from mfact.core import Array, Document, State
from mfact.descent import At
from mfact.engines.snapshots import pack, pack_point, unpack, unpack_point
from mfact.errors import SettingsError, StorageError
from mfact.networks.architecture import Architecture
from mfact.networks.settings import NetworkSettings
from mfact.run.checkpoint import anywhere, bundled, unbundled
from mfact.run.network.plan import check
from mfact.run.network.progress import NetworkAsked, NetworkLive, NetworkPlan, TrainingData
from mfact.run.progress import Progress
from mfact.storage.architectures import arrays_of, described, restored
from mfact.storage.checkpoints import cannot_go_on, read_checkpoint, write_checkpoint
from mfact.storage.door import under
from mfact.storage.network_checkpoint_door import require_network_checkpoint
from mfact.words import by, printable, shown

KIND = "network_checkpoint"


@dataclass(frozen=True)
class SavedNetwork:
    """What the checkpoint at `path` holds, read back."""

    path: str
    arrays: Mapping[str, Array]
    document: Document

    @property
    def settings(self) -> NetworkSettings:
        return NetworkSettings(**self.document["settings"])

    @property
    def net(self) -> Architecture:
        return restored(self.document["network"], under("ties", self.arrays))

    @property
    def named(self) -> Document:
        """How the points are found again."""
        found: Document = self.document["named"]
        return found

    @property
    def output(self) -> str | None:
        """Where the run was to write its result."""
        found: str | None = self.document["output"]
        return found

    @property
    def start(self) -> Mapping[str, Array]:
        """W/1, b/1, … at step 0."""
        return under("start", self.arrays)

    @property
    def progress(self) -> Progress:
        """How far the run had come."""
        state = unpack(under("state", self.arrays), self.document["state"])
        good = None
        if self.document["good"] is not None:
            good = unpack_point(
                under("good", self.arrays), self.document["good"], state.coordinates
            )
        return Progress(At(state, good), None, tuple(self.document["notes"]))

    def asked(
        self, points: TrainingData, max_iter: int | None, max_time: float | None
    ) -> NetworkAsked:
        """What the run was asked to do, with these points and limits.

        Raises StorageError for other points, SettingsError for limits that lie behind the run.
        """
        limits = {"max_iter": max_iter, "max_time": max_time}
        changed = {name: value for name, value in limits.items() if value is not None}
        settings = self.settings.changed(changed)
        check(settings)
        done = self.document["state"]["step"]
        if max_iter is not None and max_iter < done:
            raise SettingsError(
                f"--max-iter is {shown(max_iter)}, and the run in {printable(self.path)} has taken"
                f" {done} steps",
                "give more, or leave it out",
            )
        fingerprint, then = points.fingerprint, self.document["fingerprint"]
        if fingerprint != then:
            other = "their numbers differ"
            if fingerprint["shape"] != then["shape"]:
                then_shape, now = (by(f["shape"]) for f in (then, fingerprint))
                other = f"X was {then_shape}, now it is {now}"
            raise StorageError(
                f"{printable(self.path)} is from other points: {other}",
                "resume with the points that the run began with, or start a new run",
            )
        sources = {**self.document["sources"], **dict.fromkeys(changed, "flag")}
        return NetworkAsked(settings, sources, self.net, points, fingerprint, self.output)

    def require_like(self, state: State) -> None:
        """Refuse arrays of other shapes and kinds than a state of the same run has.

        Raises StorageError.
        """
        arrays, numbers = pack(state)
        for part in ("state", "good") if self.document["good"] is not None else ("state",):
            held, told = under(part, self.arrays), self.document[part]
            off = [
                name
                for name, each in arrays.items()
                if name not in held
                or (held[name].shape, held[name].dtype) != (each.shape, each.dtype)
                or told.get(f"{name}/axes") != numbers[f"{name}/axes"]
            ]
            if off or len(held) != len(arrays):
                what = off[0] if off else "its arrays"
                raise cannot_go_on(self.path, f"{part}/{what} is not what its layers need")

    def restore(self, live: NetworkLive) -> None:
        """Give each of them what it kept."""
        live.watch.restore(self.document["watch"])
        for name, recorder in (("recorder", live.recorder), ("neurons", live.neurons)):
            recorder.restore(unbundled(under(name, self.arrays), self.document[name]))
        live.monitor.restore(self.document["monitor"])


def read(path: str) -> SavedNetwork:
    """A checkpoint file. Raises StorageError when it is none, is damaged, or holds what no run
    has at some place (see mfact.storage.network_checkpoint_door).
    """
    arrays, document = read_checkpoint(path, KIND)
    try:
        require_network_checkpoint(arrays, document)
        saved = SavedNetwork(path, arrays, document)
        check(saved.settings)
    except (ValueError, SettingsError) as error:
        raise cannot_go_on(path, error) from error
    return saved


def saving(plan: NetworkPlan, live: NetworkLive) -> Callable[[str, Progress], None]:
    """What a keeper writes a run's checkpoints with."""
    return lambda path, progress: write(path, plan, progress, live)


def write(path: str, plan: NetworkPlan, progress: Progress, live: NetworkLive) -> None:
    """All that the future of a run depends on, atomically."""
    asked, at = plan.asked, progress.at
    arrays = {f"ties/{name}": value for name, value in arrays_of(asked.net).items()}
    arrays |= {
        f"start/{part.name}": value for part, value in zip(asked.net.parts, plan.start, strict=True)
    }
    packed, state = pack(at.state)
    arrays |= {f"state/{name}": value for name, value in packed.items()}
    good = None
    if at.good is not None:
        packed, good = pack_point(at.good)
        arrays |= {f"good/{name}": value for name, value in packed.items()}
    listings = {}
    for name, recorder in (("recorder", live.recorder), ("neurons", live.neurons)):
        columns, listings[name] = bundled(recorder.state())
        arrays |= {f"{name}/{key}": value for key, value in columns.items()}
    document: dict[str, object] = {
        "settings": asdict(asked.settings),
        "sources": dict(asked.sources),
        "network": described(asked.net),
        "named": {name: anywhere(each) for name, each in asked.points.named.items()},
        "described": dict(asked.points.described),
        "points_name": asked.points.name,
        "output": None if asked.output is None else str(Path(asked.output).absolute()),
        "fingerprint": asked.fingerprint,
        **listings,
        "watch": live.watch.state(),
        "monitor": live.monitor.state(),
        "notes": list(progress.notes),
        "state": state,
        "good": good,
        "seconds": live.timer.seconds,
        "wall_seconds": live.timer.wall_seconds,
    }
    write_checkpoint(path, arrays, document, KIND)
