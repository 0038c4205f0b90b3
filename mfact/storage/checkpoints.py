"""Checkpoints: all that the next step depends on, bit for bit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from mfact.core import Array
from mfact.errors import StorageError
from mfact.host.atomic import replace_file
from mfact.storage.documents import plain
from mfact.storage.images import make_image, read_image
from mfact.words import printable

FORMAT_VERSION = 5
NETWORK_FORMAT_VERSION = 1
WRITTEN_BY = {1: "0.1.0", 2: "0.2.0", 3: "0.3.0", 4: "0.8.0"}
"""Older formats, and the mfact that resumes them: they hold other parts of a run."""


def write_checkpoint(
    path: str | os.PathLike[str],
    arrays: Mapping[str, Array],
    document: Mapping[str, Any],
    kind: str = "checkpoint",
) -> None:
    """Write named arrays and one JSON document, atomically and verified.

    arrays: real, complex, integer or bool, any shape; "memory/velocity" makes a group.
    document: str, int (of any size up to 4300 digits), float, bool, None, lists and dicts
        with string keys. Floats come back bit for bit, infinities and NaN too.
    kind: "checkpoint", or "network_checkpoint".

    Raises StorageError, one line; an existing file at `path` is then untouched.

    >>> import tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_checkpoint(f"{folder}/c.h5", {"U": np.eye(2)}, {"step": 7, "best": float("inf")})
    ...     arrays, document = read_checkpoint(f"{folder}/c.h5")
    >>> arrays["U"].tolist(), document
    ([[1.0, 0.0], [0.0, 1.0]], {'step': 7, 'best': inf})
    """
    # Nested, so that no key of the caller's can meet one of the file's own.
    body = {"document": plain(document, keep_nonfinite=True, where="the checkpoint")}
    replace_file(path, make_image(kind, _version(kind), arrays, body))


def read_checkpoint(
    path: str | os.PathLike[str], kind: str = "checkpoint"
) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays and the document that `write_checkpoint` stored, bit for bit. kind: as there.

    Raises StorageError, one line, when the file is missing, not a checkpoint of mfact, of a
    other format version, damaged, or changed since it was written.
    """
    newest = _version(kind)
    arrays, body, version = read_image(path, kind, newest)
    if version != newest:
        raise StorageError(
            f"{printable(path)} has format version {version}, and this mfact resumes {newest}",
            f"resume it with mfact {WRITTEN_BY[version]}, or start a new run",
        )
    document = body.get("document")
    if not isinstance(document, dict):
        raise StorageError(f"{printable(path)} lacks its document", "use another checkpoint")
    return arrays, document


def cannot_go_on(path: str, why: object) -> StorageError:
    """Of a checkpoint that holds what no run has."""
    return StorageError(
        f"{printable(path)} does not hold a run that can go on: {printable(str(why))}",
        "resume from another file, or start a new run",
    )


def _version(kind: str) -> int:
    return FORMAT_VERSION if kind == "checkpoint" else NETWORK_FORMAT_VERSION
