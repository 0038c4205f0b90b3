"""Runs of one matrix that differ in chosen options: which they are, and what they are called."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from mfact.errors import MfactError, SettingsError
from mfact.host.memory import MemoryPlan, available_bytes
from mfact.methods.choice import METHODS
from mfact.options import flag, options_of, typed
from mfact.ranges import File, Flag, OneOf
from mfact.run.place import require_file
from mfact.run.refusals import check, idle, refuse_many_passes
from mfact.run.seeds import with_seed
from mfact.settings import STARTS, RunSettings
from mfact.targets.door import Held
from mfact.wishes import wish_of
from mfact.words import shown

MOST = 1000
"""Runs of one comparison."""

ALL = "all"
"""In place of values: every choice that an option has."""

KEPT_ROW_BYTES = 200
"""Of the trace, for each of about a thousand rows."""

Varied = Mapping[str, Sequence[Any]]
"""Options by name, and the values that each is given in turn, or ALL."""


@dataclass(frozen=True)
class Variation:
    """One of the runs. varied: what is its own, as option -> value. left: the options that were
    given to all and mean nothing in it: it has none of them.
    """

    settings: RunSettings
    varied: Mapping[str, Any]
    left: tuple[str, ...] = ()

    def sources(self, given: Mapping[str, str], varied: str) -> dict[str, str]:
        """Where its options came from. given: those of all; varied: those that were varied."""
        found = {
            **given,
            **dict.fromkeys(self.varied, varied),
            **dict.fromkeys(self.left, "default"),
        }
        if self.settings.seed is not None and found.get("seed", "default") == "default":
            found["seed"] = "drawn"
        return found

    @property
    def name(self) -> str:
        """Its own options as they are typed, as a name of files too.

        >>> Variation(RunSettings(rank=2), {"rank": 2, "step_size": None}).name
        'rank=2,step-size=none'
        """
        return ",".join(f"{n.replace('_', '-')}={typed(v)}" for n, v in self.varied.items())


@dataclass(frozen=True)
class Refused:
    """A variation that cannot be run, and why."""

    variation: Variation
    error: MfactError


def variations(
    settings: RunSettings, varied: Varied, given: Collection[str] = ()
) -> list[Variation]:
    """All combinations, the last option changing first, from one seed unless that is varied.

    given: options of `settings` that the user gave. One of these, or of the varied, that means
    nothing in a combination and something in another is left out of the first; what then is the
    same is run once.

    Raises SettingsError for what is no option of a run, a checkpoint, no list of values, and too
    many runs.

    >>> varied = {"schedule": ["constant", "power"], "delta": [0.1, 0.2]}
    >>> [run.name for run in variations(RunSettings(rank=1, seed=1), varied)]
    ['schedule=constant', 'schedule=power,delta=0.1', 'schedule=power,delta=0.2']
    """
    varied = {name: _values(name, values) for name, values in varied.items()}
    if (count := prod(len(values) for values in varied.values())) > MOST:
        raise SettingsError(f"{count} runs are asked for", f"vary less: at most {MOST} at a time")
    if settings.start in STARTS or "start" in varied:
        settings = with_seed(settings)
    combined = (dict(zip(varied, each, strict=True)) for each in product(*varied.values()))
    names = dict.fromkeys([*given, "seed", *varied])
    asked = [Variation(settings.changed(each), each) for each in combined]
    idles = [set(idle(run.settings, names)) for run in asked]
    nowhere = set.intersection(*idles)  # of which check() says so
    runs = {run.name: run for run in map(_without, asked, ([*(each - nowhere)] for each in idles))}
    return [*runs.values()]


def _values(name: str, values: Sequence[Any]) -> Sequence[Any]:
    """Those that an option is varied over."""
    require_variable(name)
    if values == ALL:
        return choices(name)
    if isinstance(values, str):
        raise SettingsError(
            f"{flag(name)} is varied over {shown(values)}, which is no list", "list its values"
        )
    if not len(values):
        raise SettingsError(f"{flag(name)} is varied over nothing", "name values")
    return values


def choices(name: str) -> tuple[Any, ...]:
    """Every choice that an option has, but "auto" where that takes one of several others. Raises
    SettingsError where they are no few.

    >>> choices("engine"), choices("fast_forward"), choices("start")[:2]
    (('direct', 'reduced'), ('auto', 'off'), ('gaussian', 'balanced'))
    """
    kind = options_of(RunSettings)[name].kind
    if name == "method":
        return tuple(METHODS)
    if isinstance(kind, Flag):
        return True, False
    found: tuple[str, ...] = ()
    if isinstance(kind, OneOf):
        found = kind.names
    elif isinstance(kind, File):
        found = kind.words
    if not found:
        raise SettingsError(f"{flag(name)} has no list of all its values", "name those to take")
    return tuple(each for each in found if each != "auto") if len(found) > 2 else found


def _without(run: Variation, idle: Sequence[str]) -> Variation:
    """The run without options that mean nothing in it."""
    options = options_of(RunSettings)
    usual = {name: options[name].default for name in idle}
    own = {name: value for name, value in run.varied.items() if name not in usual}
    left = tuple(sorted(usual.keys() - run.varied.keys()))
    return Variation(run.settings.changed(usual), own, left)


def require_variable(name: str) -> None:
    """Raise SettingsError for what is no option of a run, or changes nothing in its result."""
    options = options_of(RunSettings)
    if name not in options:
        raise SettingsError(
            f"a run has no option {shown(name)}",
            "`mfact solve --help` lists those that can be varied",
        )
    if name.startswith("checkpoint") or name in ("threads", "workers", "scheduler"):
        raise SettingsError(f"{flag(name)} changes no result", "vary another option")
    if name == "device":
        raise SettingsError("--device is that of all runs, which share M", "give it beside --vary")


def require_all(matrix: Held, runs: Sequence[Variation], given: Sequence[str]) -> None:
    """Raise what any of the runs is refused for before its first pass, or all for their memory; but
    not what another method in its place is not refused for, of which Made tells.

    given: names of the options that the user gave to all.
    """
    d1, d2 = matrix.shape
    errors: dict[tuple[tuple[str, str], ...], SettingsError] = {}
    require_file(matrix, runs[0].settings)  # all are held in one place
    size, fine = 0, set()
    for run in runs:
        if run.settings.rank is None:
            raise SettingsError("--rank is not given", "give it, or vary it")
        explicit = [name for name in given if name not in run.left]
        others = tuple((n, typed(value)) for n, value in run.varied.items() if n != "method")
        try:
            check(run.settings, matrix.shape, [*explicit, *run.varied])
            refuse_many_passes(run.settings)
            fine.add(others)
        except SettingsError as error:
            if run.settings.method not in METHODS:
                raise
            errors.setdefault(others, error)
    for others, refused in errors.items():
        if others not in fine:
            raise refused
    for run in runs:
        rank = 1 if wish_of(run.settings.rank) else run.settings.rank  # the least that it may be
        size += 8 * (d1 + d2) * rank + 1000 * KEPT_ROW_BYTES
    plan = MemoryPlan({f"results of {len(runs)} runs": size}, available_bytes() - matrix.needed)
    plan.check(
        "compare fewer runs, or run files that `mfact solve` wrote", subject="the comparison"
    )
