"""Child processes that open broken files, so that a crash or a hang is seen and counted."""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from fuzz_files import Seed, mutate

from mfact.errors import MfactError
from mfact.matrices import (
    apart,  # imported once, not in each child
    hdf5_choice,  # noqa: F401  # imported once, not in each child
)
from mfact.matrices.source import open_matrix

SECONDS_A_FILE = 60  # a child of apart() is ended after a second of processor time
MEMORY = 1 << 30  # above what the child begins with
FILES_A_CHILD = 500

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
    seeds: list[Seed], seed: int, tries: int, folder: Path, trial: Trial | None = None
) -> Tally:
    """Open that many broken files in children of FILES_A_CHILD each, as trial does, or try_file."""
    tally, number = Tally(), 0
    while number < tries:
        end = min(tries, number + FILES_A_CHILD)
        number = _run_child(seeds, seed, range(number, end), folder, tally, trial)
    return tally


def _run_child(
    seeds: list[Seed], seed: int, numbers: range, folder: Path, tally: Tally, trial: Trial | None
) -> int:
    """Run a child over numbers; return the next number to try, after a failure too."""

    def work(report: Callable[[str], None]) -> None:
        path = folder / f"broken-{os.getpid()}"
        for number in numbers:
            _, content, dataset = broken_file(seeds, seed, number)
            path.write_bytes(content)
            report(attempt(path, dataset, trial))
        path.unlink()

    lines, status, leftover = run_in_child(work)
    for number, line in zip(numbers, lines, strict=False):
        tally.tries += 1
        what = json.loads(line)
        if what == "read":
            tally.read += 1
        elif what == "refused":
            tally.refused += 1
        elif what == "contained":
            tally.contained += 1
        else:
            tally.tracebacks.append((number, broken_file(seeds, seed, number)[0].name, what))
    next_number = numbers.start + len(lines)
    if status != 0:
        tally.tries += 1
        (folder / f"broken-{leftover}").unlink(missing_ok=True)
        died = f"signal {-status}" if status < 0 else f"exit {status}"
        place = (next_number, broken_file(seeds, seed, next_number)[0].name, died)
        (tally.hangs if status == -signal.SIGALRM else tally.crashes).append(place)
        next_number += 1
    return next_number


def attempt(path: Path, dataset: str | None, trial: Trial | None = None) -> str:
    """trial, or try_file, under an alarm; of anything but an MfactError the traceback."""
    signal.alarm(SECONDS_A_FILE)
    try:
        return (trial or try_file)(path, dataset)
    except BaseException:
        return traceback.format_exc()
    finally:
        signal.alarm(0)


def run_in_child(work: Callable[[Callable[[str], None]], None]) -> tuple[list[str], int, int]:
    """(lines reported, −signal or exit status, process id) of work run in a forked child.

    The child may allocate MEMORY more than it begins with; its stderr is closed to keep the
    library's own messages out of the report.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            apart.CPU_SECONDS = 1.0
            faulthandler.disable()
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            limit = pages * resource.getpagesize() + MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            work(lambda text: _write_line(writing, text))
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as stream:
        lines = stream.read().splitlines()
    _, raw = os.waitpid(child, 0)
    return lines, os.waitstatus_to_exitcode(raw), child


def _write_line(descriptor: int, text: str) -> None:
    os.write(descriptor, (json.dumps(text) + "\n").encode())
