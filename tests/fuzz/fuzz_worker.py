"""Child processes that open broken files, so that a crash or a hang is seen and counted."""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import resource
import selectors
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from fuzz_files import Seed, mutate

from mfact.errors import MfactError
from mfact.host import memory
from mfact.host.threads import cores
from mfact.matrices import apart  # imported once, not in each child
from mfact.matrices.hdf5 import choice  # noqa: F401  # imported once, not in each child
from mfact.matrices.source import open_matrix

SECONDS_A_FILE = 60  # a child of apart() is ended after a second of processor time
MEMORY = 1 << 30  # above what the child begins with
FILES_A_CHILD = 500
JOBS = cores()  # children at a time

Trial = Callable[[Path, str | None], str]
"""What try_file does, of other readers."""


@dataclass
class Tally:
    """What came of the tries; each failure is (try, file, what happened)."""

    tries: int = 0
    read: int = 0
    refused: int = 0
    contained: int = 0
    crashes: list[tuple[int, str, str]] = field(default_factory=list)
    hangs: list[tuple[int, str, str]] = field(default_factory=list)
    tracebacks: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def failures(self) -> list[tuple[int, str, str]]:
        return self.crashes + self.hangs + self.tracebacks

    def __str__(self) -> str:
        return (
            f"{self.tries} files: {self.read} read, {self.refused} refused, "
            f"{self.contained} crashes or loops of a library kept apart, "
            f"{len(self.crashes)} crashes, {len(self.hangs)} hangs, "
            f"{len(self.tracebacks)} tracebacks"
        )


def broken_file(seeds: list[Seed], seed: int, number: int) -> tuple[Seed, bytes, str | None]:
    """The number-th broken file: the same for the same seed, in any process."""
    rng = np.random.default_rng((seed, number))
    chosen = seeds[int(rng.integers(len(seeds)))]
    other = seeds[int(rng.integers(len(seeds)))]
    dataset = chosen.datasets[int(rng.integers(len(chosen.datasets)))]
    return chosen, mutate(rng, chosen, other), dataset


def try_file(path: Path, dataset: str | None) -> str:
    """Open and read a file: "read", "refused", or "contained" when the library that reads it
    crashed or looped in a process of its own; any other exception is passed on.

    AssertionError when a matrix was read that is not what it was announced to be.
    """
    try:
        source = open_matrix(str(path), dataset=dataset)
        json.dumps(source.describe())
        M = source.read()
    except MfactError as error:
        if "\n" in str(error):
            raise AssertionError(f"more than one line: {error!r}") from error
        return "contained" if isinstance(error, apart.LibraryCrash) else "refused"
    values = M.data if source.sparse else M
    assert M.shape == source.shape
    assert M.dtype == np.float64
    assert np.isfinite(values).all()
    return "read"


def fuzz(
    seeds: list[Seed], seed: int, tries: int, folder: Path, trial: Trial | None = None,
    jobs: int = JOBS, told: Callable[[Tally], object] = lambda tally: None,
) -> Tally:  # fmt: skip
    """Open that many broken files, as trial does, or try_file: in children of FILES_A_CHILD each,
    so many at a time. A child that dies is followed by one for the rest of its files. told: what
    there is so far, as each child ends.
    """
    tally = Tally()
    waiting = [range(k, min(tries, k + FILES_A_CHILD)) for k in range(0, tries, FILES_A_CHILD)]
    with selectors.DefaultSelector() as running:
        while waiting or running.get_map():
            while waiting and len(running.get_map()) < jobs:
                numbers = waiting.pop(0)
                child = Child(partial(_open_broken, seeds, seed, numbers, folder, trial))
                running.register(child.reading, selectors.EVENT_READ, (child, numbers))
            for key, _ in running.select():
                child, numbers = key.data
                if child.hear():
                    continue
                running.unregister(child.reading)
                rest = _counted(child, numbers, seeds, seed, folder, tally)
                if rest:
                    waiting.insert(0, rest)
                told(tally)
    for failures in (tally.crashes, tally.hangs, tally.tracebacks):
        failures.sort()
    return tally


def _open_broken(
    seeds: list[Seed], seed: int, numbers: range, folder: Path, trial: Trial | None,
    report: Callable[[str], None],
) -> None:  # fmt: skip
    """What a child does."""
    path = folder / f"broken-{os.getpid()}"
    for number in numbers:
        _, content, dataset = broken_file(seeds, seed, number)
        path.write_bytes(content)
        report(attempt(path, dataset, trial))
    path.unlink()


def _counted(
    child: Child, numbers: range, seeds: list[Seed], seed: int, folder: Path, tally: Tally
) -> range:
    """What became of the files of a child that has ended; those that are left, after a death."""
    lines, status = child.ended()
    for number, what in zip(numbers, lines, strict=False):
        tally.tries += 1
        if what == "read":
            tally.read += 1
        elif what == "refused":
            tally.refused += 1
        elif what == "contained":
            tally.contained += 1
        else:
            tally.tracebacks.append((number, broken_file(seeds, seed, number)[0].name, what))
    rest = numbers[len(lines) :]
    if status == 0:
        return rest
    tally.tries += 1
    (folder / f"broken-{child.id}").unlink(missing_ok=True)
    died = f"signal {-status}" if status < 0 else f"exit {status}"
    place = (rest[0], broken_file(seeds, seed, rest[0])[0].name, died)
    (tally.hangs if status == -signal.SIGALRM else tally.crashes).append(place)
    return rest[1:]


def attempt(path: Path, dataset: str | None, trial: Trial | None = None) -> str:
    """trial, or try_file, under an alarm; of anything but an MfactError the traceback."""
    signal.alarm(SECONDS_A_FILE)
    try:
        return (trial or try_file)(path, dataset)
    except BaseException:
        return traceback.format_exc()
    finally:
        signal.alarm(0)


class Child:
    """A forked child at some work, which reports in lines of JSON.

    It may allocate MEMORY more than it begins with; its stderr is closed to keep the library's own
    messages out of the report.
    """

    def __init__(self, work: Callable[[Callable[[str], None]], None]) -> None:
        self.reading, writing = os.pipe()
        self._said = b""
        sys.stdout.flush()
        self.id = os.fork()
        if self.id == 0:
            status = 1
            try:
                os.close(self.reading)
                _prepare()
                work(lambda text: _write_line(writing, text))
                status = 0
            finally:
                os._exit(status)
        os.close(writing)

    def hear(self) -> bool:
        """Wait for some more of its report; whether there is any."""
        part = os.read(self.reading, 1 << 16)
        self._said += part
        return bool(part)

    def ended(self) -> tuple[list[str], int]:
        """(what it reported, −signal or exit status), of one that says no more."""
        os.close(self.reading)
        _, raw = os.waitpid(self.id, 0)
        lines = [json.loads(line) for line in self._said.split(b"\n")[:-1]]
        return lines, os.waitstatus_to_exitcode(raw)


def run_in_child(work: Callable[[Callable[[str], None]], None]) -> tuple[list[str], int]:
    """(what was reported, −signal or exit status) of work run in a child to its end."""
    child = Child(work)
    while child.hear():
        pass
    return child.ended()


def _prepare() -> None:
    """The limits of a child, and what makes the children of its readers cheap."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    apart.CPU_SECONDS = 1.0
    faulthandler.disable()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    # Asked for several times a file, and a third of the time that one takes; the limit above,
    # which is less, is still looked at each time.
    machine, rooms = memory._machine_bytes(), list(memory._cgroup_rooms())
    memory._machine_bytes, memory._cgroup_rooms = lambda: machine, lambda: iter(rooms)
    gc.freeze()  # what is not collected is not copied either


def _write_line(descriptor: int, text: str) -> None:
    os.write(descriptor, (json.dumps(text) + "\n").encode())
