"""The balance of a network in its checkpoints: how each stands, and how it moved in between."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from mfact.chains.balance import Standing, standing
from mfact.chains.joints import Chain
from mfact.chains.kappa import Moved, moved
from mfact.chains.rescale import Rescaled, rescaled
from mfact.core import Array
from mfact.errors import DataError, SettingsError
from mfact.host.atomic import replace_file
from mfact.host.memory import MemoryPlan, available_bytes
from mfact.host.threads import working
from mfact.networks.toml import read_layers
from mfact.pairing.given import chained
from mfact.pairing.laid_out import laid_out
from mfact.pairing.pairing import paired
from mfact.ranges import Count
from mfact.run.doing import NOTHING, Doing
from mfact.studies.balance_numbers import MOVES, alone, numbers_of
from mfact.studies.checked import Judged, judged
from mfact.studies.checkpoints import Checkpoint, Checkpoints
from mfact.studies.requirements import Requirement, evaluate
from mfact.tensors.state_dict import UNITS, StateDict
from mfact.theory.checkpoint_claims import claims, kappa_of
from mfact.words import by, printable, shown

_BUFFERS = 64 << 20
"""Bytes of blocks in float64 on the way, and of what the libraries take."""


class Move(NamedTuple):
    """How a joint moved in an interval. kappa: of mfact.theory.checkpoint_claims.kappa_of()."""

    moved: Moved
    kappa: Mapping[str, float]


class Interval(NamedTuple):
    """From one checkpoint to the next; moves: of each joint."""

    first: str
    last: str
    moves: tuple[Move, ...]


class Written(NamedTuple):
    """A network that was rescaled and written. kind: that of its weights which rounds most; change:
    how far rounding may move f, see Rescaled.change().
    """

    rescaled: Rescaled
    kind: str
    change: float


@dataclass(frozen=True)
class Audit(Judged):
    """What was found in checkpoints.

    claims: what was required, then what the moves say. checkpoints: in order; order: how they were
    put in it. chain: which layers were paired, and what was left out. standings: of each
    checkpoint, of each joint. numbers: by name, those of joint h with _h behind it. written: the
    balanced network, where one was asked for.
    """

    checkpoints: tuple[Checkpoint, ...] = field(repr=False)
    order: str = field(repr=False)
    chain: Chain = field(repr=False)
    standings: tuple[tuple[Standing, ...], ...] = field(repr=False)
    intervals: tuple[Interval, ...] = field(repr=False)
    numbers: Mapping[str, float] = field(repr=False)
    written: Written | None = field(default=None, repr=False)


@working(1)
def audit(
    found: Checkpoints,
    *,
    layers: str | None = None,
    chains: Sequence[str] = (),
    steps_apart: int | None = None,
    requirements: Sequence[Requirement] = (),
    rescale: str | os.PathLike[str] | None = None,
    doing: Doing = NOTHING,
) -> Audit:
    """How balanced the layers are in each checkpoint, and what their movement tells.

    layers: the network, as `mfact network` takes it. chains: names of tensors that follow each
    other, a comma between them. steps_apart: from each checkpoint to the next. rescale: where to
    write the balanced network that computes the same function, in the container of its checkpoint;
    that of a run file, at its end, as NPZ.

    Raises SettingsError, DataError and StorageError, and MemoryPlanError where two checkpoints do
    not fit.
    """
    if steps_apart is not None and not Count(least=1).admits(steps_apart):
        raise SettingsError(f"--steps-apart is {shown(steps_apart)}", "give 1, 2, …")
    if steps_apart is not None and len(found.each) < 2:
        raise SettingsError(
            "one checkpoint has no steps between it and another",
            "leave --steps-apart out, or name two",
        )
    if len(found.each) < 2 and (of_two := [r.text for r in requirements if r.is_of(MOVES)]):
        raise SettingsError(
            f"{shown(of_two[0])} requires what two checkpoints tell, and there is one",
            "name two, or require excess<LIMIT",
        )
    if rescale is not None and len(found.each) > 1 and found.chain is None:
        raise SettingsError(
            f"--rescale writes one network, and there are {len(found.each)} checkpoints",
            "name one of them",
        )
    files = [each.file for each in found.each]
    chain = _chain(found, layers, chains)
    for file in files[1:]:
        _require_alike(files[0], file, chain)
    _plan(files, chain, copies=min(2, len(files)) if rescale is None else 4)
    standings, moves = [], []
    before: Mapping[str, Array] = {}
    for at, file in enumerate(files):
        with doing.now(f"reading {file.label}"):
            values = _read(file, chain)
        standings.append(tuple(standing(joint, values) for joint in chain.joints))
        if before:
            kinds = (_kinds(files[at - 1]), _kinds(file))
            moves.append([moved(joint, before, values, kinds) for joint in chain.joints])
        before = values
    names = [each.name for each in found.each]
    judgements = claims(chain, moves, steps_apart, names)
    intervals = tuple(
        Interval(*pair, tuple(Move(move, kappa_of(move, steps_apart)) for move in each))
        for pair, each in zip(pairwise(names), moves, strict=True)
    )
    numbers = dict(numbers_of(standings, moves, judgements))
    required = evaluate(requirements, numbers, judgements)
    return Audit(
        sentence=judged(required, judgements) if judgements or required else alone(standings[-1]),
        claims=(*required, *judgements),
        checkpoints=found.each,
        order=found.order,
        chain=chain,
        standings=tuple(standings),
        intervals=intervals,
        numbers=numbers,
        written=None if rescale is None else _written(files[-1], chain, values, rescale),
    )


def _written(
    file: StateDict, chain: Chain, values: Mapping[str, Array], path: str | os.PathLike[str]
) -> Written:
    made = rescaled(chain, values)
    replace_file(path, file.rewritten(made.values))
    kinds = _kinds(file)
    kind = max((kinds[name] for name in chain.tensors), key=lambda kind: UNITS[kind])
    return Written(made, kind, made.change(UNITS[kind]))


def _chain(found: Checkpoints, layers: str | None, chains: Sequence[str]) -> Chain:
    """As it is told, as a run file knows it, or as names and shapes say."""
    file = found.each[0].file
    if layers is not None and chains:
        raise SettingsError("--layers and --chain exclude each other", "give one")
    if found.chain is not None:
        if layers is not None or chains:
            raise SettingsError(
                f"{file.label} is a run file and knows its layers",
                "leave --layers and --chain out",
            )
        return found.chain
    if layers is not None:
        return laid_out(file, read_layers(layers, _inputs(file)))
    return chained(file, chains) if chains else paired(file)


def _inputs(file: StateDict) -> int | None:
    """How many numbers the first layer takes, where it is a matrix."""
    shapes = [tensor.shape for tensor in file.tensors if len(tensor.shape) > 1]
    return shapes[0][1] if shapes and len(shapes[0]) == 2 else None


def _require_alike(first: StateDict, other: StateDict, chain: Chain) -> None:
    ours, theirs = first.named, other.named
    for name in chain.tensors:
        if name not in theirs:
            raise DataError(
                f"{other.label} has no {printable(name)}, which {first.label} has",
                "name checkpoints of one network",
            )
        if theirs[name].shape != ours[name].shape:
            here, there = (by(each[name].shape) for each in (theirs, ours))
            raise DataError(
                f"{printable(name)} is {here} in {other.label}, and {there} in {first.label}",
                "name checkpoints of one network",
            )


def _plan(files: Sequence[StateDict], chain: Chain, copies: int) -> MemoryPlan:
    """Of the tensors that take part so many copies are held at a time."""
    sizes = [sum(file.named[name].bytes for name in chain.tensors) for file in files]
    plan = MemoryPlan({"weights": copies * max(sizes), "buffers": _BUFFERS}, available_bytes())
    return plan.check("free memory, or name fewer layers with --chain", subject="the balance")


def _read(file: StateDict, chain: Chain) -> dict[str, Array]:
    named = file.named
    return {name: named[name].values() for name in chain.tensors}


def _kinds(file: StateDict) -> dict[str, str]:
    return {tensor.name: tensor.kind for tensor in file.tensors}
