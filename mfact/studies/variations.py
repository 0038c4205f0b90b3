"""Runs of one matrix that differ in chosen options: made one after another, M read once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import prod
from typing import Any

from mfact.core import Result
from mfact.errors import MemoryPlanError, MfactError, SettingsError
from mfact.host.memory import MemoryPlan, available_bytes
from mfact.host.threads import working
from mfact.options import flag, options_of, typed
from mfact.run.doing import NOTHING, Doing
from mfact.run.memory import plan_of
from mfact.run.prepare import found_in, plan_to_find, require_room
from mfact.run.ranked import Ranked
from mfact.run.refusals import check, idle
from mfact.run.seeds import with_seed
from mfact.settings import STARTS, RunSettings
from mfact.studies.differing import Subject
from mfact.targets.door import Held
from mfact.wishes import wish_of
from mfact.words import shown

MOST = 1000
"""Runs of one comparison."""

KEPT_ROW_BYTES = 200
"""Of the trace, for each of about a thousand rows."""

Varied = Mapping[str, Sequence[Any]]
"""Options by name, and the values that each is given in turn."""


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

    Raises SettingsError for what is no option of a run, a checkpoint, and too many runs.

    >>> varied = {"schedule": ["constant", "power"], "delta": [0.1, 0.2]}
    >>> [run.name for run in variations(RunSettings(rank=1, seed=1), varied)]
    ['schedule=constant', 'schedule=power,delta=0.1', 'schedule=power,delta=0.2']
    """
    for name, values in varied.items():
        require_variable(name)
        if not values:
            raise SettingsError(f"{flag(name)} is varied over nothing", "name values")
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
    if name.startswith("checkpoint") or name == "threads":
        raise SettingsError(f"{flag(name)} changes no result", "vary another option")


def require_all(matrix: Held, runs: Sequence[Variation], given: Sequence[str]) -> None:
    """Raise what any of the runs is refused for before its first pass, or all for their memory.

    given: names of the options that the user gave to all.
    """
    d1, d2 = matrix.shape
    size = 0
    for run in runs:
        if run.settings.rank is None:
            raise SettingsError("--rank is not given", "give it, or vary it")
        explicit = [name for name in given if name not in run.left]
        check(run.settings, matrix.shape, [*explicit, *run.varied])
        rank = 1 if wish_of(run.settings.rank) else run.settings.rank  # the least that it may be
        size += 8 * (d1 + d2) * rank + 1000 * KEPT_ROW_BYTES
    plan = MemoryPlan({f"results of {len(runs)} runs": size}, available_bytes() - matrix.needed)
    plan.check(
        "compare fewer runs, or run files that `mfact solve` wrote", subject="the comparison"
    )


def made(
    hold: Callable[[str], Held],
    runs: Sequence[Variation],
    solve: Callable[[Held, Variation, Ranked | None], Result],
    doing: Doing = NOTHING,
) -> Iterator[Subject | Refused]:
    """Each run in turn, and in its place why it is refused: a forecast beyond its limits, say.

    hold: the matrix in the arithmetic of a dtype, which is read once for each, if it fits into
    memory beside the largest run. solve: runs one, with a rank that was found for it, once for all
    that wish for the same.
    Raises SettingsError where the rank that all wish for is not found.
    """
    read: dict[str, Held] = {}
    found: dict[tuple[str, str, str], Ranked] = {}
    with working(runs[0].settings.threads) as workers:  # of all: they are not varied
        for run in runs:
            kind, wish = run.settings.dtype, wish_of(run.settings.rank)
            if kind not in read:
                alike = [other.settings for other in runs if other.settings.dtype == kind]
                M, _ = hold(kind).fitted(partial(_largest, alike))
                read[kind] = M.read(doing.read, workers)
            M, ranked = read[kind], None
            try:
                if wish is not None:
                    asked = kind, run.settings.center, wish
                    if asked not in found:
                        less = M.centred(run.settings.center)
                        require_room(less, run.settings, plan_to_find(less, run.settings))
                        target = less.target(None, doing.read, doing.passed, workers)
                        found[asked] = found_in(less, target, run.settings)
                    ranked = found[asked]
                yield Subject(run.name, solve(M, run, ranked))
            except (SettingsError, MemoryPlanError) as error:
                if wish is not None and ranked is None and "rank" not in run.varied:
                    raise
                yield Refused(run, error)


def _largest(runs: Sequence[RunSettings], matrix: Held) -> MemoryPlan:
    """Of their plans the one that is furthest beyond its limit."""
    plans = (
        (plan_of if wish_of(each.rank) is None else plan_to_find)(matrix.centred(each.center), each)
        for each in runs
    )
    return max(plans, key=lambda plan: plan.total - plan.limit)
