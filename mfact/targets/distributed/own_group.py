"""Loaded by a worker of this machine: signals of a terminal are for who started it.

They go to a whole group of processes, and a run that is asked to end finishes its block first.
"""

from __future__ import annotations

import os
from typing import Any


def dask_setup(worker: Any) -> None:
    """Called by Dask when the worker starts."""
    os.setpgid(0, 0)
