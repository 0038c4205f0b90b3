"""Who takes which task, and what comes of one that fails."""

import threading

import numpy as np
import pytest

from mfact.host.threads import Workers, working

WAYS = pytest.mark.parametrize("way", ["each", "shared"])
COUNTS = pytest.mark.parametrize("count", [1, 2, 5])


@WAYS
@COUNTS
@pytest.mark.parametrize("tasks", [0, 1, 2, 7])
def test_what_tasks_return_is_in_their_order(way, count, tasks):
    with Workers(count) as workers:
        found = getattr(workers, way)([lambda i=i: i for i in range(tasks)])
    assert found == list(range(tasks))


def test_each_task_has_its_worker():
    with Workers(2) as workers:
        found = workers.each([threading.get_ident] * 6)
    assert found[0] == threading.get_ident()
    assert found == found[:2] * 3
    assert len(set(found)) == 2


def test_shared_tasks_are_taken_by_whoever_is_free():
    done = threading.Event()

    def first():
        # Over only when the other worker has done all the rest.
        assert done.wait(10)
        return threading.get_ident()

    with Workers(2) as workers:
        found = workers.shared([first, *[threading.get_ident] * 4, lambda: done.set()])
    assert len(set(found[1:5])) == 1
    assert found[0] != found[1]


@WAYS
@COUNTS
@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_is_raised_once_no_task_is_on(way, count, failing):
    on = []

    def task(i):
        if i == failing:
            raise ValueError("failed")
        on.append(i)
        threading.Event().wait(0.01)
        on.remove(i)

    with Workers(count) as workers:
        with pytest.raises(ValueError, match="failed"):
            getattr(workers, way)([lambda i=i: task(i) for i in range(6)])
        assert not on
        assert getattr(workers, way)([lambda: 1, lambda: 2]) == [1, 2]


@WAYS
def test_what_was_asked_of_numpy_holds_in_all_tasks(way):
    with working(3) as workers, np.errstate(over="raise"):
        for kind in getattr(workers, way)([np.geterr] * 9):
            assert kind["over"] == "raise"
