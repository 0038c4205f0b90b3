"""When a checkpoint is due, and what a disk that fails leaves behind."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mfact.core import Ledger, Plain, State
from mfact.descent import At
from mfact.errors import StorageError
from mfact.host.timer import Timer
from mfact.run.keeper import Keeper, Rhythm
from mfact.run.progress import Flown, Progress


class Hands:
    """The time, which stands still unless it is moved."""

    time = 0.0

    def __call__(self):
        return self.time


class Kept:
    """A keeper whose files are a list: of the steps and notes that were written."""

    def __init__(self, rhythm, *, explicit=True, path="c", fails=False):
        self.hands, self.written, self.fails, self.said = Hands(), [], fails, []
        self.live = SimpleNamespace(timer=Timer(now=self.hands), warn=self.said.append)
        self.keeper = Keeper(path, Rhythm.of(rhythm), explicit=explicit)

    def write(self, path, progress):
        if self.fails:
            raise StorageError("the disk is full", "make room")
        self.written.append((progress.steps, progress.notes))

    def look(self, step, *, last=False, asked=False):
        at = At(State(step, (), (), Ledger((), ()), Plain()))
        with self.live.timer.solving():
            self.keeper.look(Progress(at), self.live, self.write, last=last, asked=asked)

    @property
    def steps(self):
        return [step for step, _ in self.written]


def test_it_is_due_every_so_many_steps():
    kept = Kept("100")
    for step in (0, 60, 99, 100, 150, 199, 200, 450, 540):
        kept.look(step)
    assert kept.steps == [100, 200, 450]


def test_it_is_due_every_so_many_seconds_of_solving():
    kept = Kept("10s")
    with kept.live.timer.solving():
        for second in (5, 10, 15, 19.9, 20.1, 31):
            kept.hands.time = second
            kept.look(second)
    assert kept.steps == [10, 20.1, 31]


@pytest.mark.parametrize(
    ("explicit", "asked", "written"),
    [(True, False, True), (True, True, True), (False, True, True), (False, False, False)],
)
def test_the_last_one_is_written_where_it_was_asked_for_or_a_signal_ends_the_run(
    explicit, asked, written
):
    kept = Kept(None, explicit=explicit)
    kept.look(7, last=True, asked=asked)
    assert bool(kept.written) == written == kept.keeper.there


def test_without_a_path_nothing_is_written():
    kept = Kept("1", path=None)
    kept.look(50, last=True, asked=True)
    assert kept.written == []


def test_a_disk_that_fails_ends_nothing_and_is_noted():
    kept = Kept("10", fails=True)
    kept.look(10)
    assert kept.keeper.missed == kept.said
    assert "no checkpoint at step 10: the disk is full" in kept.said[0]
    assert not kept.keeper.unsaved  # another is still to come
    assert not kept.keeper.there
    kept.fails = False
    kept.look(20)
    assert kept.written == [(20, tuple(kept.said))]  # and the note goes along
    kept.fails = True
    kept.look(25, last=True)
    assert kept.keeper.unsaved == kept.said[-1]


def test_the_steps_of_a_fast_forward_are_those_of_its_last_row():
    at = At(State(1024, (), (), Ledger((), ()), Plain()))
    assert Progress(at, Flown()).steps == 1024
    assert Progress(at, Flown(rows=({"step": 5000.0}, {"step": 1e9}))).steps == 1e9
