"""What the moves between checkpoints tell of the way that a network was trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mfact.chains.joints import Chain, Joint
from mfact.chains.kappa import HIDDEN, Moved
from mfact.core import Array, Claim, Verdict
from mfact.words import brief

SOURCE = "Du, Hu, Lee 2018, Theorem 2.1, in its discrete form; mfact, derived"
NEAR = 0.1  # of ‖w‖: at a move of this, κ of weights that know no law is about 10
BELOW, ABOVE = 1.0, 4.0  # see claims()
ONE_STEP = 1.0 + 4 * HIDDEN  # of κ_i, from which rounding hides whether it is 1
CAUSES = (
    "possible causes: momentum, an adaptive method, weight decay, steps of another size in some"
    " layers, an activation, bias or normalization that the pairing does not know, weights that are"
    " averages"
)


def claims(
    chain: Chain,
    moves: Sequence[Sequence[Moved]],
    steps_apart: int | None,
    names: Sequence[str],
) -> list[Claim]:
    """kappa-1, kappa-2, … of the joints in their order; none where there is one checkpoint.

    moves: of each interval between neighbouring checkpoints, of each joint. steps_apart: of the
    training, None where unknown. names: of the checkpoints.

    One step apart each κ_i ≤ 1 exactly: violated only where no rounding explains more. Else κ, the
    median over units and over the intervals with ‖Δw‖ ≤ 0.1‖w‖: k steps of plain gradient descent
    have about 1/k where they go one way, up to about 1 where they are random, and at the edge of
    stability 3 or 4, which is named among the causes. Without the law κ is about ‖w‖/‖Δw‖. So below
    1 holds, above 4 is violated, and between them, or where rounding hides more than half of the
    moves, it stays open.
    """
    if not moves:
        return []
    where = [f"between {first} and {second}" for first, second in pairwise(names)]
    return [
        _claim(h, joint, _Seen([each[h - 1] for each in moves], where), steps_apart)
        for h, joint in enumerate(chain.joints, 1)
    ]


def kappa_of(move: Moved, steps_apart: int | None) -> dict[str, float]:
    """κ of one move, where it can be told, as claims() judges it: "kappa", the median over units,
    "largest", and "without_bias" where there is one.
    """
    seen = _Seen([move], [""])
    is_told = steps_apart == 1 or move.relative <= NEAR
    return seen.numbers() if is_told and not seen.hides and move.judged.any() else {}


@dataclass(frozen=True, eq=False)
class _Seen:
    """The moves of a joint in some intervals; arrays are of all their units, one after the other.

    where: of each interval, between which checkpoints.
    """

    parts: Sequence[Moved]
    where: Sequence[str]

    def only(self, wanted: Sequence[bool]) -> _Seen:
        kept = [i for i, is_wanted in enumerate(wanted) if is_wanted]
        return _Seen([self.parts[i] for i in kept], [self.where[i] for i in kept])

    def near(self) -> _Seen:
        return self.only([part.relative <= NEAR for part in self.parts])

    def joined(self, of: Callable[[Moved], Array]) -> Array:
        return np.concatenate([of(part) for part in self.parts])

    @property
    def judged(self) -> Array:
        return self.joined(lambda part: part.judged)

    @property
    def kappa(self) -> Array:
        return self.joined(lambda part: part.kappa)

    @property
    def hides(self) -> str:
        """A sentence where rounding hides more than half of the moves."""
        hidden = int(np.sum(self.joined(lambda part: part.hidden)))
        if hidden <= np.sum(self.judged):
            return ""
        by = float(np.median(self.joined(lambda part: part.typical[part.hidden])))
        return (
            f"rounding of the stored weights hides it in {hidden} of {len(self.judged)} moves of a"
            f" unit, where it moves κ_i by about {brief(by)}"
        )

    def told(self) -> str:
        """Of how many moves the numbers are, and what κ is where the bias is forgotten."""
        counts = (
            (lambda part: part.still, "still"),
            (lambda part: part.hidden, "below rounding"),
            (lambda part: ~part.finite, "not finite"),
        )
        left = [(int(np.sum(self.joined(of))), what) for of, what in counts]
        apart = "".join(f", {count} {what}" for count, what in left if count)
        judged, numbers = self.judged, self.numbers()
        said = f"{judged.sum()} of {len(judged)} moves of a unit{apart}"
        if "without_bias" in numbers:
            said += f"; {brief(numbers['without_bias'])} if the bias were not counted"
        return said

    def numbers(self) -> dict[str, float]:
        judged = self.judged
        found = {
            "relative_move": max(part.relative for part in self.parts),
            "rounding": float(np.median(self.joined(_rounding))),
            "judged": float(judged.sum()),
        }
        if judged.any():
            found["kappa"] = float(np.median(self.kappa[judged]))
            found["largest"] = float(np.max(self.kappa[judged]))
            without = self.joined(lambda part: part.kappa_without_bias)[judged]
            without = without[np.isfinite(without)]  # not so where nothing but the bias moved
            if self.parts[0].joint.bias is not None and len(without):
                found["without_bias"] = float(np.median(without))
        return found


def _rounding(part: Moved) -> Array:
    return part.typical[part.finite & ~part.still]


def _claim(h: int, joint: Joint, seen: _Seen, steps_apart: int | None) -> Claim:
    is_one_step = steps_apart == 1
    p = "" if joint.degree == 1 else str(joint.degree)
    kappa = f"|ΔQ_i| / (‖Δin_i‖² + {p}‖Δout_i‖²) of the units of {joint.first} – {joint.second}"
    statement = f"κ, the median of {kappa}, is below 1: Q_i moves in second order, as under plain"
    statement += " gradient descent"
    if is_one_step:
        statement = f"κ_i = {kappa} is at most 1, as after one step of plain gradient descent"
    moving = seen.only([bool(np.any(part.finite & ~part.still)) for part in seen.parts])
    near = moving if is_one_step else moving.near()
    numbers: dict[str, float] = {}
    if not moving.parts:
        verdict, detail = Verdict.NOT_MET, "no weight of these units moved"
    elif not near.parts:
        numbers = {"relative_move": min(part.relative for part in moving.parts)}
        verdict, detail = (
            Verdict.NOT_MET,
            f"checkpoints too far apart to say: ‖Δw‖ is {brief(numbers['relative_move'])}‖w‖"
            f"{' and more' if len(moving.parts) > 1 else ''}, above {NEAR:g}‖w‖",
        )
    else:
        verdict, detail = _one_step(near) if is_one_step else _median(near, steps_apart)
        numbers = near.numbers()
    return Claim(f"kappa-{h}", statement, verdict, detail, SOURCE, numbers)


def _one_step(seen: _Seen) -> tuple[Verdict, str]:
    kappa, over = seen.kappa, seen.joined(lambda part: part.over)
    if over.any():
        worst = int(np.argmax(np.where(over, kappa, 0.0)))
        units = seen.parts[0].joint.units
        sure = float(seen.joined(lambda part: part.sure)[worst])
        return Verdict.VIOLATED, (
            f"κ_i is {brief(float(kappa[worst]))} in unit {worst % units}, counted from 0,"
            f" {seen.where[worst // units]}, where rounding explains up to {brief(1 + sure)}; above"
            f" that in {over.sum()} of {len(over)} moves of a unit: this was no single step of"
            f" plain gradient descent; {CAUSES}, several steps, gradients of low precision"
        )
    if seen.hides:
        return Verdict.INCONCLUSIVE, seen.hides
    median, largest = (seen.numbers()[name] for name in ("kappa", "largest"))
    if largest > ONE_STEP:
        return Verdict.INCONCLUSIVE, (
            f"the largest κ_i is {brief(largest)}, which rounding of the stored weights can explain"
        )
    said = f"the largest κ_i is {brief(largest)}, the median {brief(median)} ({seen.told()})"
    return Verdict.HOLDS, said


def _median(seen: _Seen, steps_apart: int | None) -> tuple[Verdict, str]:
    if seen.hides:
        return Verdict.INCONCLUSIVE, seen.hides
    kappa = seen.numbers()["kappa"]
    aligned = ""
    if steps_apart is not None:
        aligned = f"; about {brief(1 / steps_apart)} where {steps_apart} steps go one way"
    said = f"κ is {brief(kappa)} ({seen.told()}{aligned})"
    if kappa < BELOW:
        return Verdict.HOLDS, f"{said}, as the law predicts"
    if kappa <= ABOVE:
        return Verdict.INCONCLUSIVE, f"{said}, between {BELOW:g} and {ABOVE:g}"
    return Verdict.VIOLATED, (
        f"{said}: the weights did not move as plain gradient descent moves those of units that"
        f" scale; {CAUSES}, steps at the edge of stability"
    )
