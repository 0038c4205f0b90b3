"""What a user requires of a run: `gap<1e-8`, `lemma-3.1`, each held against the numbers."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from mfact.core import Claim, Verdict
from mfact.errors import SettingsError

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_FORM = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*(?:(<=|>=|==|<|>)\s*(\S+)\s*)?")


@dataclass(frozen=True)
class Requirement:
    """One requirement: a number against a limit, or a claim (relation "") that must hold.

    text: as it was typed. name: of the number or the claim. relation: <, <=, >, >= or ==.
    """

    text: str
    name: str
    relation: str = ""
    limit: float = math.nan

    def is_of(self, names: Sequence[str]) -> bool:
        """Whether it is of one of these, or of one that continues it: kappa_1, kappa-1."""
        return any(re.fullmatch(rf"{name}([_-]\d+)?", self.name) for name in names)

    @classmethod
    def parse(cls, text: str) -> Requirement:
        """From `NAME<NUMBER` (also <=, >, >=, ==) or the name of a claim.

        Raises SettingsError for anything else.

        >>> Requirement.parse("gap < 1e-8").limit, Requirement.parse("lemma-3.1").relation
        (1e-08, '')
        """
        match = _FORM.fullmatch(text)
        limit = math.nan
        if match and match[2]:
            try:
                limit = float(match[3])
            except ValueError:
                match = None
        if not match or (match[2] and math.isnan(limit)):
            raise SettingsError(
                f"cannot read the requirement {text!r}",
                "write a number against a limit, as gap<1e-8, or a claim, as lemma-3.1",
            )
        return cls(text.strip(), match[1], match[2] or "", limit)


def evaluate(
    requirements: Sequence[Requirement], numbers: Mapping[str, float], claims: Sequence[Claim]
) -> list[Claim]:
    """One claim for each requirement, which holds or is violated.

    A number that is not known or not finite fails. A claim's name also stands for those
    that continue it with a dash: lemma-3.1 for -i, -ii and -iii; each of them must hold, and
    neither "inconclusive" nor "hypotheses not met" will do.
    Raises SettingsError for a name that is neither a number nor a claim.

    >>> evaluate([Requirement.parse("gap<1e-8")], {"gap": 1e-9}, [])[0].verdict
    <Verdict.HOLDS: 'holds'>
    """
    return [
        _number(r, numbers, claims) if r.relation else _holds(r, numbers, claims)
        for r in requirements
    ]


def _number(r: Requirement, numbers: Mapping[str, float], claims: Sequence[Claim]) -> Claim:
    if r.name not in numbers:
        raise _unknown(r, numbers, claims, "number")
    value = numbers[r.name]
    good = not math.isnan(value) and _COMPARE[r.relation](value, r.limit)
    return Claim(
        f"require {r.text}",
        f"{r.name} {r.relation} {r.limit:g}",
        Verdict.HOLDS if good else Verdict.VIOLATED,
        f"{r.name} is {value:.6g}",
        "required",
        {r.name: value, "limit": r.limit},
    )


def _holds(r: Requirement, numbers: Mapping[str, float], claims: Sequence[Claim]) -> Claim:
    meant = [c for c in claims if c.name == r.name]
    meant = meant or [c for c in claims if c.name.startswith(f"{r.name}-")]
    if not meant:
        raise _unknown(r, numbers, claims, "claim")
    failed = [c for c in meant if c.verdict is not Verdict.HOLDS]
    return Claim(
        f"require {r.text}",
        f"{r.name} holds",
        Verdict.VIOLATED if failed else Verdict.HOLDS,
        "; ".join(f"{c.name}: {c.verdict}: {c.detail}" for c in failed or meant),
        "required",
    )


def _unknown(
    r: Requirement, numbers: Mapping[str, float], claims: Sequence[Claim], kind: str
) -> SettingsError:
    names = list(numbers) if kind == "number" else [claim.name for claim in claims]
    near = get_close_matches(r.name, names, 1)
    known = f"did you mean {near[0]}?" if near else f"choose from {', '.join(sorted(names))}"
    if kind == "claim" and r.name in numbers:
        known = f"it is a number: require {r.name}<LIMIT"
    return SettingsError(f"{r.text!r} requires {r.name}, which is no {kind} here", known)
