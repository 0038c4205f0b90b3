"""Factor a matrix M ≈ UVᵀ by gradient descent, train a deep network, and see why it worked.

solve factors a matrix, resume goes on with a run from its checkpoint, load reads a run file; each
gives a Result. inspect says what a matrix holds before it is factored, check recomputes a run,
sweep counts what many starts do, flow follows the limit of small steps, and generate makes a
matrix to try things on. Matrices are arrays, scipy sparse arrays, or paths of files. network
trains a deep homogeneous network and audits the balance of its layers; it gives a NetworkResult.
balance audits networks that were trained elsewhere, from their checkpoints. compare puts runs
beside each other, or makes those that differ in chosen options; plot draws them.

What cannot be done raises MfactError, in a sentence with a way out; a run that did not end well
warns ConvergenceWarning, and a file of which something was chosen or turned MatrixWarning.
mfact.sklearn has the same as an estimator of scikit-learn.

>>> import numpy as np, mfact
>>> M = np.outer([1.0, 2.0, 3.0], [1.0, -1.0])
>>> result = mfact.solve(M, rank=1, seed=0)
>>> result.outcome.name
'GLOBAL_OPTIMUM'
>>> U, V = result.balanced()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.13.0"

_PLACES = {
    "solve": "mfact.python.runs",
    "resume": "mfact.python.runs",
    "load": "mfact.python.runs",
    "inspect": "mfact.python.questions",
    "check": "mfact.python.questions",
    "sweep": "mfact.python.questions",
    "flow": "mfact.python.questions",
    "generate": "mfact.python.questions",
    "network": "mfact.python.networks",
    "balance": "mfact.python.checkpoints",
    "compare": "mfact.python.comparisons",
    "plot": "mfact.python.pictures",
    "RunSettings": "mfact.settings",
    "Result": "mfact.python.result",
    "NetworkResult": "mfact.python.result",
    "ConvergenceWarning": "mfact.errors",
    "MatrixWarning": "mfact.errors",
    "MfactError": "mfact.errors",
}
"""Each name, and the module that is loaded on its first use: `mfact --help` waits for no numpy."""

__all__ = [
    "ConvergenceWarning", "MatrixWarning", "MfactError", "NetworkResult", "Result", "RunSettings",
    "balance", "check", "compare", "flow", "generate", "inspect", "load", "network", "plot",
    "resume", "solve", "sweep",
]  # fmt: skip

if TYPE_CHECKING:
    from mfact.errors import ConvergenceWarning, MatrixWarning, MfactError
    from mfact.python.checkpoints import balance
    from mfact.python.comparisons import compare
    from mfact.python.networks import network
    from mfact.python.pictures import plot
    from mfact.python.questions import check, flow, generate, inspect, sweep
    from mfact.python.result import NetworkResult, Result
    from mfact.python.runs import load, resume, solve
    from mfact.settings import RunSettings


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'mfact' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return list(_PLACES)
