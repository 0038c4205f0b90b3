"""What stands at each place of the document of a run's checkpoint."""

from __future__ import annotations

import re
from typing import Any

from mfact.core import Optimum
from mfact.engines.measures import Conserved
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
        ("imbalance", "rise", "norms", "shortfall", "steps", "audit", "drift", "high", "low"), _PEAK
    ),
    **dict.fromkeys(("first_loss", "last_loss", "residual", "last_ratio"), maybe(any_number)),
    **dict.fromkeys(("reached", "at"), maybe(text)),
    **dict.fromkeys(
        ("largest_step", "squares", "largest_size", "rounded", "allowed", "flow_time"), any_number
    ),
    **dict.fromkeys(("count", "rows"), count),
    "passed": listing(any_number),
    "levels": _levels,
}
_MEMBERS: Any = Monitors().members
_MONITORS = record(
    {
        name: record({kept: _KEPT[kept] for kept in member.kept if kept in _KEPT}, plain)
        for name, member in _MEMBERS.items()
    }
    | {
        "certified": record(
            {kept: _KEPT[kept] for kept in ("imbalance", "shortfall", "steps")}
            | dict.fromkeys(("first", "last"), maybe(record({**_LAST, "imbalance": any_number})))
            | {"skipped": flag}
        ),
        "ledger": record(
            {kept: _KEPT[kept] for kept in _MEMBERS["ledger"].kept if kept in _KEPT}
            | {"last": maybe(record({**_LAST, "size": any_number})), "skipped": maybe(text)}
        ),
    }
)


def of_state(*, coordinates: bool) -> Kind:
    """The numbers of a state; where its arrays lie is told by the axes beside them."""
    axes = listing(count)
    known: dict[str, Kind] = {"step": count}
    known |= {f"conserved/{name}": kind for name, kind in of_fields(Conserved).items()}
    del known["conserved/optimum"]
    known |= {f"conserved/{name}": bound for name in ("distance", "rho", "top")}
    optional = {f"conserved/{name}" for name in ("rho", "top")}
    if coordinates:
        known |= {
            "coordinates": record({"changed": count, "energy": number, "unseen": number}),
            **{f"basis/{side}": row(count, count) for side in ("left", "right")},
            **{f"basis/{name}": kind for name, kind in of_fields(Basis).items()
               if name not in ("left", "right")},
        }  # fmt: skip
    others = {f"spectrum/{name}": kind for name, kind in of_fields(Spectrum).items()}
    others["conserved/optimum"] = OPTIMUM
    check = record({**known, **others}, axes, needed=[n for n in known if n not in optional])

    def checked(value: Any, place: str) -> None:
        check(value, place)
        if "spectrum/tail" in value and not others.keys() - {"conserved/optimum"} <= value.keys():
            raise ValueError(f"{place} lacks a part of its spectrum")

    return checked


OPTIMUM = record(of_fields(Optimum))
_SCHEDULE = {
    name: record({"kind": text, "fields": record(of_fields(kind))})
    for name, kind in SCHEDULES.items()
}


def _schedule(value: Any, place: str) -> None:
    record({"kind": one_of(*SCHEDULES)}, plain)(value, place)
    _SCHEDULE[value["kind"]](value, place)


CHECKPOINT = record(
    {
        "settings": record(of_fields(RunSettings), needed=("rank", "dtype")),
        "sources": record({}, text),
        "matrix": record({"path": maybe(text), "dataset": maybe(text), "follow_links": maybe(flag)},
                         needed=()),
        "described": PROBLEM,
        "output": maybe(text),
        "fingerprint": FINGERPRINT,
        "plan": record(
            {"weight": number, "schedule": _schedule, "scale": maybe(number), "sigma_1": amount,
             "sigma_1_error": amount, "first_passes": count, "tol": number}
        ),
        "engine": one_of(*ENGINES[1:]),
        "why": text,
        "forecast": maybe(number),
        "basis_limit": count,
        "recorder": listing(row(text, text, count)),
        "watch": record(
            {"first_loss": maybe(number), "anchor_loss": maybe(number), "anchor_step": count,
             "next_look": count, "tol": maybe(number), "flat": count}
        ),
        "monitors": _MONITORS,
        "notes": listing(text),
        "escapes": count,
        "optimum": maybe(OPTIMUM),
        "passes": count,
        "state": record({"step": count}, anything),
        "good": maybe(record({"step": count}, anything)),
        "in_flight": flag,
        "flight": maybe(
            record(
                of_fields(FlightState)
                | dict.fromkeys(("time", "handover_flow_time"), amount)
                | dict.fromkeys(("solver_steps", "handover"), count)
                | {"next_step": positive}
            )
        ),
        "flight_rows": listing(record(dict.fromkeys(_FLOWN, any_number), any_number)),
        "flight_leak": bound,
        "flight_error": bound,
        "seconds": number,
        "wall_seconds": number,
    }
)  # fmt: skip
