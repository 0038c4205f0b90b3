"""Work in a child process, so that a library that crashes takes nothing else with it."""

from __future__ import annotations

import faulthandler
import fcntl
import os
import pickle
import resource
import signal
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from mfact.errors import MfactError, StorageError
from mfact.host.memory import available_bytes
from mfact.matrices.forked import fork, let_go

# Processor time between two pieces, waiting for a disk not counted. More than this and what the
# slowest compression takes for a piece means that the library goes round in a circle.
CPU_SECONDS = 10.0
_SLOWEST = 5e6  # bytes a second
_PIPE_BYTES = 1 << 20  # what Linux lets any user ask for
_LEAST_MEMORY = 256 << 20


class Piece(NamedTuple):
    """One thing that the work hands over: any small picklable value, and an array or None."""

    note: Any
    block: Any


class LibraryCrash(StorageError):
    """The reader of a file ended its process, or was ended because it no longer got anywhere."""


def apart(
    work: Callable[[], Iterator[Piece]], label: str, piece_bytes: int = 0, *kept: int
) -> Generator[Piece, None, None]:
    """The pieces of work(), which runs in a forked child and is ended with this iterator.

    piece_bytes: about how much a piece unpacks to, for the time that it may take. kept: descriptors
    that the child goes on with.

    A damaged file can make a library in C read outside its memory, or loop for ever, or
    unpack a small block without end; in the child this is a signal, a limit of time or a failed
    allocation, and here one LibraryCrash. MfactErrors of the work are raised here as they are.
    This keeps crashes away; it is no wall against an attacker, who owns the child.
    """
    reading, writing = os.pipe()
    seconds = CPU_SECONDS + piece_bytes / _SLOWEST
    with suppress(OSError):  # a smaller pipe is only slower
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    child = _start(work, reading, writing, seconds, label, kept)
    broken_off = False
    try:
        with os.fdopen(reading, "rb", buffering=0) as stream:
            while (piece := _receive(stream)) is not None:
                if isinstance(piece.note, _End):
                    return
                yield piece
        broken_off = True
    finally:
        if not broken_off:  # finished, or nothing more is wanted of it
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        status = _wait(child)
    raise _died(status, seconds, label)


def _start(
    work: Callable[[], Iterator[Piece]], reading: int, writing: int, seconds: float, label: str,
    kept: tuple[int, ...],
) -> int:  # fmt: skip
    """The child at its work, once it has let go of what it got from here.

    h5py's lock is held until then: no thread is inside HDF5 while its memory is copied, and none
    closes a file whose lock the child still has.
    """
    from h5py._objects import phil

    with phil:
        try:
            child = fork(label)
        except BaseException:
            os.close(reading)
            os.close(writing)
            raise
        if child == 0:
            os.close(reading)
            _serve(work, writing, seconds, kept)
        os.close(writing)
        try:
            os.read(reading, 1)
        except BaseException:  # such as a Ctrl-C
            os.close(reading)
            os.kill(child, signal.SIGKILL)
            _wait(child)
            raise
    return child


def _wait(child: int) -> int:
    """−signal or exit status of the child; 1 where the system keeps no record of it."""
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except ChildProcessError:  # SIGCHLD is ignored here, as some schedulers have it
        return 1


def _serve(
    work: Callable[[], Iterator[Piece]], writing: int, seconds: float, kept: tuple[int, ...]
) -> None:
    """The child: send the pieces of work, or the error that ended it, and exit."""
    status = 1
    try:
        let_go(writing, *kept)
        os.write(writing, b"\0")
        # The parent decides what a Ctrl-C or a lost terminal ends; its handlers are not for here.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for number in (signal.SIGXCPU, signal.SIGPROF):
            signal.signal(number, signal.SIG_DFL)
        # What the C library and Python say of a crash is not for the terminal.
        faulthandler.disable()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        _limit_memory()
        with os.fdopen(writing, "wb", buffering=0) as stream:
            try:
                signal.setitimer(signal.ITIMER_PROF, seconds)
                for piece in work():
                    _send(stream, piece)
                    signal.setitimer(signal.ITIMER_PROF, seconds)
                _send(stream, Piece(_End(), None))
            except MfactError as error:
                _send(stream, Piece(_Failure(type(error), error.sentence, error.way_out), None))
            except Exception:
                _send(stream, Piece(_Bug(traceback.format_exc()), None))
        status = 0
    finally:
        os._exit(status)


class _End(NamedTuple):
    """The work is done."""


class _Failure(NamedTuple):
    kind: type[MfactError]
    sentence: str
    way_out: str


class _Bug(NamedTuple):
    trace: str


class _Header(NamedTuple):
    note: Any
    array: tuple[np.dtype[Any], tuple[int, ...]] | None


def _limit_memory() -> None:
    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        room = max(_LEAST_MEMORY, available_bytes() // 2)
        limit = pages * resource.getpagesize() + room
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard == resource.RLIM_INFINITY or limit < hard:
            resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _send(stream: Any, piece: Piece) -> None:
    block = None if piece.block is None else np.ascontiguousarray(piece.block)
    body = pickle.dumps(_Header(piece.note, block if block is None else (block.dtype, block.shape)))
    _write(stream, memoryview(len(body).to_bytes(8, "little") + body))
    if block is not None and block.size:
        _write(stream, block.reshape(-1).view(np.uint8).data)


def _receive(stream: BinaryIO) -> Piece | None:
    """The next piece; None when the child has closed the pipe, in good order or not."""
    length = bytearray(8)
    if not _read(stream, memoryview(length)):
        return None
    body = bytearray(int.from_bytes(length, "little"))
    if not _read(stream, memoryview(body)):
        return None
    header: _Header = pickle.loads(body)  # written by our own child
    if isinstance(header.note, _Failure):
        raise header.note.kind(header.note.sentence, header.note.way_out)
    if isinstance(header.note, _Bug):
        raise RuntimeError(f"in the process that reads a file:\n{header.note.trace}")
    if header.array is None:
        return Piece(header.note, None)
    dtype, shape = header.array
    block = np.empty(shape, dtype)
    if block.size and not _read(stream, block.reshape(-1).view(np.uint8).data):
        return None
    return Piece(header.note, block)


def _write(stream: Any, view: memoryview) -> None:
    while view:
        view = view[stream.write(view) :]


def _read(stream: Any, view: memoryview) -> bool:
    """Fill view; False when the pipe ends before."""
    while view:
        count = stream.readinto(view)
        if not count:
            return False
        view = view[count:]
    return True


def _died(status: int, seconds: float, label: str) -> LibraryCrash:
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return LibraryCrash(
            f"{label} cannot be read: its reader was ended by {signal.Signals(-status).name}",
            "free memory, raise the limit of processor time (ulimit -t), or try again",
        )
    if status == -signal.SIGPROF:
        how = f"used {seconds:.3g} s of processor time without getting anywhere"
    elif status < 0:
        how = f"crashed ({signal.Signals(-status).name})"
    else:
        how = f"ended with status {status}"
    return LibraryCrash(
        f"{label} cannot be read: its reader {how}, so the file is damaged",
        "copy the file again, or write it again",
    )
