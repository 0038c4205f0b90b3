"""Pictures from Python: figures of matplotlib, to look at, to change, and in a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from mfact.core import Result as Record
from mfact.errors import SettingsError
from mfact.host.atomic import replace_file
from mfact.pictures.drawing import Picture
from mfact.pictures.kinds import RESIDUAL, picture_of
from mfact.pictures.residual import residual
from mfact.python.arguments import Matrix, Path, opened
from mfact.python.comparisons import Comparison
from mfact.python.door import spoken
from mfact.python.result import Ended
from mfact.report.balance_document import document
from mfact.report.plots import figure_of, form_of, image, require
from mfact.storage.claims import claim_output
from mfact.storage.either import Kept, read_any
from mfact.studies.balance import Audit
from mfact.studies.differing import Subject
from mfact.studies.memory import plan_check
from mfact.studies.named import matrix_of_run
from mfact.studies.residual import residual_of
from mfact.studies.sweep import recorded
from mfact.targets.door import held
from mfact.theory.frequencies import Sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Drawn = Ended[Any] | Audit | Comparison | Sweep | Path


@spoken()
def plot(
    runs: Drawn | Sequence[Drawn],
    kind: str | None = None,
    *,
    x: str = "step",
    path: Path | None = None,
    matrix: Matrix | None = None,
) -> Figure:
    """Draw runs: what `mfact plot` draws of their files.

    runs: a result, a Comparison, what balance or sweep found, the path of a file, or a list of
        results and paths.
    kind: "convergence", "balance", "ledger", "spectrum", "modes" or "residual"; None: what there
        is of the first.
    x: "step", "flow-time" or "passes". path: also write the picture there, .svg, .png or .pdf.
    matrix: of the run, as for solve, for "residual"; None: the file that the run names.

    Returns a Figure of matplotlib. Raises MissingPackageError without it, and MfactError for what
    cannot be drawn.

    >>> import mfact
    >>> figure = plot(mfact.solve([[3.0, 0.0], [4.0, 0.0]], 1, seed=1))
    >>> len(figure.axes) > 0
    True
    """
    require()
    form = None if path is None else form_of(path)
    named = dict(_named(runs))
    if kind == RESIDUAL:
        picture = _residual(named, matrix)
    elif matrix is not None:
        raise SettingsError("--matrix is for the residual", "leave it out")
    else:
        picture = picture_of(named, kind, x)
    if path is not None and form is not None:
        claim_output(path)
        replace_file(path, image(picture, form))
    return figure_of(picture)


def _named(runs: Drawn | Sequence[Drawn]) -> Iterator[tuple[str, Kept]]:
    """What is to be drawn, by name: of a file its path, of a result in none its place."""
    single = isinstance(runs, Ended | Audit | Comparison | Sweep | str | PathLike)
    given: Sequence[Drawn] = [runs] if single else runs  # type: ignore[assignment, list-item]
    for place, each in enumerate(given, 1):
        if isinstance(each, Comparison):
            yield from zip(each.names, (run.record for run in each.runs), strict=True)
        elif isinstance(each, Ended):
            yield f"run {place}", each.record
        elif isinstance(each, Audit):
            yield f"audit {place}", document(each)
        elif isinstance(each, Sweep):
            yield f"sweep {place}", recorded(each)
        else:
            yield fspath(each), read_any(each)


def _residual(named: dict[str, Kept], matrix: Matrix | None) -> Picture:
    """Of one run of a matrix; where none is given, the file that the run names."""
    (name, run), *others = named.items()
    if others or not isinstance(run, Record):
        raise SettingsError("the residual is of one run of a matrix", "name one")
    dataset = None
    if matrix is None:
        matrix = matrix_of_run(run, name, "give it, as matrix")
        dataset = run.problem.get("dataset")
    plan = partial(plan_check, result=run)
    target = held(opened(matrix, dataset, False, plan), str(run.U.dtype)).target()
    return residual(Subject(name, run), residual_of(target, run))
