"""What is asked of a flow: every option of `mfact flow`, stated once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mfact.options import Option, Settings, options_of
from mfact.ranges import MOST_INDEX, Count, OneOf, SomeOf
from mfact.settings.run import METHODS
from mfact.settings.shared import (
    BALANCE_WEIGHT,
    CENTER,
    FROM_0,
    OBJECTIVE,
    POSITIVE,
    RANK,
    SEED,
    START,
    START_RATIO,
    START_SCALE,
)

COMPARED = SomeOf(METHODS)


# fmt: off
@dataclass(frozen=True)
class FlowSettings(Settings):
    """What is asked of a flow; start may also be what the factors given are called, rank a wish.

    weight: λ of the balance term, 0 for objective (1).
    """

    rank: int = RANK.field()
    weight: float = 0.0
    center: str = CENTER.field()
    start: str = START.field()
    start_scale: float | None = START_SCALE.field()
    start_ratio: float = START_RATIO.field()
    imbalance: float = Option(
        0.0, "Start", "λ in D₀ = λI of the balanced start, in units of M.", FROM_0,
        belongs=("start", ("balanced",))).field()
    seed: int = replace(
        SEED, default=0, words="Seed of the start; printed.",
        belongs=("start", ("gaussian", "balanced", "unbalanced"))).field()
    time: float | None = Option(
        None, "Stopping", "Flow time to reach, in units of 1/M.", POSITIVE,
        unset="until the slowest of the r modes is fitted to 1e-6").field()
    solver: str = Option(
        "auto", "Computation",
        "auto: the closed form where it holds (plain with D₀ = λI, balanced with weight 1), else "
        "ode, which is DOP853.", OneOf(("auto", "closed-form", "ode"))).field()
    points: int = Option(
        11, "Output", "Times shown, evenly spaced.", Count(least=2, most=MOST_INDEX)).field()
    compare: str | Sequence[str] | None = Option(
        None, "Computation",
        f"Take steps too, at six sizes, each method's beside its own flow: {', '.join(METHODS)}; "
        "all: each, adam for the plain objective alone.", COMPARED,
        metavar="METHOD,METHOD…", unset="none").field()
# fmt: on


FLOW_OPTIONS = {
    **{"rank": RANK, "objective": OBJECTIVE, "balance_weight": BALANCE_WEIGHT},
    **options_of(FlowSettings),
}
"""What is asked of a flow, as it is asked, in the order of the help."""
