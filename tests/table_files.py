"""Matrices written as text, in the layouts of those who write it."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matrix_files import Form


def write_rows(rows: list[list[str]], separator: str = ",", end: str = "\n") -> str:
    """Lines as they are, without quotes."""
    return "".join(separator.join(row) + end for row in rows)


def with_names(M: np.ndarray, corner: str = "gene") -> list[list[str]]:
    """A header and a name column around the numbers."""
    header = [corner, *(f"s{j}" for j in range(M.shape[1]))]
    return [header, *([f"g{i}", *map(repr, row)] for i, row in enumerate(M.tolist()))]


def plain(M: np.ndarray) -> list[list[str]]:
    return [list(map(repr, row)) for row in M.tolist()]


def r_table(M: np.ndarray) -> str:
    """What R's write.table writes: quoted names, a header that is one cell shorter."""
    lines = [" ".join(f'"V{j + 1}"' for j in range(M.shape[1]))]
    lines += [" ".join([f'"{i + 1}"', *map(r_number, row)]) for i, row in enumerate(M.tolist())]
    return "\n".join(lines) + "\n"


def r_number(value: float) -> str:
    """As R spells it."""
    return repr(value).replace("inf", "Inf").replace("nan", "NaN")


def quoted(M: np.ndarray) -> str:
    """All cells in quotes, names with separators and quotes among them."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(["name", *(f"a, {j}" for j in range(M.shape[1]))])
    writer.writerows([f'"{i}", x', *map(repr, row)] for i, row in enumerate(M.tolist()))
    return out.getvalue()


def _form(name: str, text: Callable[[np.ndarray], str | bytes]) -> Form:
    def write(folder: Path, M: np.ndarray) -> str:
        data = text(np.asarray(M, float))
        data = data.encode() if isinstance(data, str) else data
        (folder / name).write_bytes(data)
        return str(folder / name)

    return Form("text", "C", write, ("<f8",))


def _savetxt(**options) -> Callable[[np.ndarray], str]:
    def text(M: np.ndarray) -> str:
        out = io.StringIO()
        np.savetxt(out, M, fmt="%.17g", **options)
        return out.getvalue()

    return text


TABLES = {
    "csv": _form("M.csv", lambda M: write_rows(plain(M))),
    "tsv with names": _form("M.tsv", lambda M: write_rows(with_names(M), "\t")),
    "csv.gz with names": _form(
        "M.csv.gz", lambda M: gzip.compress(write_rows(with_names(M)).encode())
    ),
    "semicolons and decimal commas": _form(
        "M.csv", lambda M: write_rows(with_names(M), ";", "\r\n").replace(".", ",")
    ),
    "of Excel": _form(
        "M.csv", lambda M: b"\xef\xbb\xbf" + write_rows(with_names(M, ""), ",", "\r\n").encode()
    ),
    "of R": _form("M.txt", r_table),
    "in quotes": _form("M.csv", quoted),
    "of numpy": _form("M.txt", _savetxt(header=" ".join(f"c{j}" for j in range(23)))),
    "in columns": _form(
        "M.txt", lambda M: "\n".join("".join(f"{v:25.17g}" for v in row) for row in M) + "\n\n"
    ),
    "trailing separators, old line ends": _form(
        "M.txt", lambda M: write_rows([[*row, ""] for row in plain(M)], "\t", "\r")
    ),
}
