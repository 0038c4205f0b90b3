"""Runs: begun, gone on with, and read back."""

from __future__ import annotations

from collections.abc import Sequence
from os import fspath
from typing import TYPE_CHECKING, Any, Unpack

from mfact.core import Result as Record
from mfact.errors import SettingsError
from mfact.options import flag, options_of
from mfact.python.arguments import Matrix, Path, RunOptions, begun, opened
from mfact.python.door import ended, spoken, told
from mfact.python.result import NetworkResult, Result
from mfact.run.checkpoint import read
from mfact.run.progress import RunObserver
from mfact.run.solve import resume as go_on
from mfact.run.solve import solve as run
from mfact.settings import RunSettings
from mfact.storage.either import read_either
from mfact.storage.images import kind_of
from mfact.studies.named import matrix_of_checkpoint
from mfact.words import printable

if TYPE_CHECKING:
    from mfact.run.network.progress import NetworkObserver


@spoken(options_of(RunSettings), RunOptions)
def solve(
    matrix: Matrix,
    rank: int | str | RunSettings,
    *,
    dataset: str | None = None,
    follow_links: bool = False,
    transpose: bool = False,
    observers: Sequence[RunObserver] = (),
    **options: Unpack[RunOptions],
) -> Result:
    """Factor a matrix: M ≈ UVᵀ by gradient descent, or another method.

    matrix: M, d1×d2: an array, a scipy sparse array, or the path of a file ("M.npy", "f.h5:/X");
        dataset: in that file; follow_links: whether it may name other files; transpose: M is the
        transpose of what is there, as of what R or Julia wrote into HDF5.
    rank: r, the number of columns of U and V; "95%", the fewest that hold that share of ‖M‖_F²;
        "auto", up to the gap that inspect finds; or all options at once, which those given by name
        replace.
    observers: told of the run while it goes on (see mfact.run.progress.RunObserver).

    start may also be two arrays (U, V), and a run that is forecast to end far beyond its limits
    is refused unless force=True. Raises MfactError, in a sentence with a way out, for what cannot
    run; warns ConvergenceWarning of a run that did not end well.

    >>> result = solve([[3.0, 0.0], [4.0, 0.0]], 1, seed=1)
    >>> ((result.U @ result.V.T).round(4) + 0.0).tolist()
    [[3.0, 0.0], [4.0, 0.0]]
    """
    given: dict[str, Any] = {**options}
    sources = dict.fromkeys(given, "argument")
    factors = None
    if "start" in given:
        given["start"], factors = begun(given["start"])
    if isinstance(rank, RunSettings):
        sources = dict.fromkeys(rank.chosen, "argument") | sources
        settings = rank.changed(given)
    else:
        sources["rank"] = "argument"
        settings = RunSettings(**{"rank": rank, **given})
    record = run(
        opened(matrix, dataset, follow_links, transpose),
        settings,
        factors=factors,
        sources=sources,
        observers=observers,
        warn=told,
        refuse=True,
    )
    return ended(Result(record))


@spoken()
def resume(
    checkpoint: Path,
    matrix: Matrix | None = None,
    targets: Matrix | None = None,
    *,
    max_iter: int | None = None,
    max_time: float | None = None,
    device: str | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    dataset: str | None = None,
    follow_links: bool = False,
    transpose: bool = False,
    observers: Sequence[RunObserver] | Sequence[NetworkObserver] = (),
) -> Result | NetworkResult:
    """Go on with a run from its checkpoint: the same run, bit for bit, as if never cut.

    matrix: that which the run began with, as for solve; None: the file that the checkpoint names.
    Of a network matrix is X, and targets Y: arrays, or None for what the run finds again itself.
    max_iter, max_time: new limits on all parts of the run together. device: where M is held now,
        None: as before; workers, scheduler: the cluster that holds it now, if any.

    Raises StorageError for a damaged checkpoint and for another matrix, SettingsError for a limit
    that the run has passed already; warns as solve does.
    """
    limits: Any = {"max_iter": max_iter, "max_time": max_time, "observers": observers}
    places: Any = {"device": device, "workers": workers, "scheduler": scheduler}
    points: Any = matrix, targets
    if kind_of(checkpoint) == "network_checkpoint":
        from mfact.python.networks import gone_on
        from mfact.run.network.checkpoint import read as read_network

        if said := [flag(name) for name, each in places.items() if each is not None]:
            raise SettingsError(f"{said[0]} has no meaning for a network's run", "leave it out")
        return gone_on(read_network(fspath(checkpoint)), *points, **limits)
    if targets is not None:
        raise SettingsError(
            f"{printable(fspath(checkpoint))} is of a factorization, which has no targets",
            "leave them out",
        )
    saved = read(fspath(checkpoint))
    if matrix is None:
        matrix, named = matrix_of_checkpoint(saved), saved.asked.named
        dataset, follow_links = named.get("dataset"), bool(named.get("follow_links"))
        transpose = bool(named.get("transpose"))
    source = opened(matrix, dataset, follow_links, transpose)
    return ended(Result(go_on(saved, source, warn=told, **limits, **places)))


@spoken()
def load(path: Path) -> Result | NetworkResult:
    """Read a run file: what `mfact solve`, `mfact network` or the result's save wrote.

    Raises StorageError, one line, for a file that is none, or is damaged.
    """
    record = read_either(path)
    return Result(record) if isinstance(record, Record) else NetworkResult(record)
