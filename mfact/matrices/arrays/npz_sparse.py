"""Which of the things in an NPZ file is a sparse matrix that is meant."""

from __future__ import annotations

from dataclasses import replace

from mfact.errors import MfactError, SettingsError
from mfact.matrices.arrays.npz import Member, candidate
from mfact.matrices.arrays.npz_kept import WHOLE, Group, groups_of
from mfact.matrices.choice import Candidate, choose
from mfact.matrices.seen import Seen
from mfact.matrices.spec import split_part
from mfact.matrices.values import Asked, Look
from mfact.words import printable


def is_sparse(found: list[Member]) -> bool:
    """Whether the members are the arrays of a sparse matrix."""
    return any(not group.before for group in groups_of(found))


def sparse_look(seen: Seen, found: list[Member], asked: Asked, label: str) -> Look | None:
    """The sparse matrix that is asked for, or the only matrix there is; None where that is not
    sparse. One is named by what stands before the names of its arrays, "data" for nothing, and
    "[csr]" or "[csc]" behind it for one that is square.

    Raises DataError where several could be meant, and for a sparse matrix that cannot be read.
    """
    groups = groups_of(found)
    if not groups:
        return None
    if asked.dataset is None:
        return _only(seen, groups, found, asked.points, label)
    name = asked.dataset.lstrip("/")
    if name != WHOLE and name in {member.name for member in found}:
        return None
    name, part = split_part(name)
    group = next((group for group in groups if group.name == (name or WHOLE)), None)
    if group is None or (part is None and asked.points and name == WHOLE):  # values as a column
        return None
    if part is not None and part.major is None:
        raise SettingsError(
            f"{label}:{printable(asked.dataset)} is a part of a sparse matrix, which is read whole",
            "leave the brackets out",
        )
    return _look(seen, group, name or None, part.major if part else None, label)


def _only(
    seen: Seen, groups: list[Group], found: list[Member], points: bool, label: str
) -> Look | None:
    of_groups = {name for group in groups for name in group.members}
    others = [candidate(member, label) for member in found if member.name not in of_groups]
    if len(groups) == 1 and not any(len(o.shape) > 1 and o.numbers for o in others):
        name = groups[0].name if groups[0].before else None
        return _look(seen, groups[0], name, None, label)
    sparse = [_candidate(seen, group, label) for group in groups]
    taken, notes = choose([*sparse, *others], label, "array", points=points)
    group = next((group for group in groups if group.name == taken.name), None)
    if group is None:
        return None
    look = _look(seen, group, group.name, None, label)
    return replace(look, notes=(*notes, *look.notes))


def _look(seen: Seen, group: Group, name: str | None, major: str | None, label: str) -> Look:
    return group.look(seen, name, major, f"{label}:{printable(name)}" if name else label)


def _candidate(seen: Seen, group: Group, label: str) -> Candidate:
    try:
        return Candidate(group.name, group.shape(seen, label), "sparse", True)
    except MfactError as error:
        why = error.sentence.removeprefix(f"{label} ")
        return Candidate(group.name, (), f"sparse, which {why}", False)
