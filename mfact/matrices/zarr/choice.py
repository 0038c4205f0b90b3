"""Which of the things in a Zarr store is the matrix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from mfact.errors import DataError, MfactError, SettingsError
from mfact.matrices.apart import Piece, apart
from mfact.matrices.choice import Candidate, absent, choose, listing
from mfact.matrices.conventions.attributes import TELLING, told_of
from mfact.matrices.gathered import Group
from mfact.matrices.layout import Layout
from mfact.matrices.spec import Part, split_part
from mfact.matrices.values import Asked, Look, check_kind, refuse_dataset
from mfact.matrices.zarr import slabs
from mfact.matrices.zarr.attributes import dimensions
from mfact.matrices.zarr.dense import ArrayReader, Chunking, inspect
from mfact.matrices.zarr.keys import Keys
from mfact.matrices.zarr.names import Naming, naming
from mfact.matrices.zarr.sparse import CompressedReader, inspect_sparse, is_sparse
from mfact.matrices.zarr.stores import Store, is_array, require_zarr
from mfact.words import printable

_MOST_NODES = 10_000
_LOOK_BYTES = 100 << 20
"""That so many nodes count for in the time that the look may take: each takes a millisecond."""

_TABLES = ("dataframe", "categorical")  # of AnnData


@dataclass(frozen=True)
class _Found:
    """What was taken. name: as it is typed, None where the store is one array. path: of the node.
    what: how it lies there.
    """

    name: str | None
    path: str
    part: Part | None
    what: tuple[Layout, Chunking] | Group
    naming: Naming | None = None
    notes: tuple[str, ...] = ()


def look(store: Store, asked: Asked, label: str) -> tuple[int, Look]:
    """(bytes of it, the matrix of a store): the array that is named, or a part of it, else X of
    AnnData, else the only one there can be.

    Raises DataError when there is none, or several, with the list of what is there, and
    MissingPackageError without zarr.
    """
    require_zarr(label)
    (piece,) = apart(partial(_look, store, asked, label), label, _LOOK_BYTES)
    found: _Found = piece.note
    where = label if found.name is None else f"{label}:{printable(found.name)}"
    held = store.held(found.path, label)
    linked = held.about if isinstance(held, Keys) else ()
    if isinstance(found.what, Group):
        group = found.what
        reader = CompressedReader(store, found.path, held, group, where)
        return held.size, Look(
            "zarr", found.name, group.shape, group.dtype.str, group.major, reader, sparse=True,
            linked=linked, naming=found.naming, notes=found.notes,
        )  # fmt: skip
    layout, chunking = found.what
    dense = ArrayReader(store, found.path, held, layout, chunking, found.part, where)
    return held.size, Look(
        "zarr", found.name, layout.matrix_shape, layout.stored_dtype, layout.order, dense,
        linked=linked, cut=partial(slabs.slabs, dense) if len(layout.shape) == 2 else None,
        naming=found.naming if found.part is None else None,
        notes=(*found.notes, *layout.notes, *filter(None, [slabs.absent(dense)])),
    )  # fmt: skip


def _look(store: Store, asked: Asked, label: str) -> Iterator[Piece]:
    with store.opened(label) as root:
        one = is_array(root) or is_sparse(root)
        yield Piece(_alone(root, asked, label) if one else
                    _Choice(store, root, asked, label).found(), None)  # fmt: skip


def _alone(root: Any, asked: Asked, label: str) -> _Found:
    """A store that is one array, or a part of it: "M.zarr::[0]"."""
    name = (asked.dataset or "").strip("/")
    path, part = split_part(name)
    if path.strip("/"):
        refuse_dataset(asked, "a Zarr array", label)
    where = f"{label}:{printable(name)}" if name else label
    return _described(root, name or None, "", part, asked, where, typed=f"{label}::")


@dataclass(frozen=True)
class _Choice:
    store: Store
    root: Any
    asked: Asked
    label: str

    def found(self) -> _Found:
        name, notes = self.asked.dataset, tuple[str, ...]()
        if name is None:
            name, notes = self._chosen()
        name = "/" + name.strip("/")
        label = f"{self.label}:{printable(name)}"
        path, part = name, None
        if (node := self._node(path)) is None:
            path, part = split_part(name)
            node = None if part is None else self._node(path)
        if node is None:
            raise DataError(f"{label} does not exist", absent(path, self._candidates(), "array"))
        if not is_array(node) and not is_sparse(node):
            held = self._candidates()
            inside = [each for each in held if each.name.startswith(f"{path.rstrip('/')}/")]
            way_out = listing(inside or held, "name one of its matrices")
            raise DataError(f"{label} is a group, not a matrix", way_out)
        found = _described(node, name, path.strip("/"), part, self.asked, label)
        names = naming(self.store, self.root, path, self.label)
        return replace(found, naming=names, notes=notes)

    def _chosen(self) -> tuple[str, tuple[str, ...]]:
        """The name of the matrix where none is given, and what there is to say of the choice."""
        held = self._candidates()
        if self.root.attrs.get("encoding-type") == "anndata":
            others = [each.name for each in held if each.name.startswith(("/layers/", "/raw/X"))]
            more = f" and {len(others) - 1} more" if len(others) > 1 else ""
            note = f"{self.label}: took /X, not {printable(others[0])}{more}" if others else ""
            return "/X", (note,) if note else ()
        if len(held) == 1:  # so that it is refused by its kind or shape
            return held[0].name, ()
        chosen, notes = choose(held, self.label, "array", points=self.asked.points)
        return chosen.name, notes

    def _node(self, path: str) -> Any:
        """What a path leads to; None for nothing."""
        try:
            return self.root[path.strip("/")] if path.strip("/") else self.root
        except (KeyError, ValueError):
            return None

    def _candidates(self) -> list[Candidate]:
        """Every array, and every group that is one matrix."""
        found, told = list[Candidate](), set[str]()
        waiting = [("", self.root)]
        while waiting and len(found) < _MOST_NODES:
            above, group = waiting.pop(0)
            for name, node in sorted(group.members(), key=lambda member: str(member[0])):
                path = f"{above}/{name}"
                if is_array(node):
                    found.append(_candidate(path, node))
                    told |= told_of(path, (_text(node, telling) for telling in TELLING))
                elif is_sparse(node):
                    found.append(_sparse_candidate(path, node))
                elif node.attrs.get("encoding-type") not in _TABLES:
                    waiting.append((path, node))
        return [replace(each, aside=each.aside or each.name in told) for each in found]


def _candidate(path: str, array: Any) -> Candidate:
    dtype, shape = array.dtype, tuple(array.shape)
    try:
        check_kind(dtype, "it")
    except DataError as error:
        kind = error.sentence.removeprefix("it holds ")
        return Candidate(path, shape, kind, False, aside=kind == "strings")
    axis = dimensions(array) == (path.rpartition("/")[2],)  # a coordinate of xarray
    return Candidate(path, shape, str(dtype), True, aside=axis)


def _sparse_candidate(path: str, group: Any) -> Candidate:
    try:
        return Candidate(path, inspect_sparse(group, "it").shape, "sparse", True)
    except MfactError as error:
        return Candidate(path, (), f"sparse, but {error.sentence}", False)


def _text(array: Any, name: str) -> str | None:
    value = array.attrs.get(name)
    return value if isinstance(value, str) else None


def _described(
    node: Any, name: str | None, path: str, part: Part | None, asked: Asked,
    label: str, typed: str = "",
) -> _Found:  # fmt: skip
    if not is_array(node):
        if part is not None:
            raise SettingsError(f"{label} is sparse and is read whole", "leave the brackets out")
        return _Found(name, path, None, inspect_sparse(node, label))
    if part is not None and part.fold and len(node.shape) < 3:
        raise SettingsError(f"{label} folds what is {len(node.shape)}-D", "leave [fold] out")
    return _Found(name, path, part, inspect(node, part, asked.points, label, typed))
