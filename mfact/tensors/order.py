"""Which checkpoints are meant, and in which order they were made."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mfact.errors import DataError, StorageError
from mfact.tensors.steps import steps_in
from mfact.tensors.strangers import sharded
from mfact.words import printable

SUFFIXES = (
    ".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".npz", ".h5", ".pth.tar",
)  # fmt: skip
"""How the names of checkpoints end, where a folder is searched for them."""
_TEMPORARY = r"[.~].*|tmp[-_.].*"  # or hidden
# The same, and what trainers write beside the weights.
_BESIDE = re.compile(
    r"(optimizer|scheduler|scaler|training_args)(_\d+)?\.(pt|pth|bin)|rng_state(_\d+)?\.pth"
    rf"|.*optim_states\.pt|{_TEMPORARY}"
)
_SHARD = re.compile(r"(.*)-\d+-of-\d+\.\w+")
_FEW = 6


@dataclass(frozen=True)
class Ordered:
    """Checkpoints, the oldest first.

    steps: of each, as its name tells; None where it does not. order: how they were put in a row,
    in words. skipped: what a folder holds beside them, and was not taken for one.
    """

    paths: tuple[Path, ...]
    steps: tuple[int | None, ...]
    order: str
    skipped: tuple[str, ...] = ()


def found_in(paths: Sequence[str | os.PathLike[str]]) -> Ordered:
    """The checkpoints of files and folders, in order.

    A folder stands for the checkpoints in it or, where it holds none, for those of which each of
    its folders holds one. They are ordered by the number in their names (steps_in); where that
    does not tell, files are taken as given, and a folder is refused.

    Raises DataError where the order is unclear, StorageError where a folder cannot be listed.
    """
    if not all(map(os.fspath, paths)) or not paths:
        raise DataError("no checkpoint is named", "name a file or a folder")
    files: list[Path] = []
    skipped: list[str] = []
    for path in map(Path, paths):
        held, beside = _held_by(path) if _is_folder(path) else ([path], [])
        if len(held) > 1 and len(paths) > 1:
            raise DataError(
                f"{printable(path)} holds {len(held)} checkpoints and is not all that is given",
                "pass one folder, or the files",
            )
        files.extend(held)
        skipped.extend(beside)
    _refuse_shards(files)
    if again := _once(files)[1]:
        first, second = map(printable, again[0])
        raise DataError(f"{first} and {second} are one file", "pass it once")
    steps = steps_in([os.fspath(file) for file in files])
    if steps is not None:
        rows = sorted(zip(steps, files, strict=True))
        return Ordered(
            tuple(file for _, file in rows),
            tuple(step for step, _ in rows),
            f"by the number in their names: {_listed([str(step) for step, _ in rows])}",
            tuple(skipped),
        )
    if len(files) > len(paths):
        raise DataError(
            f"the names of the checkpoints in {printable(paths[0])} do not tell their order "
            f"({_listed([file.name for file in files])})",
            "pass the files in order",
        )
    return Ordered(tuple(files), (None,) * len(files), "as given", tuple(skipped))


def _held_by(folder: Path) -> tuple[list[Path], list[str]]:
    """(The checkpoints of a folder, in it or one in each of its folders; what was skipped)."""
    files, folders, skipped = _listing(folder)
    if files:
        return files, skipped + [f"{printable(inner.name)}/" for inner in folders]
    for inner in folders:
        held, _, beside = _listing(inner)
        if len(held) > 1:
            raise DataError(
                f"{printable(inner)} holds {len(held)} checkpoints "
                f"({_listed([file.name for file in held])})",
                "pass that folder alone, or the files in order",
            )
        files.extend(held)
        skipped.extend(f"{printable(inner.name)}/{name}" for name in beside)
    if not files:
        raise DataError(
            f"{printable(folder)} holds no checkpoint",
            f"name the file, or a folder of files that end in {', '.join(SUFFIXES)}",
        )
    return files, skipped


def _listing(folder: Path) -> tuple[list[Path], list[Path], list[str]]:
    """(The checkpoints in a folder, the folders in it, what was skipped), each by name."""
    try:
        # Links last, so that what they point to goes by its own name.
        inside = sorted(folder.iterdir(), key=lambda path: (path.is_symlink(), path.name))
        folders = [path for path in inside if path.is_dir() and not _BESIDE.fullmatch(path.name)]
        named = [path for path in inside if path.name.endswith(SUFFIXES) and path.is_file()]
    except OSError as error:
        raise StorageError(
            f"{printable(folder)} cannot be listed: {error.strerror}",
            "check the folder and its permissions",
        ) from error
    files, again = _once([path for path in named if not _BESIDE.fullmatch(path.name)])
    _refuse_shards(files)
    skipped = [printable(path.name) for path in named if _BESIDE.fullmatch(path.name)]
    skipped += [f"{printable(path.name)}, which is {printable(own.name)}" for own, path in again]
    return sorted(files), sorted(_once(folders)[0]), skipped


def _once(paths: Sequence[Path]) -> tuple[list[Path], list[tuple[Path, Path]]]:
    """(Those that are not one of the earlier by another name; that earlier one and each other)."""
    found: dict[object, Path] = {}
    again = []
    for path in paths:
        try:
            status = path.stat()
            place: object = status.st_dev, status.st_ino
        except (OSError, ValueError):  # told by who opens it
            place = path
        if place in found:
            again.append((found[place], path))
        else:
            found[place] = path
    return list(found.values()), again


def _refuse_shards(files: Sequence[Path]) -> None:
    """Raise DataError where two of them are parts of one checkpoint."""
    found = set()
    for file in files:
        if shard := _SHARD.fullmatch(file.name):
            whole = file.parent, shard[1]
            if whole in found:
                raise sharded(f"the checkpoint in {printable(file.parent)}")
            found.add(whole)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # told by who opens it
        return False


def _listed(words: Sequence[str]) -> str:
    """Words in a row, of many the first ones and the last."""
    told = [printable(word) for word in words]
    if len(told) <= _FEW:
        return ", ".join(told)
    return f"{', '.join(told[:3])}, …, {told[-1]}, {len(told)} in all"
