"""Other numbers in a file of torch's, all else bit for bit as it was."""

from __future__ import annotations

import struct
import zlib
from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from mfact.core import Array
from mfact.errors import DataError
from mfact.matrices.declared import short
from mfact.matrices.values import check_fits
from mfact.tensors.rounding import to_kind
from mfact.tensors.state_dict import UNITS
from mfact.tensors.torch_archive import PACK_AGAIN, Archive, Entry
from mfact.tensors.torch_places import Place

_LISTED = struct.Struct("<4s4xH18xHHH12x")  # signature, flags, lengths of name, extra, comment
_SUM = struct.Struct("<L")
_LISTED_SUM, _HEADER_SUM = 16, 14
_SUM_BEHIND = 0x8
_BEHIND = b"PK\7\x08"
_CLONE = "save it again with tensor.clone() in its place"


def rewrite(
    archive: Archive,
    places: Mapping[str, Place],
    others: tuple[Place, ...],
    values: Mapping[str, Array],
) -> bytes:
    """The bytes of the file with other values of some tensors, each rounded to its kind.

    places: of the tensors, by name; others: of those beside them. Raises DataError for what cannot
    be written so: another shape, integers, one number where several values or several tensors
    stand, or a compressed one; and what Archive.read does.
    """
    check_fits(2 * archive.file.size, archive.label)
    with archive.file.opened(archive.label) as stream:
        content = bytearray(archive.file.size)
        stream.readinto(content)
    changes: dict[str, list[tuple[Place, Array]]] = defaultdict(list)
    for name, value in values.items():
        if name not in places:
            raise DataError(f"{archive.label} has no tensor {short(name)}", "name one of its")
        changes[places[name].entry.name].append((places[name], _bits(places[name], value)))
    kept: dict[str, list[Place]] = defaultdict(list)
    for place in (*(place for name, place in places.items() if name not in values), *others):
        kept[place.entry.name].append(place)
    for name, new in changes.items():
        _write(content, archive.entries[name], new, kept[name])
    if archive.has_checksums:
        _sum_up(content, archive, [archive.entries[name] for name in changes])
    return bytes(content)


def _bits(place: Place, value: Array) -> Array:
    """What is written for a value, as unsigned integers of the same size."""
    kind = place.view.storage.kind
    if kind not in UNITS:
        raise DataError(f"{place.label} is of the kind {kind}", "write floating-point tensors only")
    if value.shape != place.view.shape:
        raise DataError(
            f"{place.label} has the shape {place.view.shape}, and not {value.shape}",
            "give values of its own shape",
        )
    if place.entry.deflated:
        raise DataError(f"{place.label} is compressed, which leaves it no place", PACK_AGAIN)
    if place.is_expanded:
        raise DataError(f"{place.label} shows one number in several places", _CLONE)
    rounded = to_kind(value, kind, place.label).astype(place.dtype, copy=False)
    return rounded.view(f"u{place.dtype.itemsize}")


def _write(
    content: bytearray, entry: Entry, new: list[tuple[Place, Array]], kept: list[Place]
) -> None:
    """Write what is new into an entry; kept: the other tensors in it, which may not change."""
    place, _ = new[0]
    size = place.dtype.itemsize
    flat = np.frombuffer(content, f"u{size}", entry.size // size, entry.start)
    place.archive.check_sum(entry, zlib.crc32(flat.data))
    before = [(each, each.within(flat).copy()) for each in kept]
    for each, bits in new:
        each.within(flat)[...] = bits
    for each, bits in (*new, *before):
        if not np.array_equal(each.within(flat), bits):
            raise DataError(f"{each.label} shares numbers with a tensor that changes", _CLONE)


def _sum_up(content: bytearray, archive: Archive, entries: list[Entry]) -> None:
    """Write the checksums of entries wherever the archive keeps them."""
    listed = {}
    at = archive.listed
    for name in archive.entries:
        _, flags, *lengths = _LISTED.unpack_from(content, at)
        listed[name] = at, flags
        at += _LISTED.size + sum(lengths)
    for entry in entries:
        at, flags = listed[entry.name]
        end = entry.start + entry.packed
        places = [at + _LISTED_SUM, entry.header + _HEADER_SUM]
        if flags & _SUM_BEHIND:
            places[1] = end + (len(_BEHIND) if content.startswith(_BEHIND, end) else 0)
        checksum = zlib.crc32(memoryview(content)[entry.start : end])
        for place in places:
            # An archive that says so may still hold no checksum there, but another entry.
            if _SUM.unpack_from(content, place) == (entry.checksum,):
                _SUM.pack_into(content, place, checksum)
