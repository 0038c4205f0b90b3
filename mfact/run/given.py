"""What a run is given: the matrix behind a Target, factors to start from, threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mfact.core import Factors, Target
from mfact.errors import DataError, SettingsError
from mfact.problems.optimum import stored_eps
from mfact.settings import STARTS, RunSettings
from mfact.targets.dense import DenseTarget

SCALES = {"float64": (1e-50, 1e50), "float32": (1e-8, 1e8)}
"""Of ‖M‖_F: the loss is of its square, the ledger of its third power, and both must be numbers."""


def target_of(matrix: Any, dtype: str) -> tuple[Target, dict[str, Any]]:
    """The matrix behind a Target, and what is known of where it came from."""
    if hasattr(matrix, "products"):
        return matrix, {"name": type(matrix).__name__}
    if hasattr(matrix, "read") and hasattr(matrix, "describe"):
        values = matrix.read(dtype)
        described = matrix.describe()
        stored = described.get("stored_dtype", np.float64)
    else:
        values, described = matrix, {"name": "array"}
        stored = getattr(matrix, "dtype", np.float64)
    if hasattr(values, "tocsr"):
        from mfact.targets.sparse import SparseTarget

        return SparseTarget(values.astype(dtype, copy=False), stored_eps(stored)), described
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise DataError(f"the matrix holds {array.dtype}", "pass real numbers")
    return DenseTarget(array.astype(dtype, copy=False), stored_eps(stored)), described


def checkpoint_path(settings: RunSettings, output: str | None) -> str | None:
    """Where a run keeps its state: as asked for, or beside its output; None for neither."""
    if settings.checkpoint is not None or output is None:
        return settings.checkpoint
    return f"{output}.checkpoint"


def start_file(settings: RunSettings) -> str | None:
    """The file that the start is read from, None where it is drawn."""
    return None if settings.start in STARTS else settings.start


def require_scale(target: Target) -> None:
    """Refuse a matrix whose squares and fourth powers are no numbers any more.

    Raises DataError with the factor that would mend it.
    """
    norm = target.norm
    if norm == 0:
        raise DataError("the matrix is zero", "there is nothing to factor: U = V = 0 does")
    least, most = SCALES[str(target.dtype)]
    if not least <= norm <= most:
        raise DataError(
            f"‖M‖_F = {norm:.3g}, and the arithmetic needs it between {least:g} and {most:g}",
            f"divide the matrix by {norm:.1g}",
        )


def start_from(path: str) -> Factors:
    """Factors to start from, out of a run file or an .npz file."""
    if not Path(path).exists():
        raise SettingsError(
            f"--start {path} is neither one of {', '.join(STARTS)} nor a file",
            "name one of them, or a run file or .npz with U and V",
        )
    from mfact.storage.factors import read_factors

    return read_factors(path)


class _Limits:
    """What the runs of this process ask of BLAS, whose number of threads is the process's own.

    asked: by each run that is on. found: library -> its number before the first of them.
    """

    def __init__(self) -> None:
        self.lock, self.asked = threading.Lock(), list[int]()
        self.found: dict[str, int] = {}
        # A child has none of the threads whose runs are on, and may find the lock held.
        os.register_at_fork(after_in_child=self._alone)

    def _alone(self) -> None:
        self.lock, self.asked = threading.Lock(), []

    def enter(self, count: int) -> None:
        with self.lock:
            self.asked.append(count)
            self._set()

    def leave(self, count: int) -> None:
        with self.lock:
            self.asked.remove(count)
            self._set()

    def _set(self) -> None:
        from threadpoolctl import ThreadpoolController

        for library in ThreadpoolController().select(user_api="blas").lib_controllers:
            before = self.found.setdefault(library.filepath, library.num_threads)
            library.set_num_threads(min(self.asked, default=before))
        if not self.asked:
            self.found.clear()


_LIMITS = _Limits()


@contextmanager
def blas_threads(count: int | None) -> Iterator[None]:
    """BLAS limited to so many threads, one when not asked for more.

    Tiles and small factors are too small for BLAS to gain by threads, and on a machine that is
    busy its threads wait for each other: measured up to 200 times slower. Of runs that are on at
    once, in several threads, the least number holds; the last to end restores what the first found.
    """
    asked = count or 1
    _LIMITS.enter(asked)
    try:
        yield
    finally:
        _LIMITS.leave(asked)
