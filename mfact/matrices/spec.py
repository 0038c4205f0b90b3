"""What is typed to name a matrix: a file, a dataset in it, and a part of that in brackets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mfact.errors import SettingsError, StorageError
from mfact.words import printable

_WHOLE = re.compile(r"-?\d{1,18}")
_CUT = re.compile(r"[:#/](?=.)", re.DOTALL)
_SURE = re.compile(":[:/]")  # what nobody has in the name of a file
_SUFFIX = re.compile(r"\.[A-Za-z]\w*$")
_ADDRESS = re.compile(
    r"(?:https?|s?ftps?|s3[an]?|gs|gcs|azs?|abfss?|wasbs?|adl|r2|oss|hdfs|hf|ssh|scp|smb|dbfs|file)://",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Part:
    """What stands in brackets behind the name of a dataset.

    index: of a slice of a stack, one an axis, None for a whole one, as (0, None, None) of "[0]" or
    "[0,:,:]"; () without. fold: "[fold]", each entry of the first axis folded to a row, in C order.
    major: "CSR" of "[csr]", "CSC" of "[csc]": how a square sparse matrix kept by hand is meant.
    """

    index: tuple[int | None, ...] = ()
    fold: bool = False
    major: str | None = None


def split_part(dataset: str) -> tuple[str, Part | None]:
    """The name of a dataset and the part of it that is asked for; None without brackets.

    Who has a dataset of the literal name takes that. Raises SettingsError for brackets that
    cannot be read.

    >>> split_part("/images[0]")
    ('/images', Part(index=(0,), fold=False, major=None))
    """
    name, bracket, inside = dataset.rstrip("]").rpartition("[")
    if not bracket or not dataset.endswith("]"):
        return dataset, None
    word = inside.strip().lower()
    if word == "fold":
        return name, Part(fold=True)
    if word in ("csr", "csc"):
        return name, Part(major=word.upper())
    axes = [axis.strip() for axis in word.split(",")]
    if not all(axis in ("", ":") or _WHOLE.fullmatch(axis) for axis in axes) or word in ("", ":"):
        raise SettingsError(
            f"{printable(dataset)} ends in brackets that name no part of it",
            "write [0] or [0,:,:] for a slice of a stack, [fold] for a row a slice, "
            "[csr] or [csc] for a sparse one",
        )
    return name, Part(tuple(None if axis in ("", ":") else int(axis) for axis in axes))


def spec_of(path: str, dataset: str | None) -> str:
    """What split_spec() cuts: a file, and a dataset in it where one is named.

    >>> spec_of("a.h5", "/X"), spec_of("a.npy", None)
    ('a.h5::/X', 'a.npy')
    """
    return f"{path}::{dataset}" if dataset else path


def split_spec(spec: str) -> tuple[Path, str | None]:
    """Cut spec into a path and the dataset behind it, None without one.

    The dataset stands behind `:/` or `::`, or behind `:`, `#` or `/`, as other tools have it, where
    what stands before is a file or a Zarr store. A file of the literal name wins, then the longest
    that is there.

    Raises StorageError for an address, for standard input, and for what no file can be called.

    >>> split_spec("no such file.h5::/a/b"), split_spec("none.h5:X")
    ((PosixPath('no such file.h5'), '/a/b'), (PosixPath('none.h5'), 'X'))
    """
    if "\0" in spec or not spec:
        raise StorageError(f"{printable(spec)!r} is not the name of a file", "name a file")
    if spec == "-" or spec.startswith(("-:", "-#")):  # though a file could be called so
        raise StorageError(f"{printable(spec)}: standard input is not read", "name a file")
    if _exists(Path(spec)):
        return Path(spec), None
    cuts = [found.start() for found in _CUT.finditer(spec, 1)]
    for cut in reversed(cuts):
        file = Path(spec[:cut])
        if _holds(file) or (_SURE.match(spec, cut) and _exists(file)):
            return file, _dataset(spec, cut)
    _refuse_address(spec)
    for cut in cuts:
        if _SURE.match(spec, cut) or (spec[cut] in ":#" and _SUFFIX.search(spec[:cut])):
            return Path(spec[:cut]), _dataset(spec, cut)
    return Path(spec), None


def is_address(spec: str) -> bool:
    """Whether it names something on another machine, or by a scheme.

    >>> is_address("s3://bucket/M.npy"), is_address("M.h5://X")
    (True, False)
    """
    return _ADDRESS.match(spec) is not None


def _refuse_address(spec: str) -> None:
    if is_address(spec):
        from urllib.parse import unquote

        scheme, _, rest = spec.partition("://")
        way_out = "download it first"
        if scheme.lower() == "file":
            way_out = f"write the path {printable(unquote(rest.removeprefix('localhost')))}"
        raise StorageError(f"{printable(spec)} is a URL", way_out)


def _dataset(spec: str, cut: int) -> str:
    return spec[cut + 1 :] if spec[cut] == "#" else spec[cut:].lstrip(":")


def _exists(path: Path) -> bool:
    try:
        return path.exists() or path.is_symlink()
    except OSError:  # a name too long for any file
        return False


def _holds(path: Path) -> bool:
    """Whether it is a file, or a folder that holds what a file could: a Zarr store."""
    from mfact.matrices.zarr.keys import is_store

    try:
        return path.is_file() or (path.is_dir() and is_store(path))
    except OSError:
        return False
