"""Which variable of a MATLAB file of before v7.3 is the matrix, and what part of it."""

from __future__ import annotations

from mfact.errors import DataError, SettingsError
from mfact.matrices.choice import Candidate, choose, listing
from mfact.matrices.matlab.headers import Variable, variables
from mfact.matrices.matlab.values import MatlabReader, MatlabSparseReader
from mfact.matrices.parts import check_planar, fixed
from mfact.matrices.seen import Seen
from mfact.matrices.spec import Part, split_part
from mfact.matrices.values import Asked, Look, check_shape
from mfact.words import printable

_WAYS_OUT = {
    "cell": "save a numeric matrix, as M = cell2mat(C)",
    "object": "save a numeric matrix, of a table M = table2array(T)",
    "struct": "save one of its fields, as M = S.X",
    "v4 sparse": "save it in MATLAB with -v7",
}


def look(seen: Seen, asked: Asked, label: str) -> Look:
    """The variable that is named, or the only matrix there is. Its values are not read.

    Raises DataError for what is no matrix, and where several are; StorageError for a damaged file.
    """
    found = variables(seen, label)
    variable, part, notes = _chosen(found, asked, label)
    dataset = variable.name if part is None else str(asked.dataset).lstrip("/")
    label = f"{label}:{printable(dataset)}"
    if not variable.stored:
        way_out = _WAYS_OUT.get(variable.kind, "save a numeric matrix")
        raise DataError(f"{label} is a MATLAB {variable.kind}", way_out)
    if variable.complex:
        raise DataError(
            f"{label} holds complex numbers", "factor the real and the imaginary part separately"
        )
    sparse = variable.kind == "sparse"
    if sparse and part is not None:
        raise SettingsError(f"{label} is sparse and is read whole", "leave the brackets out")
    index = fixed(part, variable.shape, label)
    fold = asked.points or (part is not None and part.fold)
    if not fold:
        check_planar(variable.shape, index, True, label)
    index = index or (None,) * len(variable.shape)
    left = tuple(n for n, at in zip(variable.shape, index, strict=True) if at is None)
    shape = check_shape(left, label, fold)
    dense = MatlabReader(seen, variable, index, shape, label)
    reader = MatlabSparseReader(seen, variable, label) if sparse else dense
    order = "CSC" if sparse else "F"
    return Look(
        "matlab-5", dataset, shape, variable.stored, order, reader, sparse=sparse, notes=notes
    )


def _chosen(
    found: list[Variable], asked: Asked, label: str
) -> tuple[Variable, Part | None, tuple[str, ...]]:
    """(which one is meant, the part of it, notes on what was left beside it)."""
    candidates = [_candidate(each) for each in found]
    if asked.dataset is None:
        odd = next((each for each in found if each.kind != "char" and 0 not in each.shape), None)
        if odd is not None and not any(each.numbers for each in candidates):
            return odd, None, ()  # so that it is refused for what it is
        taken, notes = choose(candidates, label, "variable", points=asked.points)
        return found[candidates.index(taken)], None, notes
    name, part = split_part(asked.dataset.lstrip("/"))  # no name of a variable has a bracket
    named = [each for each in found if each.name == name]
    if not named:
        way_out = listing(candidates, "name another")
        raise DataError(f"{label} has no variable {printable(name)}", way_out)
    if len(named) > 1:
        raise DataError(f"{label} holds {printable(name)} twice", "save it again in MATLAB")
    return named[0], part, ()


def _candidate(variable: Variable) -> Candidate:
    numbers = bool(variable.stored) and not variable.complex
    kind = f"complex {variable.kind}" if variable.complex else variable.kind
    vector = len(variable.shape) == 2 and 1 in variable.shape
    return Candidate(
        variable.name, variable.shape, kind, numbers, not variable.stored, vector, reversed=True
    )
