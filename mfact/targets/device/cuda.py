"""What is asked of torch itself: its CUDA device, and products that lose no digits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from mfact.core import Array
from mfact.errors import MemoryPlanError, MissingPackageError, SettingsError

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
"""Without it cuBLAS may sum up in another order from run to run. It is read when CUDA begins."""


class Cuda:
    """The CUDA device that torch takes by itself.

    where: as torch names it. Raises MissingPackageError without torch or array-api-compat,
    SettingsError where torch sees none.
    """

    where = "cuda"

    def __init__(self) -> None:
        os.environ.setdefault(*WORKSPACE)
        try:
            import array_api_compat  # noqa: F401
            import torch
        except ImportError as error:
            package = str(error.name or "torch").replace("_", "-")
            raise MissingPackageError(
                f"{package} is not installed", "pip install 'mfact[gpu]', or use --device cpu"
            ) from error
        if not torch.cuda.is_available():
            raise SettingsError("torch sees no CUDA device", "use --device cpu")
        self._torch = torch

    @property
    def name(self) -> str:
        """Of the device, in words."""
        return f"cuda: {self._torch.cuda.get_device_name()}"

    @property
    def free(self) -> int:
        """Bytes that can be allocated on it: those that torch keeps for later are free too."""
        cuda = self._torch.cuda
        return int(cuda.mem_get_info()[0] + cuda.memory_reserved() - cuda.memory_allocated())

    def empty(self, shape: tuple[int, int], dtype: str) -> Any:
        """An array on it, in rows, that is still to be filled."""
        return self._torch.empty(shape, dtype=getattr(self._torch, dtype), device=self.where)

    def put(self, array: Array) -> Any:
        """A host array, on it."""
        return self._torch.asarray(array, device=self.where)


@contextmanager
def enough_of(name: str, way_out: str) -> Iterator[None]:
    """A MemoryPlanError where the memory of a device does not do for what is done there."""
    try:
        yield
    except Exception as error:
        # Of torch and of CuPy, neither of which is to be imported for a name.
        if type(error).__name__ != "OutOfMemoryError":
            raise
        raise MemoryPlanError(f"the memory of {name} does not do for this", way_out) from error


@contextmanager
def all_digits(in_torch: bool) -> Iterator[None]:
    """Products of float32 in float32, where torch has been told that three digits do (TF32).

    The setting belongs to the whole process, to which other programs in it have set it: so it is
    only changed while products are asked for, and then as it was.
    """
    if not in_torch:
        yield
        return
    import torch

    try:
        before = torch.get_float32_matmul_precision()
        restore = [partial(torch.set_float32_matmul_precision, before)]
    except RuntimeError:  # it was set by torch's newer names, and wants to be asked by these
        backends: Any = torch.backends
        held, name = (backends.cuda.matmul, backends.mkldnn.matmul), "fp32_precision"
        restore = [partial(setattr, each, name, getattr(each, name)) for each in held]
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        for each in restore:
            each()
