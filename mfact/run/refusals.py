"""What may be asked of a run: every option of its kind, and what goes with what."""

from __future__ import annotations

from collections.abc import Collection

from mfact.engines.choice import ENGINES
from mfact.errors import SettingsError
from mfact.methods.choice import METHODS
from mfact.options import means, options_of, refuse_idle, require_kinds
from mfact.problems.factorization import Factorization
from mfact.settings import RunSettings
from mfact.words import shown


def check(settings: RunSettings, shape: tuple[int, int], explicit: Collection[str] = ()) -> None:
    """Refuse what cannot run, before anything big is read or computed.

    explicit: names of the options that the user gave.

    Raises SettingsError with the two things that do not fit and what to type instead.
    """
    require_kinds(settings)
    if settings.method not in METHODS:
        raise SettingsError(
            f"--method is {shown(settings.method)}", f"choose one of {', '.join(METHODS)}"
        )
    if settings.max_iter is not None and settings.min_iter > settings.max_iter:
        raise SettingsError(
            f"--min-iter {shown(settings.min_iter)} is above --max-iter {shown(settings.max_iter)}",
            "raise --max-iter",
        )
    least = min(shape)
    if settings.rank > least:
        raise SettingsError(
            f"rank {shown(settings.rank)} is above min(d1, d2) = {least},"
            f" M is {shape[0]}×{shape[1]}",
            f"pass -r {least} or less",
        )
    if settings.schedule == "theorem-3.2" and settings.rank != 1:
        raise SettingsError(
            f"--schedule theorem-3.2 is for rank 1, and the rank is {settings.rank}",
            "use --schedule constant, or -r 1",
        )
    refuse_idle(options_of(settings), _chosen(settings), explicit)
    if settings.engine in ENGINES:
        reason = ENGINES[settings.engine].runs(Factorization, METHODS[settings.method])
        if reason:
            raise SettingsError(f"--engine {settings.engine} {reason}", "use --engine direct")


def idle(settings: RunSettings, names: Collection[str]) -> list[str]:
    """Those of the options that mean nothing with the others.

    >>> idle(RunSettings(rank=1, schedule="constant"), ["seed", "delta"])
    ['delta']
    """
    options, chosen = options_of(settings), _chosen(settings)
    return [name for name in names if not means(options[name], chosen)]


def _chosen(settings: RunSettings) -> dict[str, object]:
    return {**vars(settings), "schedule": resolved_schedule(settings)}


def resolved_schedule(settings: RunSettings) -> str:
    """The paper's choice where none is made: rank 1 a constant step, rank r > 1 decaying ones."""
    if settings.schedule != "auto":
        return settings.schedule
    if settings.rank == 1 and settings.step_size is None:
        return "theorem-3.2" if settings.objective == "plain" else "constant"
    return "constant" if settings.rank == 1 else "power"
