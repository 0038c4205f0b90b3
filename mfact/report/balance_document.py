"""The balance of checkpoints as one document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mfact.chains.balance import Standing
from mfact.chains.joints import Joint
from mfact.report.machine import finite
from mfact.report.sheets import Row
from mfact.storage.audits import SCHEMA
from mfact.studies.balance import Audit, Move, Written

_MOVES = (
    "moved", "drift", "kappa", "kappa_without_bias", "judged", "still", "below_rounding",
)  # fmt: skip
"""What a sheet tells of a move."""


def document(found: Audit) -> dict[str, Any]:
    """All that was found, as JSON values under the schema "mfact-balance/1".

    joints: which layers meet, h from 1. checkpoints: how each joint stands; intervals: how it moved
    from one to the next.
    """
    made = {
        "schema": SCHEMA,
        "order": found.order,
        "layers": found.chain.order,
        "activations_known": found.chain.scales,
        "joints": [_joint(h, joint) for h, joint in enumerate(found.chain.joints, 1)],
        "left_out": [vars(each) for each in found.chain.left_out],
        "checkpoints": [
            {"name": each.name, "step": each.step, "format": each.file.form,
             "beside": list(each.file.left),
             "joints": [_standing(h, standing) for h, standing in enumerate(standings, 1)]}
            for each, standings in zip(found.checkpoints, found.standings, strict=True)
        ],
        "intervals": [
            {"from": first, "to": last, "joints": [_moved(h, m) for h, m in enumerate(moves, 1)]}
            for first, last, moves in found.intervals
        ],
        "rescaled": None if found.written is None else _rescaled(found.written),
        "holds": found.holds,
        "sentence": found.sentence,
        "claims": [vars(claim) for claim in found.claims],
        "numbers": dict(found.numbers),
    }  # fmt: skip
    cleaned: dict[str, Any] = finite(made)
    return cleaned


def _joint(h: int, joint: Joint) -> dict[str, Any]:
    return {
        "h": h,
        "first": joint.first,
        "second": joint.second,
        "units": joint.units,
        "bias": joint.bias is not None,
        "degree": joint.degree,
        "note": joint.note,
        "tensors": [slot.tensor for slot in joint.slots],
    }


def _standing(h: int, found: Standing) -> dict[str, Any]:
    worst = found.worst
    return {
        "h": h,
        "in": found.total_in,
        "out": found.total_out,
        "difference": found.difference,
        "ratio": found.ratio,
        "excess": found.excess,
        "worst_unit": None if worst is None else worst.unit,
        "worst": None if worst is None else worst.share,
        "dead": found.dead,
        "not_finite": found.skipped,
    }


def _moved(h: int, move: Move) -> dict[str, Any]:
    moved = move.moved
    return {
        "h": h,
        "moved": moved.relative,
        "drift": float(np.max(np.abs(moved.change[moved.finite]), initial=0.0)),
        "kappa": move.kappa.get("kappa"),
        "kappa_without_bias": move.kappa.get("without_bias"),
        "judged": int(np.sum(moved.judged)),
        "still": int(np.sum(moved.still)),
        "below_rounding": int(np.sum(moved.hidden)),
        "not_finite": int(np.sum(~moved.finite)),
    }


def _rescaled(written: Written) -> dict[str, Any]:
    found = written.rescaled
    return {
        "norm_before": found.before,
        "norm_after": found.after,
        "sweeps": found.sweeps,
        "settled": found.settled,
        "balanced_to": found.worst,
        "units_left": found.left,
        "stored_as": written.kind,
        "rounding_changes": written.change,
    }


def rows(doc: Mapping[str, Any]) -> Iterator[Row]:
    """Of a sheet: a row a checkpoint and joint, with how the joint moved since the one before."""
    moves = [None, *(each["joints"] for each in doc["intervals"])]
    for each, moved in zip(doc["checkpoints"], moves, strict=True):
        for i, joint in enumerate(doc["joints"]):
            found: dict[str, Any] = {"checkpoint": each["name"], "step": each["step"]}
            found |= {"first": joint["first"], "second": joint["second"], "units": joint["units"]}
            found |= each["joints"][i]
            told = {} if moved is None else moved[i]
            yield found | {name: told.get(name) for name in _MOVES}
