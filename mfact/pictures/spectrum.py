"""The singular values of a matrix and of the products that runs found, and what these explain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mfact.core import Array, Result
from mfact.pictures.axes import far, size_axis
from mfact.pictures.drawing import Axis, Dots, Hue, Mark, Panel, Pen, Picture, Rule
from mfact.pictures.marks import DASHES, MOST_IN_LEGEND, curve, drawable, filled
from mfact.pictures.runs import Group, grouped, title
from mfact.studies.differing import Subject, matrix_of, whole_name
from mfact.studies.named import center_of

FAR = 30.0
"""Singular values that are farther apart than by this factor are drawn by powers of ten."""

ROUNDED = 8.0
"""Units of rounding of ‖U‖‖V‖ that a singular value of UVᵀ may be off, for each column."""

NEARLY_ALL = 0.9
"""Where the first singular value explains as much, what is left is drawn, by powers of ten."""


@dataclass(frozen=True)
class Known:
    """What is known of a matrix: its name, σ₁, σ₂, …, how far each may be off, and ‖M‖_F."""

    name: str
    values: Array
    errors: Array
    norm: float

    @property
    def shares(self) -> Array:
        """Σ_{j≤i} σ_j²/‖M‖_F²."""
        with np.errstate(over="ignore"):  # of numbers that are no run's
            return drawable(np.cumsum((self.values / self.norm) ** 2), log=False)

    @property
    def digits(self) -> Array:
        """Where something is known of a value: it is not all error."""
        return self.values > self.errors


def spectrum(subjects: Sequence[Subject]) -> Picture:
    """σ_i(M) as far as the runs know them, σ_i(UVᵀ) as dots on them, and the explained share.

    The share is Σ_{j≤i}σ_j²/‖M‖_F², and of a run 1 − ‖R‖_F²/‖M‖_F², a dot at its rank; where the
    first value is nearly all, what is left of it. A line marks the rank where all runs have one.
    Left out are values that are not known to a digit, or rounding.

    Raises SettingsError for what is no run of a matrix.
    """
    groups = grouped(subjects)
    matrices = matrices_of(groups)
    found = {id(run): product_values(run) for run in _runs(groups)}
    every = [each.values[each.digits] for each in matrices] + list(found.values())
    log = far(np.concatenate(every), FAR)
    left = any(each.shares[0] > NEARLY_ALL for each in matrices)
    i, rank = Axis("i", least=0.0, most=max(map(len, every)) + 1.0), tuple(_rank(groups))
    values = (*rank, *_of_matrices(matrices, log), *_of_products(groups, found, log))
    shares = (*rank, *_explained(matrices, left), *_reached(groups, left))
    part = Axis("explained share of ‖M‖²", least=0.0, most=1.08)
    legend = len(groups) <= MOST_IN_LEGEND
    panels = [
        Panel("", i, size_axis("singular value σᵢ", every, log), values, legend=legend),
        Panel("", i, Axis("unexplained share of ‖M‖²", log=True) if left else part, shares,
              legend=False),
    ]  # fmt: skip
    return Picture(
        title("Spectrum", subjects),
        tuple((panel,) for panel in filled(panels, subjects)),
        tuple(_notes(groups, matrices, found)),
    )


def product_values(run: Result) -> Array:
    """σ_1 ≥ … ≥ σ_r of UVᵀ, NaN for what is rounding: of R₁R₂ᵀ where U = Q₁R₁ and V = Q₂R₂."""
    R1, R2 = (np.linalg.qr(factor.astype(float))[1] for factor in (run.U, run.V))
    values = np.linalg.svd(R1 @ R2.T, compute_uv=False)[: run.U.shape[1]]
    size = float(np.linalg.norm(R1) * np.linalg.norm(R2))
    off = ROUNDED * run.U.shape[1] * np.finfo(float).eps * size
    return np.asarray(np.where(values > off, values, np.nan))


def matrices_of(groups: Sequence[Group]) -> list[Known]:
    """What the runs know of their matrices: of each what the one tells that knows most."""
    found: dict[tuple[str, float], Known] = {}
    for run in _runs(groups):
        problem, norm = run.problem, run.problem.get("norm")
        values = np.array(problem.get("singular_values") or [], float)
        if not len(values) or not norm:
            continue
        errors = np.array(problem.get("singular_values_error") or np.zeros(len(values)), float)
        name = whole_name(matrix_of(problem), center_of(problem))
        known = Known(name, values, errors, norm)
        before = found.get((name, norm))
        if before is None or len(before.values) < len(values):
            found[name, norm] = known
    return list(found.values())


def _runs(groups: Sequence[Group]) -> Iterator[Result]:
    for group in groups:
        yield from (run for _, run in group.members)


def _rank(groups: Sequence[Group]) -> Iterator[Rule]:
    ranks = {run.U.shape[1] for run in _runs(groups)}
    if len(ranks) == 1:
        (r,) = ranks
        yield Rule(f"rank {r}", "x", float(r))


def _of_matrices(matrices: Sequence[Known], log: bool) -> Iterator[Mark]:
    for each, pen in zip(matrices, _pens(matrices), strict=True):
        name = "M" if len(matrices) == 1 else each.name
        values = np.where(each.digits, each.values, np.nan)
        yield curve(f"σᵢ of {name}", _places(values), drawable(values, log), pen)


def _of_products(groups: Sequence[Group], found: dict[int, Array], log: bool) -> Iterator[Mark]:
    """Later ones smaller, so that dots in one place are all seen."""
    for place, group in enumerate(groups):
        values = [found[id(run)] for _, run in group.members]
        label = "σᵢ of UVᵀ" if len(groups) == len(values) == 1 else group.label
        x = np.concatenate([_places(each) for each in values])
        yield Dots(label, x, drawable(np.concatenate(values), log), _dot(place))


def _explained(matrices: Sequence[Known], left: bool) -> Iterator[Mark]:
    for each, pen in zip(matrices, _pens(matrices), strict=True):
        shares = np.where(each.digits, each.shares, np.nan)
        # What the values and ‖M‖ may be off.
        with np.errstate(over="ignore", invalid="ignore"):
            off = 8 * 2.0**-52 + 2 * np.sum(each.errors / each.norm * (each.values / each.norm))
        if left:
            shares = np.where(1 - shares > off, 1 - shares, np.nan)
        yield curve("M" if len(matrices) == 1 else each.name, _places(shares), shares, pen)


def _reached(groups: Sequence[Group], left: bool) -> Iterator[Mark]:
    for place, group in enumerate(groups):
        known = [
            (float(run.U.shape[1]), float(rest) ** 2)
            for _, run in group.members
            if (rest := run.summary.get("relative_residual")) is not None
        ]
        if known:
            x, rest = np.array(known).T
            label = "UVᵀ" if len(groups) == len(group.members) == 1 else group.label
            yield Dots(label, x, drawable(rest if left else _positive(1 - rest), left), _dot(place))


def _pens(matrices: Sequence[Known]) -> list[Pen]:
    return [Pen(Hue.GREY, DASHES[place % len(DASHES)]) for place in range(len(matrices))]


def _dot(place: int) -> Pen:
    return Pen(place, width=max(1.6 - 0.3 * place, 0.7))


def _places(values: Array) -> Array:
    """1, 2, …"""
    return np.arange(1.0, len(values) + 1)


def _positive(values: Array) -> Array:
    return np.where(values >= 0, values, np.nan)


def _notes(
    groups: Sequence[Group], matrices: Sequence[Known], found: dict[int, Array]
) -> Iterator[str]:
    """What is not drawn."""
    if not matrices:
        yield "the singular values of M are not known"
    if not all(np.all(each.digits) for each in matrices):
        yield "singular values of M that are not known to a digit are not drawn"
    if any(np.any(np.isnan(values)) for values in found.values()):
        yield "singular values of UVᵀ that are rounding are not drawn"
    if any((run.summary.get("relative_residual") or 0.0) > 1 for run in _runs(groups)):
        yield "of a run with ‖UVᵀ − M‖ > ‖M‖ nothing is explained"
    if len(groups) > MOST_IN_LEGEND:
        yield f"{len(groups)} runs, more than a legend tells apart"
