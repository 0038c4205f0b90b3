"""The lines of a MatrixMarket file, one entry each, as SciPy parses them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfact.core import Array
from mfact.errors import DataError
from mfact.matrices.text_numbers import DOUBTFUL, parsed

WAY_OUT = "write it again with scipy.io.mmwrite"
# By the numbers of an entry that there should be and that there are.
_OTHER_KIND = {
    (2, 3): "if each has a value, write real for pattern in its first line",
    (3, 2): "if none has a value, write pattern for the kind of number in its first line",
}
# What goes before and after the numbers of an entry to make them row, column and complex value.
_AROUND = {1: (b"1 1 ", b" nan\n"), 2: (b"", b" 1 nan\n"), 3: (b"", b" nan\n")}


@dataclass(frozen=True)
class Lines:
    """How the lines of a file are read.

    width: numbers of an entry: 1 in an array file, 3 in a coordinate file, 2 where its values are
    all 1. shape: of the matrix.
    """

    width: int
    shape: tuple[int, int]
    label: str

    def entries(self, text: bytes, due: int) -> dict[str, Array]:
        """The numbers in whole lines: "data", and of a coordinate file "row" and "col", from 0.

        due: how many entries the file still owes where it ends, else 0; one of them that it breaks
        off is left out. Raises DataError for what is no entry.
        """
        try:
            if any(byte in text for byte in DOUBTFUL):
                raise ValueError
            return self._parsed(text)
        except (ValueError, OverflowError):
            return self._parsed(self._plain(text, due))

    def no_number(self) -> DataError:
        """What is raised for text that is none."""
        return DataError(f"{self.label} has an entry that is no number", WAY_OUT)

    def _parsed(self, text: bytes) -> dict[str, Array]:
        """What SciPy reads. ValueError or OverflowError for lines that are no entries.

        It takes 1 2.5 for 1 2 .5, so the words are counted.
        """
        count = text.count(b"\n")
        filled = np.frombuffer(text, np.uint8) > ord(" ")
        if np.count_nonzero(filled[:-1] > filled[1:]) != self.width * count:
            raise ValueError
        before, after = _AROUND[self.width]
        shape = self.shape if self.width > 1 else (1, 1)
        head = b"%%%%MatrixMarket matrix coordinate complex general\n%d %d %d\n"
        lines = head % (*shape, count) + before + text.replace(b"\n", after + before)
        found = parsed(lines.removesuffix(before))
        places = {"row": found.row, "col": found.col} if self.width > 1 else {}
        return {**places, "data": found.data.real}

    def _plain(self, text: bytes, due: int) -> bytes:
        """The entries on lines that SciPy takes."""
        lines = [line for line in text.splitlines() if not line.lstrip().startswith(b"%")]
        lines = lines if self.width > 1 else b"\n".join(lines).split()
        entries = [line.split() for line in lines if line.strip()]
        if 0 < len(entries) <= due and len(entries[-1]) < self.width:
            del entries[-1]
        return b"".join(map(self._entry, entries))

    def _entry(self, words: list[bytes]) -> bytes:
        try:
            if any(b"_" in word for word in words):  # which Python takes for part of a number
                raise ValueError
            numbers = [int(word) if word.isdigit() else float(word) for word in words]
        except ValueError:
            raise self.no_number() from None
        if len(words) != self.width:
            raise DataError(
                f"{self.label} has an entry that is not {self.width} numbers but {len(words)}",
                _OTHER_KIND.get((self.width, len(words)), WAY_OUT),
            )
        for k, side in enumerate(("row", "column") if self.width > 1 else ()):
            if not 1 <= numbers[k] <= self.shape[k] or numbers[k] % 1:
                raise DataError(
                    f"{self.label} has the {side} number {float(words[k]):.17g}, "
                    f"outside 1 … {self.shape[k]}",
                    WAY_OUT,
                )
            words[k] = b"%d" % numbers[k]
        return b" ".join(word.lstrip(b"+") for word in words) + b"\n"
