"""Checkpoints of networks: all that the next step depends on, bit for bit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.errors import StorageError
from mfact.host.atomic import replace_file
from mfact.storage.architectures import restored
from mfact.storage.checkpoint_kinds import of_state
from mfact.storage.documents import plain as stored
from mfact.storage.images import make_image, read_image
from mfact.storage.kinds import any_number, count, listing, maybe, number, plain, record, row, text
from mfact.storage.network_door import FINGERPRINT, NAMED, OPTIONS, require_weights, under
from mfact.words import printable

FORMAT_VERSION = 1

_LISTING = listing(row(text, text, count))
_STATE, _SHARED = of_state(bases=False), of_state(bases=False, shared=True)
CHECKPOINT = record(
    {
        "settings": record(OPTIONS),
        "sources": record({}, text),
        "network": plain,
        "named": NAMED,
        "described": plain,
        "points_name": text,
        "output": maybe(text),
        "fingerprint": FINGERPRINT,
        "recorder": _LISTING,
        "neurons": _LISTING,
        "watch": record(
            {"first_loss": maybe(number), "anchor_loss": maybe(number), "anchor_step": count,
             "next_look": count, "tol": maybe(number), "flat": count}
        ),
        "monitor": record({}, maybe(lambda value, place: _kept(value, place))),
        "notes": listing(text),
        "state": record({"step": count}, lambda value, place: None),
        "good": maybe(record({"step": count}, lambda value, place: None)),
        "seconds": number,
        "wall_seconds": number,
    }
)  # fmt: skip


def _kept(value: Any, place: str) -> None:
    """Of a monitor: numbers, infinity and NaN among them, texts and lists of these."""
    if isinstance(value, (list, dict)):
        for index, part in value.items() if isinstance(value, dict) else enumerate(value):
            _kept(part, f"{place}.{index}")
    elif value is not None and not isinstance(value, (str, bool)):
        any_number(value, place)


def write_network_checkpoint(
    path: str | os.PathLike[str], arrays: Mapping[str, Array], document: Mapping[str, Any]
) -> None:
    """As mfact.storage.checkpoints.write_checkpoint, of a network's run."""
    body = {"document": stored(document, keep_nonfinite=True, where="the checkpoint")}
    replace_file(path, make_image("network_checkpoint", FORMAT_VERSION, arrays, body))


def read_network_checkpoint(
    path: str | os.PathLike[str],
) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays and the document that were written. Raises StorageError, one line."""
    arrays, body, _ = read_image(path, "network_checkpoint", FORMAT_VERSION)
    document = body.get("document")
    if not isinstance(document, dict):
        raise StorageError(f"{printable(path)} lacks its document", "use another checkpoint")
    return arrays, document


def require_network_checkpoint(arrays: Mapping[str, Array], document: Mapping[str, Any]) -> None:
    """Raise ValueError, with the place and what is wrong there, unless this is the checkpoint of a
    network's run. The arrays of its state are held against the run that they go on in.
    """
    CHECKPOINT(document, "")
    _STATE(document["state"], "state")
    if document["good"] is not None:
        _SHARED(document["good"], "good")
    net = restored(document["network"], under("ties", arrays))
    require_weights(net, arrays, "start/")
    for name, each in arrays.items():
        if name.startswith(("state/", "good/")) and (
            each.dtype.kind != "f" or not np.all(np.isfinite(each))
        ):
            raise ValueError(f"{name} has entries that are not finite numbers")
