"""The checkpoints that a balance is asked of: files from elsewhere, and our own run files."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mfact.chains.joints import Chain
from mfact.core import Array, NetworkResult, Result
from mfact.errors import SettingsError
from mfact.pairing.laid_out import chain_of, factor_chain
from mfact.storage.architectures import restored
from mfact.storage.either import read_either
from mfact.storage.images import kind_of
from mfact.tensors.order import found_in
from mfact.tensors.source import open_state_dict
from mfact.tensors.state_dict import StateDict, Tensor
from mfact.words import printable

RUN_FILE = "run file"


@dataclass(frozen=True)
class Checkpoint:
    """One state of a network. step: None where it is not known."""

    name: str
    step: int | None
    file: StateDict


@dataclass(frozen=True)
class Checkpoints:
    """In order. order: how they were put in it, in words. chain: that of a run file, which knows
    its layers; None: to be found from names and shapes. skipped: files of a folder that are none.
    """

    each: tuple[Checkpoint, ...]
    order: str
    chain: Chain | None = None
    skipped: tuple[str, ...] = ()


def opened(paths: Sequence[str | os.PathLike[str]]) -> Checkpoints:
    """Look at the checkpoints of files, of a folder of them, or of a run file: its start and end.

    Nothing of a file from elsewhere is read but where its tensors are. Raises StorageError,
    DataError and SettingsError for what is no checkpoint, or in no clear order.
    """
    found = found_in(paths)
    kinds = [kind_of(path) for path in found.paths]
    for path, kind in zip(found.paths, kinds, strict=True):
        if kind in ("checkpoint", "network_checkpoint"):
            raise SettingsError(
                f"{printable(path)} is a checkpoint of a run that is not over",
                f"end it with `mfact resume {printable(path)}`, and pass its run file",
            )
        if kind == "sweep":
            raise SettingsError(
                f"{printable(path)} is the file of a sweep, which holds no weights",
                "name checkpoints, or one run file of `mfact solve` or `mfact network`",
            )
    if not any(kinds):
        files = [open_state_dict(path) for path in found.paths]
        each = [
            Checkpoint(file.label, step, file)
            for file, step in zip(files, found.steps, strict=True)
        ]
        return Checkpoints(tuple(each), found.order, skipped=found.skipped)
    if len(kinds) > 1:
        run_file = next(path for path, kind in zip(found.paths, kinds, strict=True) if kind)
        raise SettingsError(
            f"{printable(run_file)} is a run file, which holds its start and its end",
            "name one run file, and nothing beside it",
        )
    return _of_run(found.paths[0])


def _of_run(path: Path) -> Checkpoints:
    result = read_either(path)
    steps = int(result.summary["iterations"])
    if isinstance(result, Result):
        U, V = result.U, result.V
        last = _held(path, {"V": V, "U": U})
        return Checkpoints(
            (Checkpoint(f"{last.label}, the end", steps, last),), "a run file",
            factor_chain(U.shape, V.shape),
        )  # fmt: skip
    return Checkpoints(
        tuple(
            Checkpoint(f"{printable(path)}, the {when}", step, _held(path, weights))
            for when, step, weights in (("start", 0, result.start), ("end", steps, result.weights))
        ),
        "a run file, its start and its end",
        _chain(result),
    )


def _chain(result: NetworkResult) -> Chain:
    net = restored(result.network, result.ties)
    return chain_of(net, {part.name: part.name for part in net.parts})


def _held(path: Path, arrays: Mapping[str, Array]) -> StateDict:
    tensors = [
        Tensor(name, array.shape, array.dtype.name, partial(arrays.__getitem__, name))
        for name, array in arrays.items()
    ]
    return StateDict(
        path, printable(path), RUN_FILE, tuple(tensors), in_order=True,
        rewritten=partial(_as_npz, arrays),
    )  # fmt: skip


def _as_npz(arrays: Mapping[str, Array], others: Mapping[str, Array]) -> bytes:
    """The weights of a run as an NPZ file, some of them others."""
    stream = io.BytesIO()
    named = {name: others.get(name, W).astype(W.dtype) for name, W in arrays.items()}
    np.savez(stream, allow_pickle=False, **named)
    return stream.getvalue()
