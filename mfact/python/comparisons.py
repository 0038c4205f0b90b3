"""Runs beside each other from Python: those there are, or those that differ in chosen options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from os import fspath
from typing import TYPE_CHECKING, Any, Unpack, cast

from mfact.core import Factors
from mfact.core import NetworkResult as NetworkRecord
from mfact.core import Result as Record
from mfact.errors import SettingsError
from mfact.options import options_of
from mfact.pictures.names import STEP
from mfact.python.arguments import Matrix, Path, RunOptions, begun, opened
from mfact.python.door import spoken, told
from mfact.python.frames import framed
from mfact.python.result import Ended, NetworkResult, Result
from mfact.python.words import said
from mfact.report.comparison import document, page, rows
from mfact.report.parts import text_of
from mfact.report.terminal import Look
from mfact.run.place import place_of
from mfact.run.ranked import Ranked
from mfact.run.solve import solve
from mfact.settings import ARRAYS, RunSettings
from mfact.storage.either import read_either
from mfact.studies.differing import Subject
from mfact.studies.making import Made, Passes
from mfact.studies.variations import Refused, Variation, require_all, variations
from mfact.targets.door import Held, held

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Run = Result | NetworkResult


@dataclass(frozen=True, repr=False, eq=False)
class Comparison:
    """Several runs beside each other.

    runs: their results. names: of each, where they come from or what is their own. refused: what
    could not be run, and why. rows: of each run what it differs in, and where it has come.
    """

    runs: tuple[Run, ...]
    names: tuple[str, ...]
    refused: Mapping[str, str]
    rows: tuple[Mapping[str, Any], ...]
    _page: str

    def frame(self) -> Any:
        """The rows as a pandas DataFrame. Raises MissingPackageError without pandas."""
        return framed(list(self.rows))

    @property
    def named(self) -> list[tuple[str, Record | NetworkRecord]]:
        """What the library has of each run, after its name."""
        return [(name, run.record) for name, run in zip(self.names, self.runs, strict=True)]

    @spoken()
    def plot(self, kind: str | None = None, *, x: str = STEP, path: Path | None = None) -> Figure:
        """The runs in one picture, as for mfact.plot."""
        from mfact.python.drawn import drawn

        return drawn(self.named, kind, x=x, path=path)

    def __repr__(self) -> str:
        return self._page.rstrip()


@spoken(options_of(RunSettings), RunOptions)
def compare(
    runs: Matrix | Sequence[Run | Path],
    rank: int | str | None = None,
    *,
    vary: Mapping[str, Sequence[Any]] | None = None,
    dataset: str | None = None,
    follow_links: bool = False,
    transpose: bool = False,
    **options: Unpack[RunOptions],
) -> Comparison:
    """Compare runs: what they differ in, how each ended, its steps, passes, gap and drift.

    runs: results or paths of run files; with vary a matrix, as for solve, that is factored once for
        each combination of values, from one seed unless that is varied.
    rank: r, as for solve, unless it is varied. vary: options by name, and the values of each, or
        "all" that it has, {"rank": [5, 10], "method": "all"}.
    dataset, follow_links, transpose: as for solve.

    Raises MfactError for what is no run, and for options that no run has; a variation that is
    refused, for a forecast far beyond its limits, is told in `refused`.

    >>> print(compare([[3.0, 0.0], [4.0, 0.0]], 1, vary={"seed": [1, 2]}))
    mfact compare: 2 runs
      of  array
    seed         outcome  steps  passes ...
    """
    given: dict[str, Any] = {**options, **({} if rank is None else {"rank": rank})}
    if vary is None:
        files = {"dataset": dataset, "follow_links": follow_links, "transpose": transpose}
        if said := [*given, *(name for name, each in files.items() if each)]:
            raise SettingsError(f"{said[0]} has no meaning for runs that are made", "give vary too")
        return _compared(_subjects(cast("Sequence[Run | Path]", runs)), [])
    sources = dict.fromkeys(given, "argument")
    factors: Factors | None = None
    if "start" in given:
        given["start"], factors = begun(given["start"])
        sources["start"] = sources["start"] if factors is None else ARRAYS
    chosen = variations(RunSettings(**{"rank": None, **given}), vary, [*given])
    matrix = opened(cast("Matrix", runs), dataset, follow_links, transpose)
    require_all(held(matrix, "float64"), chosen, [*given])

    def one(M: Held, run: Variation, ranked: Ranked | None) -> Record:
        came = run.sources(sources, "argument")
        return solve(
            M, run.settings, factors=factors, sources=came, warn=told, refuse=True, found=ranked
        )

    hold = partial(held, matrix, max_memory=given.get("max_memory"))
    with place_of(chosen[0].settings, lambda text: None) as place:
        made = Made(lambda kind: hold(kind).at(place), chosen, one)
        found = [*made]
    return _compared(
        [each for each in found if isinstance(each, Subject)],
        [each for each in found if isinstance(each, Refused)],
        made.passes,
    )


def _subjects(runs: Sequence[Run | Path]) -> list[Subject]:
    if isinstance(runs, Ended) or not isinstance(runs, Sequence) or isinstance(runs, str):
        raise SettingsError(
            f"runs is a {type(runs).__name__}", "give a list of results or run files, or vary"
        )
    return [subject(run, place) for place, run in enumerate(runs, 1)]


def subject(run: Run | Path, place: int) -> Subject:
    """A result, or what a run file holds; of one in no file the name is its place."""
    if isinstance(run, Ended):
        return Subject(f"run {place}", run.record)
    return Subject(fspath(run), read_either(run))


def _compared(
    subjects: Sequence[Subject], refused: Sequence[Refused], passes: Passes | None = None
) -> Comparison:
    doc = document(subjects, refused, passes)
    return Comparison(
        tuple(
            Result(each.run) if isinstance(each.run, Record) else NetworkResult(each.run)
            for each in subjects
        ),
        tuple(each.name for each in subjects),
        {each["name"]: said(each["why"]) for each in doc["refused"]},
        tuple(dict(row) for row in rows(doc)),
        text_of(page(doc), Look()),
    )
