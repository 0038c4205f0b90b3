"""Which of the things in an HDF5 file is the matrix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from mfact.errors import DataError, SettingsError
from mfact.matrices.apart import Piece, apart
from mfact.matrices.choice import Candidate, absent, choose, listing
from mfact.matrices.hdf5 import objects, slabs, writers
from mfact.matrices.hdf5.dense import DenseReader, inspect_dense
from mfact.matrices.hdf5.inventory import Inventory, is_one
from mfact.matrices.hdf5.members import text
from mfact.matrices.hdf5.names import Naming, naming
from mfact.matrices.hdf5.sparse import SparseReader, inspect_sparse
from mfact.matrices.hdf5.variables import ELSEWHERE, Variable, notes_of
from mfact.matrices.seen import Seen
from mfact.matrices.spec import Part, split_part
from mfact.matrices.values import Asked, Look
from mfact.words import printable


def look(seen: Seen, asked: Asked, label: str) -> Look:
    """The matrix of a file: the dataset that is named, else the one that its writer means, else
    the only one there can be.

    Without a name: X of an AnnData file and such, else exactly one 2-D numeric dataset or sparse
    group; of points, a dataset of any number of dimensions.
    Raises DataError when there is none, or several, with the list of what is there.
    """
    import h5py  # noqa: F401  # here, so that each child finds it already imported

    with seen.opened(label) as stream:
        start = stream.read(writers.START_BYTES)
    (piece,) = apart(partial(_look, seen, asked, label, start), label)
    found: Look = piece.note
    return found


def _look(seen: Seen, asked: Asked, label: str, start: bytes) -> Iterator[Piece]:
    with objects.open_file(seen, label) as file:
        root = objects.root(file)
        held = Inventory(root, writers.who(root, start), label)
        yield Piece(_Choice(seen, asked, label, held).look(), None)


@dataclass(frozen=True)
class _Choice:
    seen: Seen
    asked: Asked
    label: str
    held: Inventory

    def look(self) -> Look:
        name, notes = self.asked.dataset, tuple[str, ...]()
        if name is None:
            name, notes = self._chosen()
        name = "/" + name.strip("/")
        label = f"{self.label}:{printable(name)}"
        path, found, part = self._resolved(name, label)
        what = self._described(name, path, found, part, label)
        follow = self.asked.follow_links
        linked = objects.other_files(found, self.seen.path) if follow else ()
        return replace(what, linked=linked, notes=(*notes, *what.notes))

    def _chosen(self) -> tuple[str, tuple[str, ...]]:
        """The name of the matrix where none is given, and what there is to say of the choice."""
        root, writer = self.held.root, self.held.writer
        writers.refuse_molecules(root, self.label)
        if writer.family == "AnnData" or (writer.takes is not None and self._takes(writer.takes)):
            return str(writer.takes), writers.notes(root, writer, self.label)
        held, points = self._candidates(), self.asked.points
        known = [each for each in held if not each.aside]
        if not any(each.numbers and (points or len(each.shape) > 1) for each in known):
            odd = [each for each in known if not each.numbers]
            here = [each for each in odd if each.kind not in ELSEWHERE]
            if here or len(odd) == 1:  # so that it is refused for what it is
                return (here or odd)[0].name, ()
            if odd:
                way_out = listing(odd, "name one with --dataset and --follow-links")
                raise DataError(f"{self.label} holds {len(odd)} parts of other files", way_out)
        chosen, why = choose(held, self.label, "dataset", points=points)
        return chosen.name, why

    def _takes(self, path: str) -> bool:
        """Whether the matrix that the writer means is one, or all points are asked for."""
        found = objects.resolve(self.held.root, path, False, path)
        candidate = self.held.at(path, found).candidate
        return candidate.numbers and (self.asked.points or len(candidate.shape) == 2)

    def _resolved(self, name: str, label: str) -> tuple[str, Any, Part | None]:
        """The path of what is named, its identifier, and the part of it that is asked for; a
        dataset whose literal name ends in brackets is taken for itself."""
        try:
            return name, self._resolve(name, label), None
        except objects.MissingObject as missing:
            path, part = split_part(name)
            if part is None:
                raise self._absent(missing, name) from None
        try:
            return path, self._resolve(path, label), part
        except objects.MissingObject as missing:
            raise self._absent(missing, path) from None

    def _resolve(self, path: str, label: str) -> Any:
        return objects.resolve(self.held.root, path, self.asked.follow_links, label)

    def _described(self, name: str, path: str, found: Any, part: Part | None, label: str) -> Look:
        from h5py import h5d, h5g

        group = isinstance(found, h5g.GroupID)
        if not isinstance(found, h5d.DatasetID) and not (group and is_one(found)):
            inside = [each for each in self._candidates() if each.name.startswith(f"{path}/")]
            way_out = listing(inside or self._candidates(), "name one of its matrices")
            raise DataError(f"{label} is a group, not a matrix", way_out)
        thing = self.held.at(path, found)
        if thing.refusal is not None:
            what, way_out = thing.refusal
            raise DataError(f"{label} is {what}", way_out)
        if group and thing.path == path:
            return self._sparse(name, thing, found, part, label)
        dataset = found if thing.path == path else self._resolve(thing.path, label)
        return self._dense(name, thing, dataset, part, label)

    def _sparse(
        self, name: str, thing: Variable, group: Any, part: Part | None, label: str
    ) -> Look:
        if part is not None and part.major is None:
            raise SettingsError(f"{label} is sparse and is read whole", "leave the brackets out")
        follow, root = self.asked.follow_links, self.held.root
        order = {} if part is None else {"major": part.major}
        layout = inspect_sparse(root, thing.path, group, follow, label, **order)
        reader = SparseReader(self.seen, thing.path, layout, follow, label)
        stored = layout.dtype.str
        return Look(
            layout.family, name, layout.shape, stored, layout.major, reader, sparse=True,
            naming=self._naming(thing, layout.shape, label), notes=layout.notes,
        )  # fmt: skip

    def _dense(
        self, name: str, thing: Variable, dataset: Any, part: Part | None, label: str
    ) -> Look:
        self._require_entries(thing, dataset, label)
        points, follow, of = self.asked.points, self.asked.follow_links, thing.candidate
        if part is not None and part.fold:
            if len(of.shape) < 3:
                raise SettingsError(f"{label} folds what is {len(of.shape)}-D", "leave [fold] out")
            points = True
        meant = replace(thing.meant, part=part, fills=writers.fills(self.held.writer, dataset))
        layout = inspect_dense(dataset, follow, label, points, meant)
        reader = DenseReader(self.seen, thing.path, layout, follow, label, meant)
        naming = layout.naming or self._naming(thing, layout.matrix_shape, label)
        family = "h5ad" if self.held.writer.family == "AnnData" else "hdf5"
        return Look(
            "matlab" if text(dataset, "MATLAB_class") else family,
            name,
            layout.matrix_shape,
            layout.stored_dtype,
            layout.order,
            reader,
            cut=partial(slabs.slabs, reader) if len(layout.shape) == 2 else None,
            naming=naming if part is None else None,
            notes=(*notes_of(thing, dataset, layout.matrix_shape, label), *layout.notes),
        )

    def _require_entries(self, thing: Variable, dataset: Any, label: str) -> None:
        """Raise DataError for a null dataset, as which AnnData keeps an X that is not there."""
        if objects.kept_elsewhere(dataset) or dataset.shape is not None:
            return
        if self.held.writer.takes == thing.path:
            raise self._without_x()
        way_out = listing(self._matrices(), "name one with --dataset")
        raise DataError(f"{label} is a null dataset, which holds nothing", way_out)

    def _naming(self, thing: Variable, shape: tuple[int, int], label: str) -> Naming | None:
        return naming(self.seen, self.held.root, self.held.writer, thing, shape, label)

    def _absent(self, missing: objects.MissingObject, name: str) -> DataError:
        if name == "/X" and self.held.writer.family == "AnnData":
            return self._without_x()
        way_out = absent(name, self._candidates(), "dataset")
        return DataError(missing.sentence, way_out)

    def _without_x(self) -> DataError:
        way_out = listing(self._matrices(), "name one with --dataset")
        return DataError(f"{self.label}: X is empty (AnnData without X)", way_out)

    def _matrices(self) -> list[Candidate]:
        """What can be named, where there is any; else all that there is."""
        held = self._candidates()
        return [each for each in held if each.numbers and len(each.shape) > 1] or held

    def _candidates(self) -> list[Candidate]:
        return [thing.candidate for thing in self.held.all()]
