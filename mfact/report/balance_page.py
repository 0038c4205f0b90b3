"""The page of the balance of checkpoints, and the other views of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from mfact.core import Claim
from mfact.report.balance_document import document, rows
from mfact.report.checks import ci_views
from mfact.report.claims import claims_section
from mfact.report.columns import cut, ranked
from mfact.report.iterations import Column, Fitted
from mfact.report.parts import Facts, Heading, Pair, Part, Words
from mfact.report.text import number
from mfact.report.views import Views, document_views
from mfact.studies.balance import Audit

LINES = 12
"""Of a table, or of a list, on the short page."""
ASSUMED = "not in the file; taken for such that scale, as ReLU does"

_STANDING = {
    "in": "‖in‖²", "out": "‖out‖²", "difference": "difference", "ratio": "ratio",
    "excess": "excess", "worst_unit": "worst unit", "worst": "its share",
}  # fmt: skip
_MOVED = {
    "moved": "‖Δw‖/‖w‖", "drift": "|ΔQ_i|", "kappa": "κ", "kappa_without_bias": "κ, no bias",
    "judged": "units judged",
}  # fmt: skip
"""What is told of a joint -> its heading, the most telling first."""


def balance_views(found: Audit, *, full: bool) -> Views:
    """What --format asks for. full: whether every line is shown."""
    made = document(found)
    names = " ".join(each.name for each in found.checkpoints)
    return {
        **document_views(made, lambda doc: page(doc, full=full), rows),
        **ci_views("balance", names, found.sentence, found.claims),
    }


def page(doc: Mapping[str, Any], *, full: bool) -> list[Part]:
    """What was paired, how it stands at the end, how it moved, the claims, the result."""
    most = 0 if full else LINES
    last = doc["checkpoints"][-1]
    count = len(doc["checkpoints"])
    parts: list[Part] = [
        Heading("mfact balance", top=True),
        Facts([
            ("checkpoint" if count == 1 else "checkpoints", _checkpoints(doc, full=full)),
            ("layers", doc["layers"]),
            *([] if doc["activations_known"] else [("activations", ASSUMED)]),
        ]),
        Heading("Layers that feed each other"),
        Facts([*_shortened([_told(joint) for joint in doc["joints"]], most)]),
        Heading(f"Balance of {last['name']}"),
        _fitted(ranked([(str(row["h"]), row) for row in last["joints"]], _STANDING, most)),
        *_counted(last["joints"]),
    ]  # fmt: skip
    if doc["intervals"]:
        parts += _moves(doc, most)
    if doc["left_out"]:
        pairs = [(each["what"], each["why"]) for each in doc["left_out"]]
        parts += [Heading("Left out"), Facts([*_shortened(pairs, most)])]
    if doc["rescaled"]:
        parts += [Heading("Rescaled"), Facts(_written(doc["rescaled"]))]
    claims = [Claim(**claim) for claim in doc["claims"]]
    style = "bold" if doc["holds"] else "bold red"
    return [*parts, *claims_section(claims), Heading("Result"), Words(doc["sentence"], style)]


def _checkpoints(doc: Mapping[str, Any], *, full: bool) -> str:
    """How many there are, and in which order; their names where all are shown."""
    each = doc["checkpoints"]
    if len(each) == 1:
        return str(each[0]["name"])
    names = f" ({', '.join(one['name'] for one in each)})" if full else ""
    return f"{len(each)}, {doc['order']}{names}"


def _told(joint: Mapping[str, Any]) -> Pair:
    """Which layers, and how sizes were read."""
    more = [
        f"{joint['units']} units",
        "bias counted" if joint["bias"] else "",
        "" if joint["degree"] == 1 else f"degree {joint['degree']}",
        joint["note"],
    ]
    return f"{joint['h']}  {joint['first']} → {joint['second']}", ", ".join(filter(None, more))


def _moves(doc: Mapping[str, Any], most: int) -> list[Part]:
    """How the joints moved, of several intervals each by the steps of its checkpoints, where they
    are known.
    """
    only, *more = doc["intervals"]
    if not more:
        rows = [(str(row["h"]), row) for row in only["joints"]]
        heading = f"Move from {only['from']} to {only['to']}"
        return [Heading(heading), _fitted(ranked(rows, _MOVED, most))]
    steps = [place if each["step"] is None else each["step"]
             for place, each in enumerate(doc["checkpoints"], 1)]  # fmt: skip
    rows = [
        (f"{first} → {last}, h = {row['h']}", row)
        for (first, last), interval in zip(pairwise(steps), doc["intervals"], strict=True)
        for row in interval["joints"]
    ]
    columns = ranked(rows, _MOVED, most, first="step, h")
    return [Heading("Moves from one checkpoint to the next"), _fitted(columns)]


def _fitted(columns: Sequence[Column]) -> Part:
    return Fitted(columns, tell_left_out=False, ruled=False)


def _shortened(pairs: Sequence[Pair], most: int) -> Iterator[Pair]:
    for i in cut(len(pairs), most):
        yield ("…", f"{len(pairs) - most + 1} more") if i is None else pairs[i]


def _counted(joints: Sequence[Mapping[str, Any]]) -> list[Part]:
    """Units that are left out of sums, or that no rescaling can balance."""
    names = {"dead": "dead units (nothing feeds them or draws from them)",
             "not_finite": "units with numbers that are not finite, skipped"}  # fmt: skip
    counts = {key: [(joint["h"], joint[key]) for joint in joints if joint[key]] for key in names}
    pairs = [
        (text, ", ".join(f"{count} at h = {h}" for h, count in counts[key]))
        for key, text in names.items()
        if counts[key]
    ]
    return [Facts(pairs)] if pairs else []


def _written(doc: Mapping[str, Any]) -> list[Pair]:
    left, sweeps = doc["units_left"], str(doc["sweeps"])
    if not doc["settled"]:
        sweeps += f", which left |Q_i| ≤ {doc['balanced_to']:.2g} (‖in_i‖² + p‖out_i‖²)"
    return [
        ("Σ‖w‖²", f"{number(doc['norm_before'])} before, {number(doc['norm_after'])} after"),
        ("sweeps", sweeps),
        *([("units left as they were", f"{left}, dead or not finite")] if left else []),
        (f"rounding to {doc['stored_as']}", f"changes f by up to {doc['rounding_changes']:.2g} of"
         " what it is with absolute weights and inputs"),
    ]  # fmt: skip
