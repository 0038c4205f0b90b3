"""The file of a sweep: what was asked, and what each start did."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from mfact.core import Document
from mfact.host.atomic import replace_file
from mfact.storage.documents import plain
from mfact.storage.door import under
from mfact.storage.images import make_image, read_image
from mfact.storage.reading import looking_through
from mfact.storage.sweep_door import ARRAYS, growth_folder, require_sweep
from mfact.theory.frequencies import Sweep

FORMAT_VERSION = 1


@dataclass(frozen=True)
class SweepRecord:
    """A sweep as it was asked for, and all that it found.

    runs: on the matrix, None where none was named. grown: for each d of --growth. bounds: the C
    that were counted. problem: of the matrix name, path, dataset …, empty without one. settings:
    those of SweepSettings, growth and bounds -> {"value": …, "source": "default" | "flag" | …}.
    provenance: what is the same of each call: versions, threads, folder.
    """

    runs: Sweep | None = field(repr=False)
    grown: tuple[Sweep, ...] = field(repr=False)
    bounds: tuple[float, ...]
    problem: Document = field(repr=False)
    settings: Document = field(repr=False)
    provenance: Document = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Of the matrix."""
        return str(self.problem.get("name", "matrix"))

    @property
    def sweeps(self) -> tuple[Sweep, ...]:
        """All of them, that of the matrix first; there is at least one."""
        return self.grown if self.runs is None else (self.runs, *self.grown)


def write_sweep(path: str | os.PathLike[str], record: SweepRecord) -> None:
    """Write the file of a sweep, atomically and verified.

    Datasets /values, /hits (tolerances × starts), /low, /high, /last, /diverged (see Sweep), the
    same in /growth/1, /growth/2, … for each d of --growth, and the root attribute `mfact_sweep`,
    one JSON string with the rest, `chosen` of each of these among it. Plain h5py reads it. Equal
    sweeps give equal bytes.

    Raises StorageError, one line; an existing file at `path` is then untouched.
    """
    folders = {growth_folder(place): runs for place, runs in enumerate(record.grown)}
    if record.runs is not None:
        folders = {"": record.runs, **folders}
    arrays = {
        f"{folder}/{name}".lstrip("/"): vars(runs)[name].astype(dtype, copy=False)
        for folder, runs in folders.items()
        for name, dtype in ARRAYS.items()
    }
    document = {
        "shape": None if record.runs is None else list(record.runs.shape),
        "problem": plain(record.problem, where="problem"),
        "settings": plain(record.settings, where="settings"),
        "chosen": plain([dict(runs.chosen) for runs in record.sweeps], where="chosen"),
        "provenance": plain(record.provenance, where="provenance"),
    }
    replace_file(path, make_image("sweep", FORMAT_VERSION, arrays, document))


def read_sweep(path: str | os.PathLike[str]) -> SweepRecord:
    """The sweep that `write_sweep` stored, arrays bit for bit.

    Raises StorageError, one line, when the file is missing, not that of a sweep, of a newer format
    version, damaged, or holds at some place what no sweep has there (see mfact.storage.sweep_door).
    """
    arrays, document, _ = read_image(path, "sweep", FORMAT_VERSION)
    with looking_through(path, "the file of a sweep", "run `mfact sweep` again"):
        settings = require_sweep(arrays, document)
    told, shape = document["settings"], document["shape"]

    chosen = iter(document.get("chosen", ()))

    def read(folder: str, d1: int, d2: int) -> Sweep:
        held = under(folder, arrays) if folder else arrays
        c_step = settings.plain_step
        older = {"c_step": c_step, "step_size": c_step / float(held["values"][0])}
        found = {name: held[name] for name in ARRAYS}
        return Sweep(settings, (d1, d2), chosen=next(chosen, older), **found)

    return SweepRecord(
        runs=None if shape is None else read("", *shape),
        grown=tuple(
            read(growth_folder(place), d, d)
            for place, d in enumerate(told["growth"]["value"] or ())
        ),
        bounds=tuple(told["bounds"]["value"]),
        problem=document["problem"],
        settings=told,
        provenance=document["provenance"],
    )
