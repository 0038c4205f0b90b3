"""What Python draws, as a figure of matplotlib and in a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mfact.core import Result
from mfact.errors import SettingsError
from mfact.host.atomic import replace_file
from mfact.pictures.drawing import Picture
from mfact.pictures.kinds import picture_of
from mfact.pictures.names import RESIDUAL
from mfact.pictures.residual import residual
from mfact.python.arguments import Matrix, Path, held_of
from mfact.report.plots import figure_of, form_of, image, require
from mfact.storage.claims import claim_output
from mfact.storage.either import Kept
from mfact.studies.differing import Subject
from mfact.studies.residual import residual_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def drawn(
    named: Iterable[tuple[str, Kept]],
    kind: str | None,
    *,
    x: str,
    path: Path | None,
    matrix: Matrix | None = None,
) -> Figure:
    """The picture of what has these names, read once it is known that it can be drawn; see
    mfact.python.pictures.plot.
    """
    require()
    form = None if path is None else form_of(path)
    read = [*named]
    if kind == RESIDUAL:
        picture = _residual(read, matrix)
    elif matrix is not None:
        raise SettingsError("--matrix is for the residual", "leave it out")
    else:
        picture = picture_of(read, kind, x)
    if path is not None and form is not None:
        claim_output(path)
        replace_file(path, image(picture, form))
    return figure_of(picture)


def _residual(named: Sequence[tuple[str, Kept]], matrix: Matrix | None) -> Picture:
    """Of one run of a matrix; where none is given, the file that the run names."""
    (name, run), *others = named
    if others or not isinstance(run, Result):
        raise SettingsError("the residual is of one run of a matrix", "name one")
    M = held_of(run, name, matrix, way_out="give it, as matrix")
    return residual(Subject(name, run), residual_of(M, run))
