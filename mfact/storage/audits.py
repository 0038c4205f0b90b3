"""The balance of checkpoints as a file: what `mfact balance --format json` printed."""

from __future__ import annotations

import os
from itertools import chain
from typing import Any

from mfact.core import Document
from mfact.errors import StorageError
from mfact.storage.documents import from_json
from mfact.storage.kinds import (
    amount,
    count,
    flag,
    listing,
    maybe,
    number,
    plain,
    record,
    refuse,
    text,
)
from mfact.storage.reading import looking_through, whole
from mfact.words import printable

SCHEMA = "mfact-balance/1"

_PARSED = 32  # of memory a byte of JSON takes at most, as empty objects
_WAY_OUT = "pass what `mfact balance CHECKPOINT --format json` printed"
_WAYS_OUT = dict.fromkeys(("mfact-result", "mfact-network-result"), "pass the run file itself")
_WAYS_OUT["mfact-sweep"] = "pass the file that `mfact sweep -o` wrote"

_JOINT = record(
    {"h": count, "first": text, "second": text, "units": count, "bias": flag, "degree": number,
     "note": text},
    plain,
)  # fmt: skip
_STANDING = record(
    {**dict.fromkeys(("in", "out", "excess", "ratio"), maybe(amount)),
     "difference": maybe(number), "worst": maybe(number),
     **dict.fromkeys(("h", "dead", "not_finite"), count), "worst_unit": maybe(count)},
    plain,
)  # fmt: skip
_MOVED = record(
    {**dict.fromkeys(("moved", "drift", "kappa", "kappa_without_bias"), maybe(amount)),
     **dict.fromkeys(("h", "judged", "still", "below_rounding", "not_finite"), count)},
    plain,
)  # fmt: skip
_AUDIT = record(
    {
        "order": text,
        "layers": text,
        "activations_known": flag,
        "joints": listing(_JOINT),
        "checkpoints": listing(
            record({"name": text, "step": maybe(count), "joints": listing(_STANDING)}, plain)
        ),
        "intervals": listing(record({"from": text, "to": text, "joints": listing(_MOVED)}, plain)),
        "sentence": text,
    },
    plain,
    needed=("order", "joints", "checkpoints", "intervals", "sentence"),
)


def read_audit(path: str | os.PathLike[str]) -> Document:
    """The document of a balance, looked through: joints, checkpoints and intervals.

    Each checkpoint has an entry a joint, and between each two there is an interval; a number that
    was not finite is None.

    Raises StorageError, one line, for a file that is missing, no JSON, a document of another kind
    or schema, or holds at some place what no balance has there; MemoryPlanError when it does not
    fit.
    """
    named, raw = printable(path), whole(path, _PARSED)
    try:
        document = from_json(raw.decode())
    except UnicodeDecodeError as error:
        raise StorageError(f"{named} is not text in UTF-8", _WAY_OUT) from error
    except ValueError as error:
        sentence = f"{named} is not a JSON document: {printable(str(error))}"
        raise StorageError(sentence, _WAY_OUT) from error
    if (schema := document.get("schema")) != SCHEMA:
        raise _other(named, schema)
    with looking_through(path, "of a balance", _WAY_OUT):
        require_audit(document)
    return document


def _other(named: str, schema: Any) -> StorageError:
    """The refusal of a document under another schema, or under none."""
    if not isinstance(schema, str) or not schema.startswith("mfact-"):
        return StorageError(f"{named} is not a document of mfact", _WAY_OUT)
    kind, _, version = schema.partition("/")
    newer = kind == SCHEMA.partition("/")[0] and version.isdecimal()
    return StorageError(
        f"{named} is a {printable(schema)[:40]} document, not a {SCHEMA} one",
        "use a newer mfact" if newer else _WAYS_OUT.get(kind, _WAY_OUT),
    )


def require_audit(document: Document) -> None:
    """Raise ValueError, with the place and what is wrong there, unless this is a balance."""
    _AUDIT(document, "")
    joints, checkpoints = document["joints"], document["checkpoints"]
    intervals = document["intervals"]
    if not joints or not checkpoints:
        raise ValueError("it has no checkpoint, or no layers that feed each other")
    if len(intervals) != len(checkpoints) - 1:
        refuse(len(intervals), "the number of its intervals", f"{len(checkpoints) - 1}")
    numbers = list(range(1, len(joints) + 1))
    for part in chain([document], checkpoints, intervals):
        if (found := [joint["h"] for joint in part["joints"]]) != numbers:
            refuse(found, "the numbers of its joints", f"1 to {len(joints)}")
