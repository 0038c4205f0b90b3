"""Pictures from Python: figures of matplotlib, to look at, to change, and in a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from mfact.python.arguments import Matrix, Path
from mfact.python.comparisons import Comparison
from mfact.python.door import spoken
from mfact.python.drawn import drawn
from mfact.python.result import Ended
from mfact.report.balance_document import document
from mfact.storage.either import Kept, read_any
from mfact.studies.balance import Audit
from mfact.studies.sweep import recorded
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
    return drawn(_named(runs), kind, x=x, path=path, matrix=matrix)


def _named(runs: Drawn | Sequence[Drawn]) -> Iterator[tuple[str, Kept]]:
    """What is to be drawn, by name: of a file its path, of a result in none its place."""
    single = isinstance(runs, Ended | Audit | Comparison | Sweep | str | PathLike)
    given: Sequence[Drawn] = [runs] if single else runs  # type: ignore[assignment, list-item]
    for place, each in enumerate(given, 1):
        if isinstance(each, Comparison):
            yield from each.named
        elif isinstance(each, Ended):
            yield f"run {place}", each.record
        elif isinstance(each, Audit):
            yield f"audit {place}", document(each)
        elif isinstance(each, Sweep):
            yield f"sweep {place}", recorded(each)
        else:
            yield fspath(each), read_any(each)
