"""The checksums that HDF5 keeps of its metadata, found in a file and made right again."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import h5py  # noqa: F401  # loads the library whose checksum is borrowed

# A block of metadata begins with one of these and ends with 4 bytes of checksum.
_SIGNATURES = re.compile(
    rb"\x89HDF\r\n\x1a\n|OHDR|OCHK|BTHD|BTIN|BTLF|FRHP|FHDB|FHIB|FSHD|FSSE|FAHD|FADB|EAHD|EAIB|EASB|EADB"
)
_LONGEST = 4096


def find_checksums(content: bytes) -> tuple[tuple[int, int], ...]:
    """(start, end) of each block whose checksum stands at end; () without the library's help.

    The length of a block is not looked up in the format: it is where the checksum agrees.
    """
    checksum = _library_checksum()
    if checksum is None:
        return ()
    found = []
    for match in _SIGNATURES.finditer(content):
        start = match.start()
        for end in range(start + 8, min(len(content) - 3, start + _LONGEST)):
            if checksum(content[start:end]) == int.from_bytes(content[end : end + 4], "little"):
                found.append((start, end))
                break
    return tuple(found)


def repair_checksums(broken: bytearray, places: tuple[tuple[int, int], ...]) -> None:
    """Write the checksum that each block now has."""
    checksum = _library_checksum()
    assert checksum is not None
    for start, end in places:
        value = checksum(bytes(broken[start:end]))
        broken[end : end + 4] = value.to_bytes(4, "little")


@cache
def _library_checksum() -> Callable[[bytes], int] | None:
    """H5_checksum_metadata of the HDF5 library that h5py has loaded."""
    maps = Path("/proc/self/maps").read_text()
    paths = {line.split(maxsplit=5)[5] for line in maps.splitlines() if "libhdf5-" in line}
    for path in sorted(paths):
        function = getattr(ctypes.CDLL(path), "H5_checksum_metadata", None)
        if function is not None:
            function.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint32]
            function.restype = ctypes.c_uint32
            return lambda block: int(function(block, len(block), 0))
    return None
