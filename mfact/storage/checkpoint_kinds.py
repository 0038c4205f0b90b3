"""What stands at each place of the document of a run's checkpoint."""

from __future__ import annotations

import re
from typing import Any

from mfact.core import Distance, Optimum
from mfact.gradient_flow.records import State as FlightState
from mfact.krylov.basis import Basis
from mfact.krylov.spectrum import Spectrum
from mfact.schedules import Constant, PowerDecay
from mfact.settings import ENGINES, RunSettings
from mfact.storage.door import FINGERPRINT, PROBLEM
from mfact.storage.kinds import (
    Kind,
    amount,
    any_number,
    anything,
    bound,
    count,
    flag,
    listing,
    maybe,
    number,
    of_fields,
    one_of,
    plain,
    positive,
    record,
    refuse,
    row,
    text,
    whole,
    wish,
)
from mfact.theory.monitors import Monitors

SCHEDULES: dict[str, type[Constant] | type[PowerDecay]] = {
    "Constant": Constant,
    "PowerDecay": PowerDecay,
}
_FLOWN = (
    "step", "log10_step", "step_size", "flow_time", "loss", "above", "optimum", "penalty",
    "relative_residual", "gradient_norm", "imbalance", "relative_imbalance", "drift", "norm_ratio",
    "size_U", "size_V", "leak", "distance",
)  # fmt: skip
_PEAK = row(maybe(any_number), maybe(text), maybe(text))
_LAST = dict.fromkeys(("step", "loss", "gradient_norm", "step_size"), any_number)


def _levels(value: Any, place: str) -> None:
    record({}, row(*[any_number] * 5, text))(value, place)
    for name in value:
        if not re.fullmatch(r"-?\d{1,9}", name, re.ASCII):
            refuse(name, place, "a level")


# What the monitors keep, by its name, in whichever of them.
_KEPT: dict[str, Kind] = {
    **dict.fromkeys(
        (
            "imbalance",
            "rise",
            "norms",
            "shortfall",
            "steps",
            "audit",
            "drift",
            "high",
            "low",
            "line_1",
            "condition",
        ),
        _PEAK,
    ),
    **dict.fromkeys(("first_loss", "last_loss", "residual", "last_ratio"), maybe(any_number)),
    **dict.fromkeys(("reached", "at", "lost"), maybe(text)),
    **dict.fromkeys(
        ("largest_step", "squares", "largest_size", "largest", "rounded", "allowed", "flow_time"),
        any_number,
    ),
    **dict.fromkeys(("count", "rows"), count),
    "passed": listing(any_number),
    "levels": _levels,
}
# And what some of them keep beside, which keep nothing else.
_OWN: dict[str, dict[str, Kind]] = {
    "certified": dict.fromkeys(
        ("first", "last"), maybe(record({**_LAST, "imbalance": any_number}))
    ) | {"skipped": flag},
    "ledger": {
        "last": maybe(record(
            {**_LAST, "size": any_number, "move": any_number}, needed=(*_LAST, "size")
        )),
        "skipped": maybe(text),
    },
    "log-det-law": {"last": maybe(row(any_number, any_number))},
}  # fmt: skip
# What checkpoints of gradient descent of mfact 0.11 lack.
_LATER = ("line_1", "log-det-law")
_MEMBERS: Any = Monitors().members
_MONITORS = record({
    name: record({kept: {**_KEPT, **_OWN.get(name, {})}[kept] for kept in member.kept},
                 None if name in _OWN else plain,
                 needed=[kept for kept in member.kept if kept not in _LATER])
    for name, member in _MEMBERS.items()
}, needed=[name for name in _MEMBERS if name not in _LATER])  # fmt: skip


def of_state(*, bases: bool, shared: bool = False) -> Kind:
    """The numbers of a state; where its arrays lie is told by the axes beside them.

    bases: its point is in bases of M. shared: its coordinates are another state's.
    """
    axes = listing(count)
    known: dict[str, Kind] = {"step": count, "flow_time": any_number}
    known |= {f"distance/{name}": kind for name, kind in of_fields(Distance).items()}
    known |= {f"distance/{name}": bound for name in ("bound", "rho", "top")}
    others: dict[str, Kind] = {}
    if not shared and not bases:
        known |= {"optimum": maybe(OPTIMUM), "ahead": whole}
        others = {"each": count}
    elif not shared:
        known |= {f"basis/{side}": row(count, count) for side in ("left", "right")}
        known |= {
            f"basis/{name}": kind
            for name, kind in of_fields(Basis).items()
            if name not in ("left", "right")
        }
        spectrum = {f"spectrum/{name}": kind for name, kind in of_fields(Spectrum).items()}
        grown = {"krylov": record({"changed": count, "energy": number, "unseen": number})}
        others = spectrum | grown
    check = record({**known, **others}, axes, needed=list(known))

    def checked(value: Any, place: str) -> None:
        check(value, place)
        if "krylov" in others and ("krylov" in value) == (spectrum.keys() <= value.keys()):
            raise ValueError(f"{place} lacks a part of its spectrum")

    return checked


OPTIMUM = record(of_fields(Optimum))
RECORDER = listing(row(text, text, count))
WATCH = record(
    {
        **dict.fromkeys(("first_loss", "anchor_loss", "tol"), maybe(number)),
        **dict.fromkeys(("anchor_step", "next_look", "flat"), count),
    }
)
_SCHEDULE = {
    name: record({"kind": text, "fields": record(of_fields(kind))})
    for name, kind in SCHEDULES.items()
}


def _schedule(value: Any, place: str) -> None:
    record({"kind": one_of(*SCHEDULES)}, plain)(value, place)
    _SCHEDULE[value["kind"]](value, place)


_FLIGHT = record(
    of_fields(FlightState)
    | dict.fromkeys(("time", "handover_flow_time"), amount)
    | dict.fromkeys(("solver_steps", "handover"), count)
    | {"next_step": positive}
)
_CHOSEN: dict[str, Kind] = {
    "schedule": _schedule, "scale": maybe(number), "sigma_1": amount, "sigma_1_error": amount,
    "first_passes": count, "tol": number, "engine": one_of(*ENGINES[1:]), "why": text,
    "forecast": maybe(number), "need": maybe(row(count, count)), "basis": text,
    "basis_limit": count, "modes": count, "escape": listing(any_number),
}  # fmt: skip
_PARTS: dict[str, Kind] = {
    "settings": record(of_fields(RunSettings), needed=("rank", "dtype")),
    "sources": record({}, text),
    "named": record({"path": maybe(text), "dataset": maybe(text), "follow_links": maybe(flag),
                     "transpose": maybe(flag)}, needed=()),
    "described": PROBLEM,
    "output": maybe(text),
    "fingerprint": FINGERPRINT,
    "chosen": record(
        _CHOSEN | {"tuned": record({}, number)}, needed=tuple(_CHOSEN)
    ),
    "recorder": RECORDER,
    "watch": WATCH,
    "monitors": _MONITORS,
    "notes": listing(text),
    "escapes": count,
    "optimum": maybe(OPTIMUM),
    "passes": count,
    "state": record({"step": count}, anything),
    "good": maybe(record({"step": count}, anything)),
    "flight": maybe(
        record(
            {"at": maybe(_FLIGHT), "leaked": bound, "error": bound,
             "rows": listing(record(dict.fromkeys(_FLOWN, any_number), any_number))}
        )
    ),
    "seconds": number,
    "wall_seconds": number,
}  # fmt: skip
CHECKPOINT = record(_PARTS | {"modes": RECORDER, "wish": wish}, needed=tuple(_PARTS))
