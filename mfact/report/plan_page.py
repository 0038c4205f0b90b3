"""What a run would take, as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mfact.methods.choice import PLAIN
from mfact.report.labels import PROBLEM, labelled, shapes
from mfact.report.parts import Facts, Heading, Pair, Part
from mfact.report.settings_table import by_source, setting_text
from mfact.report.text import duration
from mfact.words import count_text, few, format_bytes

_SHOWN = ("name", "objective", "uncentered_norm", "norm", "sigma_known_to")
_PROBLEM = {name: PROBLEM[name] for name in _SHOWN}


def page(doc: Mapping[str, Any]) -> list[Part]:
    """Memory, passes over M, forecast and files; doc: the document of a dry run."""
    problem, memory = doc["problem"], doc["memory"]
    known = labelled(problem, _PROBLEM, only=True)
    parts = {name: format_bytes(size) for name, size in memory["parts"].items() if size}
    if "matrix" in parts:
        where = "in memory" if doc["passes"]["from"] == "memory" else "buffers: M streams from disk"
        parts["matrix"] += f", {where}"
    if memory["bases"] is not None:
        parts["bases"] += f" at most, about {format_bytes(memory['bases'])} by the forecast"
    total, available = map(format_bytes, (memory["total"], memory["available"]))
    files = [
        (each["what"], f"{each['path']}{' (replaced)' if each['replaces'] else ''}")
        for each in doc["files"]
    ]
    return [
        Heading("mfact: what this run would take; nothing is written", top=True),
        Heading("Problem"),
        Facts([*known, shapes(problem["shape"], problem["rank"])]),
        Heading("Settings"),
        Facts(by_source(doc["settings"])),
        Heading("Memory"),
        Facts([("in all", f"{total} at most, {available} available"), *parts.items()]),
        Heading("Forecast"),
        Facts(_ahead(doc)),
        Heading("Files"),
        Facts(files or [("none", "")]),
    ]


def _ahead(doc: Mapping[str, Any]) -> list[Pair]:
    """Iterations, passes over M, bytes and time."""
    passes, forecast = doc["passes"], doc["forecast"]
    log10, each = forecast["log10_iterations"], format_bytes(passes["bytes_each"])
    pairs = []
    if log10 is None:
        known = doc["settings"]["method"]["value"] == PLAIN
        why = "not known for these settings" if known else "forecast for gradient descent only"
        pairs.append(("iterations", why))
    else:
        gap, _, _ = setting_text("tol", doc["settings"]["tol"])
        pairs.append(("iterations", f"about {count_text(log10)} to a gap of {gap}"))
    so_far = f"{passes['so_far']} taken for this page"
    whole = "a few dozen in all" if passes["in_all"] is None else f"about {passes['in_all']} in all"
    in_all = f"{few(passes['a_step'])} more a step" if passes["a_step"] else whole
    if passes.get("read_seconds"):
        each += f" in {duration(passes['read_seconds'])}"
    pairs.append(("passes over M", f"{so_far}, {in_all}, {each} each"))
    if forecast["fast_forward"]:
        pairs.append(("steps", "the long tail is fast-forwarded, in seconds"))
    elif forecast["seconds"] is not None and not passes["a_step"]:
        pairs.append(("steps", f"about {duration(forecast['seconds'])} beside the passes"))
    if "wall_seconds" in doc:
        pairs.append(("until here", duration(doc["wall_seconds"])))
    return [*pairs, *(("note", note) for note in doc["notes"])]
