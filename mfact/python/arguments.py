"""What the functions take: matrices, starts, and the options by name that type checkers see."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypedDict

import numpy as np
from numpy.typing import ArrayLike

from mfact.core import Array, Factors, Result, Target
from mfact.errors import SettingsError
from mfact.matrices.missing import instead, store
from mfact.matrices.source import MatrixSource, open_matrix
from mfact.matrices.values import check_kind, check_shape
from mfact.networks.architecture import Architecture
from mfact.networks.layers import Layer
from mfact.python.door import noted
from mfact.settings import GIVEN
from mfact.studies.memory import Fitted, plan_check
from mfact.studies.named import matrix_of_run, unturned
from mfact.targets.door import Held


class Sparse(Protocol):
    """A sparse array or matrix of scipy."""

    def tocsr(self) -> Any: ...


Path = str | os.PathLike[str]
Matrix = ArrayLike | Sparse | Target | Path
"""An array, a scipy sparse array, a Target, or the path of a file ("f.h5:/X")."""

Start = Path | tuple[ArrayLike, ArrayLike]
"""The name of a kind, the path of a file, or the factors U, d1×r, and V, d2×r."""


MethodName = Literal[
    "gradient-descent", "alternating", "momentum", "nesterov", "scaled", "alternating-scaled",
    "adam",
]  # fmt: skip
"""Of an update rule: mfact.settings.METHODS, for type checkers."""

Layers = Path | Sequence[Layer] | Architecture
"""An architecture string, the path of a .toml file, layers, or these with the shape of a point."""

NetworkStart = Path | Sequence[ArrayLike] | Mapping[str, ArrayLike]
"""The name of a kind, the path of a run file, or W_1, b_1, W_2, …, also as W/1, b/1, … by name."""


class RunOptions(TypedDict, total=False):
    """Those of mfact.settings.RunSettings, all but the rank; start may also be a pair."""

    objective: str
    balance_weight: float
    center: str
    engine: str
    method: MethodName
    momentum: float | None
    damping: float | None
    schedule: str
    step_size: float | None
    delta: float
    eps: float | None
    c_step: float
    start: Start
    start_scale: float | None
    start_ratio: float
    seed: int | None
    tol: float
    tol_residual: float | None
    tol_gradient: float | None
    patience: int | None
    min_iter: int
    max_iter: int | None
    max_time: float | None
    optimum: bool
    every: int | None
    modes: str
    dtype: str
    threads: int | None
    device: str
    workers: int | None
    scheduler: str | None
    fast_forward: str
    ff_tol: float
    force: bool
    escape: bool
    checkpoint: str | None
    checkpoint_every: str | None
    max_basis_bytes: int | None
    max_memory: int | None


class FlowOptions(TypedDict, total=False):
    """Those of mfact.settings.FLOW_OPTIONS, all but the rank; start may also be a pair."""

    objective: str
    balance_weight: float
    center: str
    start: Start
    start_scale: float | None
    start_ratio: float
    imbalance: float
    seed: int
    time: float | None
    solver: str
    points: int
    compare: str | Sequence[str] | None


class SweepOptions(TypedDict, total=False):
    """Those of mfact.settings.SweepSettings, all but the rank."""

    center: str
    method: MethodName
    momentum: float | None
    damping: float | None
    seeds: int
    c_init: float
    c_step: float | None
    tol: float
    max_iter: int
    seed: int


class NetworkOptions(TypedDict, total=False):
    """Those of mfact.networks.settings.NetworkSettings, all but layers and flow; start may also
    be arrays.
    """

    loss: str
    show_broken: str | None
    points: str
    data: str | None
    targets: str
    target_scale: float
    points_count: int
    inputs: int | None
    method: str
    momentum: float
    weight_decay: float
    batch: int | None
    schedule: str
    step_size: float | None
    delta: float
    start: NetworkStart
    start_scale: float | None
    seed: int | None
    tol_loss: float | None
    tol_gradient: float | None
    patience: int | None
    min_iter: int
    max_iter: int
    max_time: float | None
    form: str
    every: int | None
    dtype: str
    threads: int | None
    checkpoint: str | None
    checkpoint_every: str | None
    time: float | None
    times: int
    rtol: float | None


def opened(
    matrix: Matrix,
    dataset: str | None,
    follow_links: bool,
    transpose: bool,
    plan: Callable[[MatrixSource], Fitted] | None = None,
) -> Any:
    """The matrix as it was given, or the file that was named, looked at and not yet read; warns
    of what was chosen there.

    plan: how the matrix of a file is held; raises MemoryPlanError where it would not fit.

    Raises SettingsError for what is said of a file where there is none, and what open_matrix
    raises.
    """
    if not isinstance(matrix, str | os.PathLike):
        if dataset is not None:
            raise SettingsError(f"--dataset {dataset} is for files", "leave it out")
        if transpose:
            raise SettingsError("--transpose is for files", "give the transpose itself, M.T")
        return matrix
    source = open_matrix(
        os.fspath(matrix), dataset=dataset, follow_links=follow_links, transpose=transpose
    )
    noted(source.notes)
    return source if plan is None else plan(source).matrix


def held_of(
    run: Result,
    path: str | None,
    matrix: Matrix | None,
    dataset: str | None = None,
    follow_links: bool = False,
    transpose: bool = False,
    *,
    max_memory: int | None = None,
    way_out: str = "name it with --matrix",
) -> Held:
    """The matrix of a run, as the run had it: the one given, or the file that the run names.

    path: where the run was read, None for nowhere. max_memory: as for solve. way_out: how to give
    one.

    Raises what matrix_of_run and opened raise, MemoryPlanError among it.
    """
    if matrix is None:
        matrix = matrix_of_run(run, path, way_out)
        dataset = dataset or run.problem.get("dataset")
        transpose = transpose or bool(run.problem.get("transpose"))
    found = opened(matrix, dataset, follow_links, transpose)
    M = plan_check(found, run, max_memory).matrix
    noted(unturned(run, M.named, M.shape))
    return M


def begun(start: Start) -> tuple[str, Factors | None]:
    """What a start is called, and its factors where it is a pair of arrays.

    Raises DataError for factors that are not 2-D, real and finite.

    >>> begun("balanced"), begun((np.ones((3, 1)), [[1], [2]]))[1].V.tolist()
    (('balanced', None), [[1.0], [2.0]])
    """
    if isinstance(start, str | os.PathLike):
        return os.fspath(start), None
    if not isinstance(start, tuple | list) or len(start) != 2:
        raise SettingsError(
            f"--start is a {type(start).__name__}", "it must be text, or two arrays (U, V)"
        )
    return GIVEN, Factors(*map(_factor, "UV", start))


def _factor(name: str, given: ArrayLike) -> Array:
    """A copy as float64, which later changes of the user's do not reach."""
    label = f"{name} of the start"
    block = np.asarray(given)
    check_kind(block.dtype, label)
    factor = np.empty(check_shape(block.shape, label))
    with instead(lambda found: "give numbers"):
        store(block, factor, lambda index: (index[0], index[1]), label)
    return factor
