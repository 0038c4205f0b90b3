"""What is asked of matrices and runs beside solving, and matrices made to try things on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from os import fspath
from typing import Any, Unpack

from mfact.core import Array
from mfact.options import options_of
from mfact.python.arguments import FlowOptions, Matrix, Path, SweepOptions, begun, held_of, opened
from mfact.python.door import spoken
from mfact.python.result import Result
from mfact.run.ranked import LEADING
from mfact.settings import FLOW_OPTIONS, SweepSettings
from mfact.storage.runs import read_run
from mfact.studies.checked import Checked, checked, parsed
from mfact.studies.flow import Study, flow_settings, study
from mfact.studies.generate import chosen_spectrum, generate_matrix
from mfact.studies.memory import (
    plan_flow,
    plan_generated,
    plan_inspection,
    plan_starts,
    plan_sweep,
)
from mfact.studies.prospect import Prospect, prospect
from mfact.studies.sweep import singular_values
from mfact.studies.sweep import sweep as run_all
from mfact.targets.door import held
from mfact.theory.frequencies import Sweep


@spoken()
def inspect(
    matrix: Matrix,
    *,
    rank: int | str | None = None,
    leading: int = LEADING,
    center: str = "none",
    dataset: str | None = None,
    follow_links: bool = False,
    transpose: bool = False,
    max_memory: int | None = None,
) -> Prospect:
    """Look at a matrix: its spectrum, its numerical rank, and what it would take to factor it.

    matrix, dataset, follow_links, transpose, max_memory: as for solve. rank: the forecast is for,
    as for solve; None: the suggested one. leading: how many singular values are computed beyond
    1500 rows and columns. center: "mean", "columns" or "rows" looks at what is left less these.

    Raises MfactError for what is no matrix, and a rank above min(d1, d2) or that is not found.

    >>> inspect([[4.0, 0.0], [0.0, 2.0]]).singular_values
    (4.0, 2.0)
    """
    plan = partial(
        plan_inspection, leading=leading, rank=rank, max_memory=max_memory, center=center
    )
    return prospect(
        opened(matrix, dataset, follow_links, transpose, plan),
        rank=rank,
        leading=leading,
        center=center,
        max_memory=max_memory,
    )


@spoken()
def check(
    run: Result | Path,
    matrix: Matrix | None = None,
    *,
    require: Sequence[str] = (),
    tol: float | None = None,
    dataset: str | None = None,
    follow_links: bool = False,
    transpose: bool = False,
    max_memory: int | None = None,
) -> Checked:
    """Recompute a run from its factors and its matrix, and hold it to what is required.

    run: a result, or the path of a run file. matrix: its own, as for solve; None: the file that the
    run names. require: numbers against limits ("gap<1e-8") and claims that must hold ("ledger").
    tol: gap that counts as optimal; None: that of the run. max_memory: as for solve.

    Raises MfactError for a matrix that does not fit, and a requirement of what there is not.

    >>> import mfact
    >>> M = [[3.0, 0.0], [4.0, 0.0]]
    >>> check(mfact.solve(M, 1, seed=1), M, require=["gap<1e-8"]).holds
    True
    """
    requirements = parsed(require)
    path = None if isinstance(run, Result) else fspath(run)
    record = run.record if isinstance(run, Result) else read_run(run)
    M = held_of(record, path, matrix, dataset, follow_links, transpose, max_memory=max_memory)
    return checked(M, record, requirements, tol)


@spoken(options_of(SweepSettings), SweepOptions)
def sweep(
    matrix: Matrix,
    rank: int = 1,
    *,
    dataset: str | None = None,
    follow_links: bool = False,
    transpose: bool = False,
    max_memory: int | None = None,
    **options: Unpack[SweepOptions],
) -> Sweep:
    """Run a method from many gaussian starts at once, and count.

    matrix, dataset, follow_links, transpose, max_memory: as for solve. rank: r, the columns of U
    and V.

    Raises MfactError for options out of range or that do not fit together, and a matrix of zeros.
    Source: Du, Hu, Lee 2018, Theorem 3.2.

    >>> sweep([[3.0, 0.0], [4.0, 0.0]], seeds=100).converged
    100
    """
    settings = SweepSettings(rank=rank, **options)
    plan_starts(settings)
    plan = partial(plan_sweep, max_memory=max_memory, center=settings.center)
    M = held(opened(matrix, dataset, follow_links, transpose, plan), "float64")
    return run_all(singular_values(M, rank, center=settings.center), M.shape, settings)


@spoken(FLOW_OPTIONS, FlowOptions)
def flow(
    matrix: Matrix,
    rank: int | str,
    *,
    dataset: str | None = None,
    follow_links: bool = False,
    transpose: bool = False,
    max_memory: int | None = None,
    **options: Unpack[FlowOptions],
) -> Study:
    """Follow the gradient flow d(U, V)/ds = −∇f(U, V), the limit of small steps, and take steps of
    methods to where their own flows go.

    matrix, rank, dataset, follow_links, transpose, max_memory: as for solve; start may also be two
    arrays (U, V).

    Raises MfactError for options out of range or that do not fit together, and a matrix of zeros.

    >>> bool(flow([[3.0, 0.0], [4.0, 0.0]], 1).flow.drift.max() < 1e-8)
    True
    """
    given: dict[str, Any] = {"rank": rank, **options}
    factors = None
    if "start" in given:
        given["start"], factors = begun(given["start"])
    defaults = {name: option.default for name, option in FLOW_OPTIONS.items()}
    settings = flow_settings(defaults | given, given)
    plan = partial(plan_flow, settings=settings, max_memory=max_memory)
    return study(opened(matrix, dataset, follow_links, transpose, plan), settings, factors)


@spoken()
def generate(
    shape: tuple[int, int],
    *,
    rank: int | None = None,
    spectrum: Sequence[float] | None = None,
    condition: float | None = None,
    noise: float = 0.0,
    seed: int = 0,
    dtype: str = "float64",
) -> Array:
    """Make a matrix with known singular values, d1×d2: Q₁ diag(σ) Q₂ᵀ + noise.

    shape: (d1, d2). rank: how many are not zero; spectrum: or these themselves. condition: κ, σ
    falls from κ to 1 in equal ratios (5 where no spectrum is given). noise: a, adds
    a·N(0,1)/√(d1·d2) to each entry. seed: of the random numbers. dtype: of the entries.

    Raises SettingsError for options that do not fit together or the shape.

    >>> generate((6, 4), spectrum=[3, 2], seed=1).shape
    (6, 4)
    """
    values = chosen_spectrum(shape, rank, spectrum, condition)
    plan_generated(shape, len(values), written=False)
    return generate_matrix(shape, values, noise=noise, seed=seed, dtype=dtype)
