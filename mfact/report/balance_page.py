"""The page of the balance of checkpoints, and the other views of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from mfact.core import Claim
from mfact.report.balance_document import document, rows
from mfact.report.checks import ci_views
from mfact.report.claims import claims_section
from mfact.report.iterations import Column, Fitted
from mfact.report.network_layers import cut
from mfact.report.parts import Facts, Heading, Pair, Part, Words
from mfact.report.text import exponent, number
from mfact.report.views import Views, document_views
from mfact.studies.balance import Audit, Written

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


def balance_views(found: Audit, rescaled: Written | None = None, *, full: bool) -> Views:
    """What --format asks for. rescaled: what was written. full: whether every line is shown."""
    made = document(found, rescaled)
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
        _table([(str(row["h"]), row) for row in last["joints"]], _STANDING, most),
        *_counted(last["joints"]),
    ]  # fmt: skip
    moves = [
        (f"{name}, h = {row['h']}" if len(doc["intervals"]) > 1 else str(row["h"]), row)
        for name, interval in zip(_steps(doc), doc["intervals"], strict=True)
        for row in interval["joints"]
    ]
    if moves:
        parts += [Heading(_since(doc)), _table(moves, _MOVED, most)]
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


def _steps(doc: Mapping[str, Any]) -> list[str]:
    """Of each interval, by the steps of its checkpoints where they are known."""
    steps = [place if each["step"] is None else each["step"]
             for place, each in enumerate(doc["checkpoints"], 1)]  # fmt: skip
    return [f"{first} → {last}" for first, last in pairwise(steps)]


def _since(doc: Mapping[str, Any]) -> str:
    """The heading of the moves."""
    if len(doc["intervals"]) > 1:
        return "Moves from one checkpoint to the next"
    return f"Move from {doc['intervals'][0]['from']} to {doc['intervals'][0]['to']}"


def _table(
    named: Sequence[tuple[str, Mapping[str, Any]]], headings: Mapping[str, str], most: int
) -> Part:
    """A line for each of the rows, named so, at most `most` (0: all) of them."""
    places = cut(len(named), most)
    names = tuple("…" if i is None else named[i][0] for i in places)
    columns = [Column("  h" if named[0][0].isdecimal() else "  step, h", names, 0)]
    for rank, (key, heading) in enumerate(headings.items(), 1):
        cells = tuple("" if i is None else _cell(named[i][1][key]) for i in places)
        if set(cells) - {"-", ""}:
            columns.append(Column(heading, cells, rank))
    return Fitted(columns, tell_left_out=False, ruled=False)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return exponent(value) if isinstance(value, float) else str(value)


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
