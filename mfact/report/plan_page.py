"""What a run would take, as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mfact.methods.choice import PLAIN
from mfact.report.labels import PROBLEM, labelled, shapes
from mfact.report.parts import Facts, Heading, Pair, Part
from mfact.report.settings_table import by_source, setting_text
from mfact.report.text import duration
from mfact.targets.door import WHERE
from mfact.words import count_text, few, format_bytes

_SHOWN = ("name", "objective", "uncentered_norm", "norm", "sigma_known_to")
_PROBLEM = {name: PROBLEM[name] for name in _SHOWN}


_HERE = {
    "memory": "in memory",
    "disk": "buffers: M streams from disk",
    "cluster": "buffers: a cluster holds M",
    "device": "buffers: a device holds M",
}


def page(doc: Mapping[str, Any]) -> list[Part]:
    """Memory, passes over M, forecast and files; doc: the document of a dry run."""
    problem, memory = doc["problem"], doc["memory"]
    known = labelled(problem, _PROBLEM, only=True)
    parts = {name: format_bytes(size) for name, size in memory["parts"].items() if size}
    where = doc["passes"]["from"]
    if "matrix" in parts:
        parts["matrix"] += f", {_HERE[where]}"
    if memory["bases"] is not None:
        parts["bases"] += f" at most, about {format_bytes(memory['bases'])} by the forecast"
    total, available = map(format_bytes, (memory["total"], memory["available"]))
    files = [
        (each["what"], f"{each['path']}{' (replaced)' if each['replaces'] else ''}")
        for each in doc["files"]
    ]
    elsewhere: list[Part] = []
    if doc["place"] is not None:
        elsewhere = [Heading(f"M held {WHERE[where]}"), Facts(_place(doc["place"]))]
    return [
        Heading("mfact: what this run would take; nothing is written", top=True),
        Heading("Problem"),
        Facts([*known, shapes(problem["shape"], problem["rank"])]),
        Heading("Settings"),
        Facts(by_source(doc["settings"])),
        Heading("Memory"),
        Facts([("in all", f"{total} at most, {available} available"), *parts.items()]),
        *elsewhere,
        Heading("Forecast"),
        Facts(_ahead(doc)),
        Heading("Files"),
        Facts(files or [("none", "")]),
    ]


def _place(place: Mapping[str, Any]) -> list[Pair]:
    """Who holds M, in what parts, and what goes there and comes back."""
    pairs = [(name, str(place[name])) for name in ("name", "workers", "shards") if name in place]
    needs, has = (place.get(f"worker_{name}") for name in ("bytes", "limit"))
    each = "a worker needs" if "workers" in place else "M takes"
    if needs is not None:
        pairs.append((each, format_bytes(needs) + (f" of {format_bytes(has)}" if has else "")))
    moved, tasks = place["bytes_moved"], place.get("tasks")
    told = [f"{tasks} tasks"] if tasks is not None else []
    told += [f"about {format_bytes(moved)} move"] if moved is not None else []
    return [*pairs, *([("a pass", ", ".join(told))] if told else [])]


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
    if (count := _passes(passes, log10)) and passes.get("read_seconds"):
        pairs.append(("their time", f"about {duration(count * passes['read_seconds'])} in all"))
    if forecast["fast_forward"]:
        pairs.append(("steps", "the long tail is fast-forwarded, in seconds"))
    elif forecast["seconds"] is not None and not passes["a_step"]:
        pairs.append(("steps", f"about {duration(forecast['seconds'])} beside the passes"))
    if "wall_seconds" in doc:
        pairs.append(("until here", duration(doc["wall_seconds"])))
    return [*pairs, *(("note", note) for note in doc["notes"])]


def _passes(passes: Mapping[str, Any], log10: float | None) -> float | None:
    """How many there will be, as far as that is known."""
    if not passes["a_step"]:
        count: float | None = passes["in_all"]
        return count
    return None if log10 is None or log10 > 9 else passes["so_far"] + passes["a_step"] * 10**log10
