"""The clock of a run, by moments made by hand."""

import pytest

from mfact.host.timer import Timer


class Hands:
    time = 100.0

    def __call__(self):
        return self.time


def test_seconds_are_of_solving_and_wall_seconds_of_everything():
    hands = Hands()
    timer = Timer(now=hands)
    hands.time += 1  # reading
    with timer.solving():
        hands.time += 2
        with timer.looking():
            hands.time += 4
            assert timer.seconds == 2
        hands.time += 8
        assert timer.seconds == 10  # asked while it runs
    hands.time += 16
    assert (timer.seconds, timer.wall_seconds) == (10, 31)
    with timer.looking():
        hands.time += 32
    assert (timer.seconds, timer.wall_seconds) == (10, 63)


def test_it_counts_from_the_moment_it_is_told():
    assert Timer(70.0, Hands()).wall_seconds == 30


def test_earlier_parts_are_added():
    hands = Hands()
    timer = Timer(now=hands)
    timer.add(3.0, 5.0)
    with timer.solving():
        hands.time += 1
    assert (timer.seconds, timer.wall_seconds) == (4, 6)


@pytest.mark.parametrize("kind", ["solving", "looking"])
def test_an_error_leaves_it_as_it_was(kind):
    hands = Hands()
    timer = Timer(now=hands)
    with pytest.raises(OSError, match="full"), getattr(timer, kind)():
        raise OSError("full")
    hands.time += 1
    assert timer.seconds == 0
