"""Matrix factorization by gradient descent, and why it worked.

>>> import numpy as np, mfact
>>> M = np.outer([1.0, 2.0, 3.0], [1.0, -1.0])
>>> result = mfact.solve(M, rank=1, seed=0)
>>> result.outcome.name
'GLOBAL_OPTIMUM'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.5.0"
__all__ = ["RunSettings", "__version__", "solve"]

if TYPE_CHECKING:
    from mfact.run.solve import solve
    from mfact.settings import RunSettings


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that `mfact --help` does not wait for numpy and scipy.
    if name == "solve":
        from mfact.run.solve import solve

        return solve
    if name == "RunSettings":
        from mfact.settings import RunSettings

        return RunSettings
    raise AttributeError(f"module 'mfact' has no attribute {name!r}")
