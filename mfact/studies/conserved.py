"""What the flow of a run's method keeps, and how far that has moved beside its exact ledger."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mfact.core import Array, Document, Result
from mfact.methods.choice import METHODS, PLAIN
from mfact.theory.ledger import CLAIMS
from mfact.theory.log_det import LOG_DET_LAW


class Conserved(NamedTuple):
    """keeps: in words, "nothing" where there is no law. words: of how far it has moved, as a
    formula. moved, ledger, audit: columns of the trace that tell how far, how far by the exact
    law, and how far these are apart. claims: on that, by the names that they may have. power: of
    ‖M‖_F that moved has the units of.
    """

    keeps: str
    words: str
    moved: str
    ledger: str
    audit: str
    claims: tuple[str, ...]
    power: float


NOTHING = Conserved("nothing", "drift ‖D − D₀‖", "drift", "ledger", "audit", CLAIMS, 1.0)
"""D moves in first order, by the two lines of its identity."""

LAWS = {
    "D": NOTHING._replace(keeps="D"),
    "log det": Conserved(
        "log det",
        "drift |ℓ − ℓ₀|",
        "log_det_drift",
        "log_det_ledger",
        "log_det_audit",
        (LOG_DET_LAW,),
        0.0,
    ),
    "": NOTHING,
}
"""By what mfact.core.Law says that it keeps."""

FIRST_ORDER = "first_order"
"""The column of line 1 of D, of methods of which D is told by both lines of its identity."""


def method_of(settings: Document) -> str:
    """The name of the method in the settings of a run; where they do not tell, gradient descent."""
    return str(settings.get("method", {}).get("value", PLAIN))


def conserved(run: Result) -> Conserved:
    """What its method keeps of the plain objective; of another one nothing is kept."""
    method = METHODS.get(method_of(run.settings))
    plain = run.settings.get("objective", {}).get("value", "plain") == "plain"
    return LAWS[method.law.keeps if method and plain else ""]


def power_of(run: Result) -> float:
    """Of M that its step sizes have the units of."""
    method = METHODS.get(method_of(run.settings))
    return -1.0 if method is None else method.power


def worst(run: Result, name: str) -> float | None:
    """The largest number in a column of the trace; None where it tells none."""
    values = _finite(run, name)
    return float(np.max(values)) if len(values) else None


def last(run: Result, name: str) -> float | None:
    """The last number in a column of the trace; None where it tells none."""
    values = _finite(run, name)
    return float(values[-1]) if len(values) else None


def _finite(run: Result, name: str) -> Array:
    values = np.asarray(run.trace.get(name, ()), float)
    return np.asarray(values[np.isfinite(values)])
