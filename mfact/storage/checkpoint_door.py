"""The checkpoint of a run is checked here, once, before a run goes on from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.engines.choice import has_bases
from mfact.methods.choice import PLAIN
from mfact.storage.checkpoint_kinds import CHECKPOINT, of_state
from mfact.storage.door import require_numbers, under
from mfact.storage.kinds import refuse
from mfact.trace import GRAMS, TIMES

_RECORDED = ("step", "log10_step", "loss", "audit")
_STATE = {bases: of_state(bases=bases) for bases in (False, True)}
_SHARED = of_state(bases=False, shared=True)
_PART = re.compile(r"(point|memory|ledger/start|ledger/entries|ledger/memory)/\d{1,3}")
_LIKE = {"memory": "point", "ledger/memory": "ledger/start"}
"""What the arrays of a memory are like, in shape."""


def require_checkpoint(arrays: Mapping[str, Array], document: Mapping[str, Any]) -> None:
    """Raise ValueError, with the place and what is wrong there, unless this is the checkpoint of a
    run: each entry what its name says, each array of the shape that the others ask for, finite.
    """
    CHECKPOINT(document, "")
    bases = "basis/left" in document["state"]
    if bases and not has_bases(document["chosen"]["engine"]):
        raise ValueError("its state has bases, and its engine keeps none")
    _STATE[bases](document["state"], "state")
    shapes = _shapes(document, bases)
    if document["good"] is not None:
        _SHARED(document["good"], "good")
        shapes |= {
            name.replace("state/", "good/", 1): shape
            for name, shape in shapes.items()
            if _PART.fullmatch(name.removeprefix("state/"))
        }
    for name, shape in shapes.items():
        if name not in arrays:
            raise ValueError(f"it lacks the array {name}")
        _array(name, arrays[name], shape, document)
    if "state/spectrum/sigma" in shapes:
        _spectrum(arrays["state/spectrum/sigma"], arrays["state/basis/B"])
    for part in ("state", "good"):
        if (name := f"{part}/distance/tangent") in arrays:
            like = shapes["state/point/0"] if bases else None
            if like and document["settings"]["method"] != PLAIN:
                kept = sum(each.startswith(f"{part}/memory/") for each in arrays)
                like = (1 + kept, *like)
            _array(name, arrays[name], like, document)
        _memories(part, arrays, shapes, document)
    _recorder(arrays, document["recorder"])
    _modes(arrays, document)
    flights = [] if document["flight"] is None else document["flight"]["rows"]
    if any(each.keys() != flights[0].keys() for each in flights):
        raise ValueError("the rows of its flight are of different columns")


def _spectrum(sigma: Array, B: Array) -> None:
    """The singular values of B descend, and their squares add up to its own."""
    size = float(np.linalg.norm(B))
    descend = bool(np.all(sigma[1:] <= sigma[:-1]) and sigma[-1] >= 0)
    if not descend or not abs(float(np.linalg.norm(sigma)) - size) <= 1e-5 * size:
        raise ValueError("state/spectrum/sigma are not the singular values of state/basis/B")


def _shapes(document: Mapping[str, Any], bases: bool) -> dict[str, tuple[int, ...]]:
    """The shape of each array that a run in this state has."""
    (d1, d2), r = document["fingerprint"]["shape"], document["settings"]["rank"]
    state = document["state"]
    shapes: dict[str, tuple[int, ...]] = {"ledger/start/0": (r, r), "ledger/entries/0": (r, r)}
    if not bases:
        shapes |= {"point/0": (d1, r), "point/1": (d2, r)}
    else:
        (k1, p1), (k2, p2) = state["basis/left"], state["basis/right"]
        K = max(k1, k2, 1)
        shapes |= {
            "point/0": (2, r, K),
            "basis/left": (d1, k1 + p1),
            "basis/right": (d2, k2 + p2),
            "basis/B": (k1, k2),
            "basis/leak_left": (p1, state["basis/last_right"]),
            "basis/leak_right": (p2, state["basis/last_left"]),
        }
        if "spectrum/tail" in state:
            if (state["spectrum/rank"], state["spectrum/d"]) != (r, max(d1, d2)):
                raise ValueError("the spectrum in its state is of another problem")
            if not 1 <= state["spectrum/k"] <= min(r, K):
                refuse(state["spectrum/k"], "state.spectrum/k", f"from 1 to {min(r, K)}")
            shapes |= {
                "spectrum/phi": (K, K),
                "spectrum/psi": (K, K),
                "spectrum/sigma": (K,),
                "spectrum/residuals": (min(r + 1, K),),
                "spectrum/leak_left": (p1, K),
                "spectrum/leak_right": (p2, K),
            }
    named = {f"state/{name}": shape for name, shape in shapes.items()}
    flight = document["flight"]
    if flight is not None and not bases:
        raise ValueError("it is in flight without bases")
    if flight is not None and flight["at"] is not None:
        if "spectrum/tail" not in state or not flight["rows"]:
            raise ValueError("it is in flight without a spectrum, or a row")
        named |= {"flight/Z": (3, 2, K, r), "flight/handover_Z": (2, K, r)}
    return named


def _memories(
    part: str,
    arrays: Mapping[str, Array],
    shapes: Mapping[str, tuple[int, ...]],
    document: Mapping[str, Any],
) -> None:
    """What methods and laws keep has as many arrays as they like, each like a part of the point or
    of D, or a number; of the point and of D there are no others than those known.
    """
    for name in arrays:
        found = _PART.fullmatch(name.removeprefix(f"{part}/"))
        if found is None or not name.startswith(f"{part}/") or name in shapes:
            continue
        if found[1] not in _LIKE:
            refuse(name, part, "a part that such a state has")
        like = f"{part}/{_LIKE[found[1]]}/"
        held = sorted(arrays[name].shape)
        fits = [(), *(shape for at, shape in shapes.items() if at.startswith(like))]
        shape = next((each for each in fits if sorted(each) == held), None)
        _array(name, arrays[name], shape, document)


def _array(name: str, stored: Array, shape: tuple[int, ...] | None, document: Any) -> None:
    """An array of this shape, finite; stored as it lay in memory, its axes in another order."""
    part, _, field = name.partition("/")
    axes = (document[part] or {}).get(f"{field}/axes")
    if axes is None:
        axes = list(range(stored.ndim))
        if part != "flight" and field not in ("basis/left", "basis/right"):
            raise ValueError(f"{part} lacks {field}/axes")
    if shape is None or sorted(axes) != list(range(len(shape))):
        refuse(axes, f"{part}.{field}/axes", "the order of the axes of such an array")
    assert shape is not None
    if stored.shape != tuple(shape[axis] for axis in axes):
        refuse(stored.shape, f"the shape of {name}", f"{shape}, in the order {axes}")
    require_numbers(name, stored)


def recorded(
    folder: str, arrays: Mapping[str, Array], rows: Iterable[Any], *, units: bool = False
) -> dict[str, tuple[int, ...]]:
    """The shape of each array of a recorder, all columns of one length.

    units: whether a row of a column may be an array, a number a unit.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for name, bundle, place in rows:
        stored, least = arrays.get(f"{folder}/{bundle}"), 1 + name.startswith("column/")
        if stored is None or place >= len(stored if stored.ndim else ()):
            raise ValueError(f"it lacks the array {folder}/{bundle}, or a row of it")
        fits = stored.ndim >= least if units else stored.ndim == least
        if stored.dtype.kind not in "if" or not fits:
            refuse(stored.dtype.str, f"{folder}/{bundle}", "rows of real numbers")
        if name == "every" and not (
            stored.dtype.kind == "i" and stored.ndim == 1 and stored[place] >= 1
        ):
            refuse(stored[place], f"{folder}.every", "a count from 1")
        shapes[name] = stored.shape[1:]
    if len({shape[0] for name, shape in shapes.items() if name.startswith("column/")}) > 1:
        raise ValueError(f"its {folder} has columns of several lengths")
    return shapes


def _modes(arrays: Mapping[str, Array], document: Mapping[str, Any]) -> None:
    """What a run that has chosen to record its modes keeps for them: the columns of a recorder, a
    pair of Gram matrices a row, and such pairs for some rows of its flight.
    """
    if (document["chosen"].get("modes", 0) > 0) != ("modes" in document):
        raise ValueError("it keeps modes and has not chosen to, or the other way round")
    pair = (2, *[document["settings"]["rank"]] * 2)
    if "modes" in document:
        shapes = recorded("modes", arrays, document["modes"], units=True)
        rows = shapes.get("column/step", (0,))[0]
        all_shapes: dict[str, tuple[int, ...]] = {"every": ()}
        for name, of_row in {**dict.fromkeys(TIMES, ()), GRAMS: pair}.items():
            all_shapes |= {f"column/{name}": (rows, *of_row), f"last/{name}": of_row}
        if shapes not in ({"every": ()}, all_shapes):
            refuse(shapes, "the shapes of modes", f"{all_shapes}, or every alone")
    flown = under("flown", arrays)
    if flown:
        flight, places = document["flight"], flown.get("places", np.zeros(0))
        rows = 0 if flight is None else len(flight["rows"])
        known = flown.keys() == {"places", "grams"} and places.ndim == 1 and "modes" in document
        if not known or places.dtype.kind != "i" or flown["grams"].dtype.kind != "f":
            raise ValueError("flown is not places of rows, and what is kept of them")
        if flown["grams"].shape != (len(places), *pair):
            refuse(flown["grams"].shape, "the shape of flown/grams", f"{(len(places), *pair)}")
        if not (np.all(np.diff(places) > 0) and np.all((places >= 0) & (places < rows))):
            refuse(places, "flown/places", f"places of its {rows} rows, in their order")


def _recorder(arrays: Mapping[str, Array], listing: list[Any]) -> None:
    names = recorded("recorder", arrays, listing).keys()
    lacks = {"every"} - names
    if len(names) > 1:
        lacks |= {f"{group}/{name}" for group in ("column", "last") for name in _RECORDED} - names
    if lacks:
        raise ValueError(f"its recorder lacks {', '.join(sorted(lacks))}")
