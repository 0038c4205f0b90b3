"""A run held against its matrix and against what is required of it, and what that found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mfact.core import Claim, Result, Verdict, violated
from mfact.run.doing import NOTHING, Doing
from mfact.run.looking import looked_at
from mfact.studies.check import recompute
from mfact.studies.requirements import Requirement, evaluate
from mfact.targets.door import Held


@dataclass(frozen=True)
class Judged:
    """Claims with their verdicts, in a line: sentence."""

    sentence: str
    claims: tuple[Claim, ...] = field(repr=False)

    @property
    def violated(self) -> tuple[str, ...]:
        """The names of the claims that are violated."""
        return tuple(claim.name for claim in violated(self.claims))

    @property
    def holds(self) -> bool:
        """Whether no claim is violated, a requirement among them."""
        return not self.violated


@dataclass(frozen=True)
class Checked(Judged):
    """What a check found.

    claims: what was required, then the claims of the check and of the run. numbers: recomputed ones
    by name (see mfact.studies.check.Check).
    """

    numbers: Mapping[str, float] = field(repr=False)


def parsed(require: Sequence[str]) -> list[Requirement]:
    """Requirements as they are typed. Raises SettingsError for one that cannot be read."""
    return [Requirement.parse(text) for text in require]


def checked(
    matrix: Held,
    result: Result,
    requirements: Sequence[Requirement],
    tol: float | None = None,
    doing: Doing = NOTHING,
) -> Checked:
    """Recompute a run, and hold it to requirements.

    tol: gap that counts as optimal; None: that of the run. doing: told how far it is.
    Raises what recompute, evaluate and reading the matrix raise.
    """
    with looked_at(matrix, doing) as target, doing.now("recomputing"):
        found = recompute(target, result, tol=tol)
    required = evaluate(requirements, found.numbers, found.claims)
    claims = (*required, *found.claims)
    return Checked(judged(required, found.claims), claims, found.numbers)


def judged(required: Sequence[Claim], others: Sequence[Claim]) -> str:
    """What became of claims, in a line; required: those that were asked for."""
    if failed := [claim.name for claim in violated((*required, *others))]:
        return f"violated: {', '.join(failed)}"
    count = len(required)
    met = "the requirement is met; " if count == 1 else f"all {count} requirements are met; "
    return (met if count else "") + counted(others)


def counted(claims: Sequence[Claim]) -> str:
    """How many claims hold, could not be judged, and are violated, as a clause.

    >>> counted([Claim("ledger", "", Verdict.HOLDS, "", "")])
    '1 claim holds, 0 could not be judged, none is violated'
    """
    verdicts = [claim.verdict for claim in claims]
    held, failed = verdicts.count(Verdict.HOLDS), verdicts.count(Verdict.VIOLATED)
    unjudged = len(verdicts) - held - failed
    hold = "claim holds" if held == 1 else "claims hold"
    are = "are" if failed > 1 else "is"
    return f"{held} {hold}, {unjudged} could not be judged, {failed or 'none'} {are} violated"
