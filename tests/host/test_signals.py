"""The flag that signals set: what it leaves alone, puts back, and takes for one signal."""

from __future__ import annotations

import signal
import threading
import time

import pytest

import mfact.host.signals as module
from mfact.host.signals import CAUGHT, INSISTENT, SignalFlag


class Died(BaseException):
    """Instead of the end of this process."""


@pytest.fixture(autouse=True)
def alive(monkeypatch):
    """No signal ends this process, whatever it was started with."""

    def die(number):
        raise Died(number)

    monkeypatch.setattr(module, "die", die)
    before = {number: signal.signal(number, lambda *_: None) for number in CAUGHT}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def flag():
    heard: list[int] = []
    with SignalFlag(heard.append) as made:
        made.watch()
        yield made, heard


@pytest.mark.parametrize("number", CAUGHT)
def test_handlers_are_put_back(number):
    before = signal.getsignal(number)
    with SignalFlag() as made:
        assert signal.getsignal(number) is before
        made.watch()
        made.watch()
        assert signal.getsignal(number) is not before
        signal.raise_signal(number)
        assert made.number == number
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", CAUGHT)
def test_what_is_ignored_stays_ignored(number):
    signal.signal(number, signal.SIG_IGN)
    with SignalFlag() as made:
        made.watch()
        signal.raise_signal(number)
        assert not made
    assert signal.getsignal(number) == signal.SIG_IGN


def test_a_handler_that_is_not_pythons_is_left_alone(monkeypatch):
    real = signal.getsignal
    before = real(signal.SIGHUP)
    monkeypatch.setattr(signal, "getsignal", lambda n: None if n == signal.SIGHUP else real(n))
    with SignalFlag() as made:
        made.watch()
        assert real(signal.SIGHUP) is before


def test_outside_the_main_thread_nothing_is_touched():
    before = [signal.getsignal(number) for number in CAUGHT]
    seen: list[object] = []

    def enter():
        with SignalFlag() as made:
            made.watch()
            seen.extend(signal.getsignal(number) for number in CAUGHT)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == before


@pytest.mark.parametrize("first", INSISTENT)
@pytest.mark.parametrize("second", INSISTENT)
def test_an_echo_is_the_same_signal_and_a_later_one_kills(flag, monkeypatch, first, second):
    made, heard = flag
    monkeypatch.setattr(module, "ECHO", 60.0)
    signal.raise_signal(first)
    signal.raise_signal(second)
    assert (made.number, heard) == (first, [first])
    monkeypatch.setattr(module, "ECHO", 0.01)
    time.sleep(0.02)
    with pytest.raises(Died) as died:
        signal.raise_signal(second)
    assert died.value.args == (second,)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGXCPU])
def test_what_comes_again_by_itself_does_not_hurry(flag, monkeypatch, number):
    made, heard = flag
    monkeypatch.setattr(module, "ECHO", 0.0)
    for _ in range(5):
        signal.raise_signal(number)
        time.sleep(0.001)
    assert (made.number, heard) == (number, [number])
    # A scheduler that asks after it has not asked before.
    signal.raise_signal(signal.SIGTERM)
    assert (made.number, heard) == (number, [number, signal.SIGTERM])
    signal.raise_signal(number)
    with pytest.raises(Died):
        signal.raise_signal(signal.SIGINT)
