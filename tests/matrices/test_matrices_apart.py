"""What goes wrong in the child that reads a file is one error here."""

import os
import signal
import time
import zlib

import h5py
import numpy as np
import pytest
from own_children import _all_are_ended  # noqa: F401

from mfact.errors import DataError, MfactError
from mfact.matrices import apart as module
from mfact.matrices.apart import LibraryCrash, Piece, apart
from mfact.matrices.source import open_matrix


def test_pieces_arrive_in_order_with_their_arrays():
    arrays = [np.arange(12.0).reshape(3, 4).T, np.array([[True]]), np.zeros((0, 3)), None]
    arrays.append(np.ones((700, 900), ">i2"))  # more than a pipe holds
    pieces = list(apart(lambda: (Piece({"n": n}, A) for n, A in enumerate(arrays)), "M"))
    assert [piece.note["n"] for piece in pieces] == list(range(5))
    for piece, sent in zip(pieces, arrays, strict=True):
        if sent is None:
            assert piece.block is None
        else:
            np.testing.assert_array_equal(piece.block, sent)
            assert piece.block.dtype == sent.dtype


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS])
def test_a_crash_is_one_error(number):
    def work():
        yield Piece(1, None)
        os.kill(os.getpid(), number)
        yield Piece(2, None)

    pieces = apart(work, "M.h5")
    assert next(pieces).note == 1
    with pytest.raises(LibraryCrash, match=f"M.h5 cannot be read: .*{signal.Signals(number).name}"):
        next(pieces)


def test_nothing_is_said_on_the_terminal(capfd):
    def work():
        os.write(2, b"malloc(): corrupted top size")
        os.abort()
        yield

    with pytest.raises(LibraryCrash):
        next(apart(work, "M.h5"))
    assert capfd.readouterr() == ("", "")


def test_a_loop_is_ended_by_its_processor_time(monkeypatch):
    monkeypatch.setattr(module, "CPU_SECONDS", 0.1)

    def work():
        yield Piece(1, None)
        while True:
            pass

    pieces = apart(work, "M.h5")
    next(pieces)
    with pytest.raises(LibraryCrash, match="without getting anywhere"):
        next(pieces)


def test_waiting_is_not_a_loop(monkeypatch):
    monkeypatch.setattr(module, "CPU_SECONDS", 0.1)

    def work():
        time.sleep(0.5)
        yield Piece(1, None)

    assert next(apart(work, "M.h5")).note == 1


def test_errors_of_the_work_arrive_as_they_are():
    def work():
        raise DataError("M is odd", "make it even")
        yield

    with pytest.raises(DataError) as caught:
        next(apart(work, "M.h5"))
    assert (caught.value.sentence, caught.value.way_out) == ("M is odd", "make it even")


def test_a_bug_of_the_work_is_no_error_of_the_file():
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        next(apart(lambda: iter([Piece(1 / 0, None)]), "M.h5"))


def test_a_child_that_is_no_longer_needed_is_ended():
    def work():
        while True:
            yield Piece(1, np.zeros(1000))

    pieces = apart(work, "M.h5")
    next(pieces)
    pieces.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_ends_all_at_a_terminal_is_left_to_the_parent(number):
    def work():
        os.kill(os.getpid(), number)
        yield Piece(1, None)

    assert next(apart(work, "M.h5")).note == 1


@pytest.mark.parametrize("number", [signal.SIGXCPU, signal.SIGKILL])
def test_a_limit_or_a_kill_is_no_damage_of_the_file(number):
    def work():
        os.kill(os.getpid(), number)
        yield Piece(1, None)

    with pytest.raises(LibraryCrash) as caught:
        next(apart(work, "M.h5"))
    assert caught.value.sentence == f"M.h5 cannot be read: its reader was ended by {number.name}"


def test_where_children_are_not_waited_for():
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert [piece.note for piece in apart(lambda: iter([Piece(1, None)]), "M")] == [1]
        with pytest.raises(LibraryCrash):
            list(apart(lambda: os.kill(os.getpid(), signal.SIGSEGV), "M"))
    finally:
        signal.signal(signal.SIGCHLD, before)


@pytest.mark.slow
def test_a_block_that_unpacks_without_end_is_stopped(tmp_path, monkeypatch):
    """A chunk of 8 KB whose stream unpacks to 600 MB, where half of 400 MB may be used."""
    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        dataset = file.create_dataset("M", (32, 32), "f8", chunks=(32, 32), compression="gzip")
        packer = zlib.compressobj(1)
        stream = b"".join(packer.compress(bytes(1 << 24)) for _ in range(36)) + packer.flush()
        dataset.id.write_direct_chunk((0, 0), stream)
    monkeypatch.setattr(module, "available_bytes", lambda: 400 << 20)
    source = open_matrix(str(tmp_path / "bomb.h5"))
    with pytest.raises(MfactError) as caught:
        source.read()
    assert "\n" not in str(caught.value)
