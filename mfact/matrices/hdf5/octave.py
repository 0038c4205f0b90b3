"""Variables of Octave, as `save -hdf5` writes them: a group that holds a type and a value."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from mfact.matrices.choice import Candidate
from mfact.matrices.hdf5.dense import Meant
from mfact.matrices.hdf5.members import member
from mfact.matrices.hdf5.objects import kept_elsewhere
from mfact.matrices.hdf5.variables import Variable, of_dataset
from mfact.words import printable

_MARK, _EMPTY = b"OCTAVE_NEW_FORMAT", b"OCTAVE_EMPTY_MATRIX"
_MATRIX = re.compile(
    r"((float |complex |float complex |bool |u?int(8|16|32|64) )?matrix|lazy_index)"
)
_MOST_TYPE_BYTES = 64
_NOTE = "Octave lists lengths reversed, so M is {shape}, as size() says there"


def is_octave(group: Any) -> bool:
    """Whether a group identifier is a variable; a struct is a folder of such."""
    from h5py import h5a

    return h5a.exists(group, _MARK) and "struct" not in _type(group)


def variable(path: str, group: Any) -> Variable:
    """A variable of Octave, its lengths as Octave has them.

    Text and scalars are kept as numbers too, and known by their type alone.
    """
    from h5py import h5a, h5d

    kind, value = _type(group), member(group, b"value")
    empty = h5a.exists(group, _EMPTY)  # the value holds its lengths
    if isinstance(value, h5d.DatasetID) and _MATRIX.fullmatch(kind) and not empty:
        found = of_dataset(path, value, Meant(reversed=True), kind)
        return replace(found, path=f"{path}/value", note=_NOTE)
    sparse = kind.startswith("sparse")
    way_out = "save full(X) instead, or use save -v7" if sparse else "save a matrix of numbers"
    what = f"{'an empty' if empty else 'a'} {kind} of Octave"
    candidate = Candidate(path, (), kind, False, aside=not sparse)
    return Variable(candidate, path, refusal=(what, way_out))


def _type(group: Any) -> str:
    """Such as "matrix", "int32 matrix" or "scalar struct"."""
    import h5py
    from h5py import h5d

    found = member(group, b"type")
    if not isinstance(found, h5d.DatasetID) or kept_elsewhere(found):
        return "variable"
    if found.shape != () or found.get_type().get_size() > _MOST_TYPE_BYTES:
        return "variable"
    kind = h5py.Dataset(found)[()]
    return printable(kind.decode("latin-1")) if isinstance(kind, bytes) else "variable"
