"""Which of the tensors in a checkpoint of torch's are the network, and by what names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from mfact.errors import DataError
from mfact.matrices.declared import short
from mfact.tensors.torch_objects import LONGEST_NAME, View, refused

STATE_DICTS = ("state_dict", "model_state_dict", "model", "module", "net", "network")
"""Keys under which people save one beside other things. Not "ema": what is balanced of an average
of weights is not the average of what is balanced of them."""

MOST_TENSORS = 100_000
_DEEPEST = 32
_OPTIMIZER = {"state", "param_groups"}


def choose(value: object, label: str) -> tuple[dict[str, View], tuple[str, ...]]:
    """(tensors by name, names of all else): those of the one state dict, else of the whole value.

    Dicts in dicts give dotted names. The state of an optimizer is known by its two keys. Raises
    DataError where nothing, or more than one thing, could be meant.
    """
    if type(value) is not dict:
        raise refused("no dict of tensors", label)
    if value.keys() == _OPTIMIZER:
        raise refused("the state of an optimizer", label)
    holders = _holders(value)
    named = [key for key in STATE_DICTS if id(value.get(key)) in holders]
    if len(named) > 1:
        raise DataError(
            f"{label} holds {len(named)} state dicts, {', '.join(named)}",
            "save the one that is meant alone with torch.save",
        )
    left = [short(key) for key in value if named and key not in named]
    network: dict[str, View] = {}
    for name, item in _leaves(value[named[0]] if named else value, holders, label):
        if not isinstance(item, View):
            left.append(short(name))
            continue
        if name in network:
            raise refused(f"{short(name)} twice", label)
        network[name] = item
        if len(network) > MOST_TENSORS:
            raise refused(f"more than {MOST_TENSORS} tensors", label)
    return network, tuple(left)


def _dicts_in(value: dict[str, object]) -> Iterator[dict[str, object]]:
    return (item for item in value.values() if isinstance(item, dict) and item.keys() != _OPTIMIZER)


def _holders(top: dict[str, object]) -> set[int]:
    """The identities of all dicts that hold a tensor, or a dict that does; each is visited once,
    however often it is held."""
    met, waiting = {id(top): top}, [top]
    held_by: dict[int, list[int]] = defaultdict(list)
    while waiting:
        outer = waiting.pop()
        for inner in _dicts_in(outer):
            held_by[id(inner)].append(id(outer))
            if id(inner) not in met:
                met[id(inner)] = inner
                waiting.append(inner)
    found: set[int] = set()
    rising = [
        key for key, each in met.items() if any(isinstance(item, View) for item in each.values())
    ]
    while rising:
        key = rising.pop()
        if key not in found:
            found.add(key)
            rising += held_by[key]
    return found


def _leaves(top: dict[str, object], holders: set[int], label: str) -> Iterator[tuple[str, object]]:
    """(dotted name, item) of all that is no dict with tensors, in order."""
    visited = {id(top)}
    path = [("", iter(top.items()))]
    while path:
        prefix, items = path[-1]
        for key, item in items:
            name = f"{prefix}{key}"
            if len(name) > LONGEST_NAME:
                raise refused(f"a name of {len(name)} characters", label)
            if isinstance(item, dict) and id(item) in holders:
                if id(item) in visited:
                    raise refused(f"{short(name)} in another place too", label)
                if len(path) == _DEEPEST:
                    raise refused(f"dicts {_DEEPEST} deep", label)
                visited.add(id(item))
                path.append((f"{name}.", iter(item.items())))
                break
            yield name, item
        else:
            path.pop()
