"""A matrix that is looked at without a run: its passes shared by workers, as those of a run are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mfact.host.threads import working
from mfact.run.doing import NOTHING, Doing
from mfact.targets.counted import Counted
from mfact.targets.door import Held


@contextmanager
def looked_at(matrix: Held, doing: Doing = NOTHING) -> Iterator[Counted]:
    """M behind a Target while it is looked at, BLAS at one thread: what is computed within depends
    on no number of threads. Raises what reading it raises.
    """
    with working() as workers:
        yield matrix.target(told=doing.read, passed=doing.passed, workers=workers)
