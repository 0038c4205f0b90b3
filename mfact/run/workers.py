"""How many workers a run has, and what they and the libraries take, as a part of its plan."""

from __future__ import annotations

from collections.abc import Mapping

from mfact.host.memory import MemoryPlan, worker_bytes
from mfact.host.threads import cores

BLAS_BYTES = 64 << 20
"""Buffers of one thread in the two copies of OpenBLAS, NumPy's and SciPy's: address space at least.
Without room for them the library does not fail but waits for ever."""

LIBRARIES = "libraries"


def reserved(room: int) -> int:
    """Bytes of `room` that are left to workers, however many are asked for: so no part of a plan
    that fills what is left depends on their number.
    """
    return max(0, min(worker_bytes() * (cores() - 1), room // 4))


def with_workers(parts: Mapping[str, int], available: int, threads: int | None) -> MemoryPlan:
    """The plan of these parts and of the libraries, for so many workers.

    threads: None: one for each core, or as many as there is room for.
    """
    room = available - sum(parts.values()) - BLAS_BYTES
    count = threads or 1 + max(0, min(cores() - 1, room // worker_bytes()))
    return MemoryPlan({**parts, LIBRARIES: BLAS_BYTES + worker_bytes() * (count - 1)}, available)


def fitting_workers(plan: MemoryPlan) -> int:
    """How many workers there would be room for; 0 where the plan does not fit for them alone.

    >>> plan = with_workers({"matrix": 800}, 800 + BLAS_BYTES + 2 * worker_bytes(), 5)
    >>> plan.fits, fitting_workers(plan)
    (False, 3)
    """
    room = plan.limit - plan.total + plan.parts[LIBRARIES] - BLAS_BYTES
    return 0 if room < 0 else 1 + room // worker_bytes()


def planned_workers(plan: MemoryPlan) -> int:
    """How many workers a plan was made for.

    >>> planned_workers(with_workers({"matrix": 800}, 1 << 40, 3))
    3
    """
    return 1 + (plan.parts[LIBRARIES] - BLAS_BYTES) // worker_bytes()
