"""The BLAS libraries of this process, and their threads."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


def blas_pools() -> list[Any]:
    """threadpoolctl's controllers of the BLAS libraries that are loaded.

    To look for them takes a millisecond; a library comes with a module.

    >>> import numpy
    >>> all(pool.num_threads >= 1 for pool in blas_pools())
    True
    """
    return list(_found(len(sys.modules)).select(user_api="blas").lib_controllers)


@lru_cache(maxsize=1)
def _found(modules: int) -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
