"""Checkpoints of networks: all that the next step depends on, bit for bit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from mfact.core import Array
from mfact.errors import StorageError
from mfact.host.atomic import replace_file
from mfact.storage.documents import plain as stored
from mfact.storage.images import make_image, read_image
from mfact.words import printable

FORMAT_VERSION = 1


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
