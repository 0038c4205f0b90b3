"""MATLAB files of level 5, byte by byte, as the format is written down."""

import struct
import zlib


def _element(kind, content, order="<"):
    return struct.pack(f"{order}2I", kind, len(content)) + content + bytes(-len(content) % 8)


def by_hand(M, order="<", name=b"M", flags=6, shape=None, packed=False):
    """A file with one variable."""
    codes = {"f8": 9, "f4": 7, "u1": 2}
    content = _element(6, struct.pack(f"{order}2I", flags, 0), order)
    shape = M.shape if shape is None else shape
    content += _element(5, struct.pack(f"{order}{len(shape)}i", *shape), order)
    content += _element(1, name, order)
    stored = M.astype(M.dtype.newbyteorder(order))
    content += _element(codes[M.dtype.str[1:]], stored.tobytes("F"), order)
    whole = struct.pack(f"{order}2I", 14, len(content)) + content
    if packed:
        whole = zlib.compress(whole)
        whole = struct.pack(f"{order}2I", 15, len(whole)) + whole
    start = b"MATLAB 5.0 MAT-file, written by hand".ljust(124)
    return start + {"<": b"\x00\x01IM", ">": b"\x01\x00MI"}[order] + whole
