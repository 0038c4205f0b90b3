"""All that an HDF5 file holds, each thing once, and what it is to the choice among them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mfact.errors import DataError
from mfact.matrices.choice import Candidate
from mfact.matrices.conventions.attributes import TELLING, told_of
from mfact.matrices.hdf5 import objects
from mfact.matrices.hdf5.dense import Meant
from mfact.matrices.hdf5.frames import frame, is_frame
from mfact.matrices.hdf5.members import text
from mfact.matrices.hdf5.octave import is_octave, variable
from mfact.matrices.hdf5.sparse import candidate, is_sparse
from mfact.matrices.hdf5.variables import LINK, Variable, of_dataset
from mfact.matrices.hdf5.writers import Writer

_TABLES = ("dataframe", "categorical")  # of AnnData
_PYTABLES_INDEX = b"_i_"
_VALUES = ("value", "table")  # as Octave and pandas call them


@dataclass(frozen=True)
class Inventory:
    """What a file holds, in the eyes of its writer. root: its identifier. label: of the file."""

    root: Any
    writer: Writer
    label: str

    def all(self) -> list[Variable]:
        """Every dataset and every group that is one thing."""
        if is_sparse(self.root):
            return [self._group("/", self.root)]
        found, told = [], set()
        for entry in objects.walk(self.root, self._is_leaf):
            if entry.id is None:
                found.append(Variable(Candidate(entry.path, (), LINK, False), entry.path))
            elif entry.is_dataset:
                found.append(self._dataset(entry.path, entry.id))
                told |= told_of(entry.path, (text(entry.id, name) for name in TELLING))
            elif is_one(entry.id):
                found.append(self._group(entry.path, entry.id))
        return [each.set_aside() if each.candidate.name in told else each for each in found]

    def at(self, path: str, found: Any) -> Variable:
        """What a path leads to, found: its identifier; a group is one thing.

        Numbers that belong to a group which is one thing are read as that means them.
        """
        from h5py import h5g

        if isinstance(found, h5g.GroupID):
            return self._group(path, found)
        where, _, name = path.rpartition("/")
        whole = self._whole(where)
        if whole is None or (whole.path != path and name not in _VALUES):
            return self._dataset(path, found)
        return replace(whole, candidate=replace(whole.candidate, name=path))

    def _group(self, path: str, group: Any) -> Variable:
        if is_sparse(group):
            return Variable(candidate(self.root, path, group), path)
        return variable(path, group) if is_octave(group) else frame(path, group, self.label)

    def _dataset(self, path: str, dataset: Any) -> Variable:
        found = of_dataset(path, dataset, Meant(reversed=self.writer.reversed))
        return replace(found, note=self.writer.note)

    def _whole(self, path: str) -> Variable | None:
        """The variable of Octave or frame of pandas at a path."""
        if not path:
            return None
        try:
            group = objects.resolve(self.root, path, False, path)
        except DataError:
            return None
        return self._group(path, group) if is_octave(group) or is_frame(group) else None

    def _is_leaf(self, name: bytes, group: Any) -> bool:
        hidden = name in self.writer.hidden or name.startswith(_PYTABLES_INDEX)
        return hidden or is_one(group) or text(group, "encoding-type") in _TABLES


def is_one(group: Any) -> bool:
    """Whether a group identifier is one thing and no folder."""
    return is_sparse(group) or is_octave(group) or is_frame(group)
