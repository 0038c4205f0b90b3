"""Commands under a limit on their memory, and what they say of it."""

from __future__ import annotations

import os
import re
import resource
from pathlib import Path
from typing import Any

MIB = 1 << 20


def told(text: str) -> int:
    """Bytes from what format_bytes says, rounded up."""
    number, unit = re.fullmatch(r"([\d.]+) (B|[KMG]iB)", text).groups()
    scale = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[unit]
    return int((float(number) + 0.05) * scale)


def address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def limited(room: int) -> Any:
    """Done in a child: no more than `room` bytes beyond what it has."""

    def install() -> None:
        limit = address_space() + room
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    return install


def reporting(path: Path) -> Any:
    """Done in a child: the peak of its memory is written when it ends, and what it was before."""

    def install() -> None:
        base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        real = os._exit

        def leave(code: int) -> None:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            path.write_text(f"{base} {peak}", encoding="ascii")
            real(code)

        os._exit = leave  # type: ignore[assignment]

    return install
