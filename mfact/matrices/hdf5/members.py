"""What is told of an object by its attributes and its members, without following a link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mfact.matrices.hdf5.objects import attribute

_MOST_ATTRIBUTES = 100


@dataclass(frozen=True)
class Said:
    """The attributes of a dataset identifier, as conventions.attributes.Attributes has them."""

    dataset: Any

    def get(self, name: str) -> Any:
        return attribute(self.dataset, name)

    def names(self) -> list[str]:
        from h5py import h5a

        count = min(h5a.get_num_attrs(self.dataset), _MOST_ATTRIBUTES)
        found = (h5a.open(self.dataset, index=index).name for index in range(count))
        return [name.decode("utf-8", "surrogateescape") for name in found]

    def without(self, name: str) -> str:
        return f'del dataset.attrs["{name}"] in h5py'


def text(object_id: Any, name: str) -> str | None:
    """The value of an attribute that is one text, alone or as an array of one; None otherwise."""
    from h5py import h5a, h5t

    if not h5a.exists(object_id, name.encode()):
        return None
    found = h5a.open(object_id, name.encode())
    one = found.get_space().get_simple_extent_npoints() == 1
    if not one or found.get_type().get_class() != h5t.STRING:
        return None
    value = attribute(object_id, name)
    value = value.item() if isinstance(value, np.ndarray) else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def member(group: Any, name: bytes) -> Any:
    """The identifier of what a group holds under a name by a hard link; None otherwise."""
    from h5py import h5l, h5o

    if not group.links.exists(name) or group.links.get_info(name).type != h5l.TYPE_HARD:
        return None
    return h5o.open(group, name)
