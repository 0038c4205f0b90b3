"""What a run that goes on may change, and what must be as it was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mfact.core import Target
from mfact.errors import SettingsError, StorageError
from mfact.run.checkpoint import Saved
from mfact.run.progress import Asked
from mfact.run.refusals import check
from mfact.targets.fingerprint import fingerprint, same_matrix
from mfact.theory.monitoring import step_label
from mfact.words import shown

EXACT_STEPS = 1e15
"""Of so many steps a float tells one from the next; beyond, only log₁₀ does."""


def gone_on_with(saved: Saved, given: Mapping[str, float | str | None]) -> Asked:
    """What the run was asked, with new limits and another place for M, by the names of options.
    None of one: as before, but no cluster, which is asked for each time.

    Raises SettingsError for a limit that solve would refuse too, or that the run has passed.
    """
    asked = saved.asked
    changed = {name: value for name, value in given.items() if value is not None}
    cluster = {name: given[name] for name in ("workers", "scheduler")}
    other: dict[str, object] = {**cluster, **changed}
    if "device" not in changed and any(each is not None for each in cluster.values()):
        other["device"] = "cpu"
    settings = asked.settings.changed(other)
    if changed:
        check(settings, saved.document["fingerprint"]["shape"])
    if "max_iter" in changed:
        require_ahead(saved, settings.max_iter, saved.path)
    sources = {
        **asked.sources, **dict.fromkeys(other, "default"), **dict.fromkeys(changed, "flag"),
    }  # fmt: skip
    return replace(asked, settings=settings, sources=sources)


def require_same(saved: Saved, target: Target) -> None:
    """Refuse to go on with another matrix than the checkpoint's.

    Raises StorageError with what differs.
    """
    now, way_out = fingerprint(target), "resume with the matrix that the run began with"
    then = saved.document["fingerprint"]
    differs = same_matrix(then, now)
    if not differs and then["dtype"] != now["dtype"]:
        differs = f"its dtype was {then['dtype']}, now it is {now['dtype']}"
    if differs:
        raise StorageError(
            f"{saved.path} is from another matrix: {differs}", f"{way_out}, or start a new run"
        )


def require_ahead(saved: Saved, max_iter: int | None, path: str) -> None:
    """Refuse a step limit that lies behind the run: it could not end there any more.

    A fast-forward goes on from its last record, and must come to another one.

    Raises SettingsError.
    """
    if max_iter is None:
        return
    flight = saved.document["flight"]
    last, flies = saved.last_step, flight is not None and flight["at"] is not None
    limit, done = float(max_iter) if max_iter < EXACT_STEPS else math.inf, last["step"]
    text = shown(max_iter)
    if done >= EXACT_STEPS and limit == math.inf:
        limit, done = math.log10(max_iter), last["log10_step"] * (1 + 1e-12)
        text = f"10^{limit:.6g}"
    label = step_label({name: np.array([value]) for name, value in last.items()}, 0)
    if limit < done or (flies and limit == done):
        raise SettingsError(
            f"--max-iter is {text}, and the run in {path} has taken {label} steps",
            "give more, or leave it out",
        )
