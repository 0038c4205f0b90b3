"""Safetensors files: the values read in blocks, and written back into their places."""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping
from functools import partial

import numpy as np

from mfact.core import Array
from mfact.matrices.arrays.npy import read_array
from mfact.matrices.arrays.safetensors_header import Entry, kind_of, read_entries
from mfact.matrices.arrays.stored import Laid
from mfact.matrices.declared import short
from mfact.matrices.decoding import from_bfloat16
from mfact.matrices.seen import Seen
from mfact.matrices.values import BLOCK_BYTES, check_fits
from mfact.tensors.rounding import to_kind
from mfact.tensors.state_dict import StateDict, Tensor


def open_safetensors(file: Seen, label: str) -> StateDict:
    """The tensors of a safetensors file; its header alone is read.

    Raises DataError or StorageError, with a way out, for a file that is none or ends too early, and
    for one with a tensor of a kind that is not read.
    """
    with file.opened(label) as stream:
        entries = read_entries(stream, file.size, label)
    tensors = (
        Tensor(entry.name, entry.shape, entry.kind, partial(_values, file, entry.kind, laid, where))
        for entry in entries
        for where in [f"{label}:{short(entry.name)}"]
        for laid in [Laid(entry.shape, kind_of(entry, label), False, entry.start)]
    )
    return StateDict(
        path=file.path,
        label=label,
        form="safetensors",
        tensors=tuple(tensors),
        in_order=False,  # the library sorts by kind and name
        rewritten=partial(_rewritten, file, entries, label),
    )


def _values(file: Seen, kind: str, laid: Laid, label: str) -> Array:
    # Never mapped into memory: a file that another process cuts would end this one.
    with file.opened(label) as stream:
        stream.seek(laid.offset)
        if kind != "bfloat16":
            return read_array(stream, laid, label)
        check_fits(3 * laid.data_bytes, label)  # the bits, and twice as many of float32
        return from_bfloat16(read_array(stream, laid, label))


def _rewritten(
    file: Seen, entries: tuple[Entry, ...], label: str, changed: Mapping[str, Array]
) -> bytes:
    check_fits(2 * file.size, label)
    image = io.BytesIO()
    with file.opened(label) as stream:
        shutil.copyfileobj(stream, image, BLOCK_BYTES)
    for entry in entries:
        if entry.name in changed:
            where = f"{label}:{short(entry.name)}"
            stored = to_kind(changed[entry.name], entry.kind, where).reshape(entry.shape)
            image.seek(entry.start)
            image.write(np.asarray(stored, entry.dtype).tobytes())
    return image.getvalue()
