"""The matrix that an earlier run was on, found again where it is named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mfact.core import Document, Result
from mfact.errors import DataError, SettingsError, StorageError
from mfact.words import printable

if TYPE_CHECKING:
    from mfact.run.checkpoint import Saved
    from mfact.targets.door import Held


def center_of(problem: Document) -> str:
    """What the matrix of a run is without, of mfact.settings.CENTERS; problem: of the run."""
    center: str = problem.get("center", "none")
    return center


def as_factored(matrix: Held, result: Result) -> Held:
    """A matrix as the run had it: less its means, where those were taken off."""
    return matrix.centred(center_of(result.problem))


def matrix_of_run(result: Result, run_file: str | None, way_out: str) -> str:
    """The path of a run's matrix: in the folder of the run, beside its file, or here.

    run_file: where the run was read; None for one that was in no file. way_out: how to name a
    matrix.

    Raises SettingsError for a run on no file, StorageError where the matrix is not there.
    """
    run = "the run" if run_file is None else printable(run_file)
    named = result.problem.get("path")
    if not named:
        raise SettingsError(f"{run} does not say which file its matrix is in", way_out)
    folder = result.provenance.get("folder")
    beside = None if run_file is None else Path(run_file).parent
    folders = [each for each in (folder, beside, ".") if each is not None]
    found = next((path for each in folders if (path := Path(each, named)).exists()), None)
    if found is None:
        there = "" if folder is None or Path(named).is_absolute() else f" in {printable(folder)}"
        raise StorageError(
            f"{run} names its matrix {printable(named)}{there}, which is not there", way_out
        )
    return str(found)


def require_shape(shape: tuple[int, int], result: Result) -> None:
    """Raise DataError unless a matrix of this shape is what the run can be of."""
    rows, columns = result.U.shape[0], result.V.shape[0]
    if (rows, columns) != shape:
        raise DataError(
            f"the run is of a {rows}×{columns} matrix, this one is {shape[0]}×{shape[1]}",
            "name the matrix that was factored, with --transpose where the run had it",
        )


def unturned(result: Result, matrix: Mapping[str, Any], shape: tuple[int, int]) -> list[str]:
    """A note where a run was of the transpose of its file and a file is named that is taken as it
    is, though it is of the same shape. matrix: how it is named.
    """
    turned = result.problem.get("transpose") and matrix.get("path") and not matrix["transpose"]
    if not turned or shape != (len(result.U), len(result.V)):
        return []
    return ["the run is of the transpose of its file, and this one is not turned: see --transpose"]


def matrix_of_checkpoint(saved: Saved) -> str:
    """The path of the matrix that a checkpoint names.

    Raises SettingsError for a run on no file, StorageError where the matrix is not there.
    """
    path: str | None = saved.asked.named.get("path")
    if path is None:
        raise SettingsError("the run was not on a file", "name its matrix with --matrix")
    if not Path(path).exists():
        raise StorageError(
            f"the matrix of the run, {printable(path)}, is not there", "name it with --matrix"
        )
    return path
