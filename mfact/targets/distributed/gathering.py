"""What the last tasks of a pass find, while somebody looks whether all workers are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from threading import Thread
from typing import Any

from mfact.errors import MemoryPlanError, MfactError, StorageError

LOOK_SECONDS = 0.25
"""How often somebody looks."""

GATHERS = "mfact gathers"
"""The thread that waits meanwhile."""


class Lost(Exception):
    """Something of a pass is nowhere any more."""


def gathered(client: Any, last: Sequence[Any], look: Callable[[], None]) -> Sequence[Any]:
    """What these tasks have found. look: called now and then; raises Lost where waiting is of no
    use any more: a task that only a lost worker may do is waited for without end.
    """
    found: Future[Any] = Future()
    Thread(target=_into, name=GATHERS, args=(found, client.gather, last), daemon=True).start()
    try:
        while not wait([found], timeout=LOOK_SECONDS).done:
            look()
        result: Sequence[Any] = found.result()
        return result
    except BaseException:
        client.cancel(last)  # which ends the thread
        raise
    finally:
        # An error that knows this frame, and is known by it, would keep shards in workers.
        del found


def _into(found: Future[Any], work: Callable[..., Any], *args: Any) -> None:
    try:
        found.set_result(work(*args))
    except BaseException as error:
        found.set_exception(error)
    finally:
        del found, args


@contextmanager
def spoken(client: Any) -> Iterator[None]:
    """What Dask says of what is lost, as Lost, or in words for a user where there is no way on."""
    from distributed import CancelledError, KilledWorker

    try:
        yield
    except MfactError:
        raise
    except MemoryError as error:
        raise MemoryPlanError(
            f"a worker has too little memory for a pass: {_line(error)}",
            "give the workers more, or start more of them",
        ) from error
    except (CancelledError, KilledWorker, OSError, TimeoutError) as error:
        if client.status != "running":
            raise StorageError("the scheduler of the cluster is gone", "start it again") from error
        raise Lost(_line(error)) from error


def _line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
