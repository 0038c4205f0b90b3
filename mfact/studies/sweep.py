"""A sweep: a method from many starts, of one matrix or of generated ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from mfact.core import Array, Document, Method, Target
from mfact.errors import DataError, SettingsError
from mfact.host.provenance import gather_lasting
from mfact.host.threads import working
from mfact.krylov.values import all_values
from mfact.methods.choice import METHODS, PLAIN
from mfact.options import options_of
from mfact.problems.optimum import fitted_rank, optimum_of, zero_in
from mfact.problems.scale import require_rest
from mfact.run.doing import NOTHING, Doing
from mfact.run.looking import looked_at
from mfact.run.summary import told_settings
from mfact.settings import BOUNDS, SweepSettings, parameters_of
from mfact.storage.sweeps import SweepRecord
from mfact.studies.batches import Batch, RankOne, Stacks, descend, draw
from mfact.targets.door import Held, held
from mfact.theory.frequencies import Sweep

if TYPE_CHECKING:
    from mfact.matrices.source import MatrixSource

# Starts are taken in groups whose factors stay in a processor's cache.
_GROUP_BYTES = 2**19


def singular_values(
    matrix: Array | MatrixSource | Target | Held,
    rank: int = 1,
    *,
    center: str = "none",
    doing: Doing = NOTHING,
) -> Array:
    """The singular values of M that rounding does not hide, largest first.

    matrix: an array, an opened file or a Target. What counts as zero (mfact.problems.optimum) is
    left out. rank: r of the sweep that they are for. center: what is taken off the matrix first.
    doing: told how far it is.

    Raises SettingsError where that is above min(d1, d2), DataError for a matrix of zeros, and where
    the rest is rounding.
    """
    found = held(matrix, "float64").centred(center)
    d1, d2 = found.shape
    if rank > min(d1, d2):
        raise SettingsError(
            f"rank {rank} does not fit a {d1}×{d2} matrix", f"choose -r from 1 to {min(d1, d2)}"
        )
    with looked_at(found, doing) as target:
        require_rest(target)
        if target.norm == 0:
            raise DataError("every entry of the matrix is zero", "pass a matrix with a signal")
        with doing.now("singular values"):
            values = all_values(target)
        zero = zero_in(target, float(values[0]), found.shape)
        return values[: fitted_rank(values, len(values), zero)]


@working(1)
def sweep(values: Array, shape: tuple[int, int], settings: SweepSettings) -> Sweep:
    """Runs all starts of `settings` on a d1×d2 matrix with these non-zero singular values.

    Raises SettingsError when r > min(d1, d2), DataError when there are more values than that.

    >>> runs = sweep(np.ones(1), (50, 50), SweepSettings(seeds=100))
    >>> runs.converged, bool(abs(runs.last - 1).max() < 0.05)
    (100, True)
    """
    if settings.rank > min(shape):
        raise SettingsError(f"rank is {settings.rank}", f"it can be at most {min(shape)}")
    if values.size > min(shape):
        raise DataError(f"{values.size} singular values", f"{min(shape)} is the most there can be")
    k, r = values.size, settings.rank
    rng = np.random.default_rng(settings.seed)
    scale = settings.c_init * math.sqrt(values[0] / max(shape))
    method, chosen = _chosen(values, shape, settings)
    bounds = (values[min(r, k) - 1] * np.array(settings.tolerances)) ** 2
    group = max(1, _GROUP_BYTES // (8 * r * (k + r)))
    parts = []
    for first in range(0, settings.seeds, group):
        count = min(group, settings.seeds - first)
        with np.errstate(over="ignore"):  # a start past the largest number has diverged
            U, V = (scale * A for A in draw(rng, count, shape, k, r))
            alone = r == 1 and settings.method == PLAIN
            batch: Batch = RankOne(U, V, values) if alone else Stacks(U, V, values, method)
        parts.append(descend(batch, count, chosen["step_size"], bounds, settings.max_iter))
    joined = (np.concatenate(arrays, axis=-1) for arrays in zip(*parts, strict=True))
    return Sweep(settings, shape, values, chosen, *joined)


def _chosen(
    values: Array, shape: tuple[int, int], settings: SweepSettings
) -> tuple[Method, dict[str, float]]:
    """The method with its parameters, and Sweep.chosen. The excess of its problem is that over the
    least loss, so that zero is known to be the floor of what it is given.
    """
    method, sigma_1 = METHODS[settings.method], float(values[0])
    usual = method.step_size(1.0, 0.0, max(shape))
    c_step = settings.plain_step if settings.method == PLAIN else settings.c_step or usual
    eta = c_step / sigma_1**-method.power
    asked = parameters_of(settings)
    k = min(settings.rank, values.size)
    tuned = method.tuned(eta, optimum_of(values[: settings.rank + 1], k, floor=0.0), asked)
    told = {name: value for name, value in tuned.items() if name in asked}
    return method.having(tuned), {"c_step": c_step, "step_size": eta, **told}


def growth(sizes: Sequence[int], spectrum: Array | None, settings: SweepSettings) -> list[Sweep]:
    """The same sweep for d×d matrices of rank r, one for each d in sizes, from the same seed.

    Their singular values are the first r of `spectrum`, all equal without one.
    """
    values = np.ones(settings.rank) if spectrum is None else spectrum[: settings.rank]
    return [sweep(values, (d, d), settings) for d in sizes]


def recorded(
    runs: Sweep | None,
    grown: Sequence[Sweep] = (),
    bounds: Sequence[float] = BOUNDS,
    *,
    problem: Document = MappingProxyType({}),
    sources: Mapping[str, str] = MappingProxyType({}),
) -> SweepRecord:
    """What sweep() and growth() found, as mfact.storage.sweeps.write_sweep keeps it.

    problem: of the matrix, see MatrixSource.describe(). sources: where options came from; of others
    it is "argument" where they are not as by default.
    """
    settings = (runs or grown[0]).settings
    asked = {"growth": [found.shape[0] for found in grown] or None, "bounds": list(bounds)}
    usual = {name: option.default for name, option in options_of(settings).items()}
    usual |= {"growth": None, "bounds": list(BOUNDS)}
    came = {
        name: "default" if value == usual[name] else "argument"
        for name, value in {**vars(settings), **asked}.items()
    }
    sources = {**came, **sources}
    told = {name: {"value": value, "source": sources[name]} for name, value in asked.items()}
    return SweepRecord(
        runs=runs,
        grown=tuple(grown),
        bounds=tuple(bounds),
        problem=problem,
        settings={**told_settings(settings, sources, {}), **told},
        provenance=gather_lasting(),
    )
