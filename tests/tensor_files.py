"""Files of tensors made by hand, where no library that writes them need be installed."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mfact.matrices.seen import Seen
from mfact.tensors.safetensors import open_safetensors
from mfact.tensors.state_dict import StateDict

CODES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint64": "U64", "uint32": "U32", "uint16": "U16",
    "uint8": "U8", "bool": "BOOL",
}  # fmt: skip
"""Every kind of NumPy's that the format has, and its name there."""


def packed(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file of a header, as JSON text or as what it says, and the bytes behind it.

    length: as the file states it, where that is not the truth.
    """
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(code: str, shape: list[int], start: int, end: int) -> dict[str, object]:
    return {"dtype": code, "shape": shape, "data_offsets": [start, end]}


def safetensors_of(tensors: Mapping[str, np.ndarray], **metadata: str) -> bytes:
    """The file of these arrays, in their order."""
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    data = b""
    for name, W in tensors.items():
        raw = W.astype(W.dtype.newbyteorder("<")).tobytes()
        header[name] = entry(CODES[W.dtype.name], list(W.shape), len(data), len(data) + len(raw))
        data += raw
    text = json.dumps(header).encode()
    return packed(text.ljust(-(-len(text) // 8) * 8), data)  # as the library aligns it


def opened(path: Path, content: bytes) -> StateDict:
    """The tensors of a safetensors file with that content."""
    path.write_bytes(content)
    return open_safetensors(Seen.of(path), path.name)
