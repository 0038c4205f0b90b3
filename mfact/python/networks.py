"""Networks trained from Python, on arrays or files, every law held against every step."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Literal, TypeGuard, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike

from mfact.core import Array
from mfact.errors import DataError, SettingsError
from mfact.matrices.values import check_kind
from mfact.networks.architecture import Architecture
from mfact.networks.layers import Conv, Dense, Flatten, Pool
from mfact.networks.settings import ARRAYS_LAYERS, NetworkSettings
from mfact.networks.spec import broken
from mfact.options import options_of
from mfact.python.arguments import Layers, NetworkOptions, Path
from mfact.python.door import ended, noted, spoken, told
from mfact.python.result import NetworkResult
from mfact.run.network.checkpoint import SavedNetwork
from mfact.run.network.data import (
    DEFAULT_INPUTS,
    drawn_data,
    found_again,
    given_data,
    looked_at,
    network_of,
    read_data,
)
from mfact.run.network.plan import begun, check
from mfact.run.network.progress import NetworkObserver, TrainingData
from mfact.run.network.solve import resume, train
from mfact.run.seeds import with_seed
from mfact.settings import ARRAYS, GIVEN
from mfact.words import shown

if TYPE_CHECKING:
    from mfact.studies.network_flow import NetworkFlowStudy

Points = ArrayLike | Path | None
_KINDS = (Dense, Conv, Pool, Flatten)


@overload
def network(
    X: Points = None,
    Y: Points = None,
    layers: Layers | None = None,
    *,
    flow: Literal[False] = False,
    follow_links: bool = False,
    observers: Sequence[NetworkObserver] = (),
    **options: Unpack[NetworkOptions],
) -> NetworkResult: ...


@overload
def network(
    X: Points = None,
    Y: Points = None,
    layers: Layers | None = None,
    *,
    flow: Literal[True],
    follow_links: bool = False,
    **options: Unpack[NetworkOptions],
) -> NetworkFlowStudy: ...


@spoken(options_of(NetworkSettings), NetworkOptions)
def network(
    X: Points = None,
    Y: Points = None,
    layers: Layers | None = None,
    *,
    flow: bool = False,
    follow_links: bool = False,
    observers: Sequence[NetworkObserver] = (),
    **options: Unpack[NetworkOptions],
) -> NetworkResult | NetworkFlowStudy:
    """Train a deep homogeneous network, and hold every balance law of it against every step.

    X: the points, m×n₀ or m×C×H×W, an array or the path of a file ("X.npy", "f.h5:/X"); Y: m×p, or
        m labels, the same way. Both are left out where data generates them.
    layers: "100r-100r-10" (see `mfact help network`), the path of a .toml file, a list of
        mfact.networks.layers, or an Architecture, which has the shape of a point too.
    flow: follow the gradient flow to `time` instead, without steps.
    follow_links: whether files may name other files.
    observers: told of the run while it goes on (see mfact.run.network.progress).

    start may also be arrays, [W_1, b_1, W_2, …] or by their names as NetworkResult.weights has
    them. Raises MfactError, in a sentence with a way out, for what cannot run; warns
    ConvergenceWarning of a run that did not end well.

    >>> X, Y = np.eye(4), np.arange(8.0).reshape(4, 2)
    >>> result = network(X, Y, "3r-2", step_size=0.05, max_iter=100, seed=0)
    >>> result.weights["W/1"].shape, result.claims[0].name, str(result.claims[0].verdict)
    ((3, 4), 'theorem-2.1', 'holds')
    """
    if layers is None:
        raise SettingsError("--layers is not given", "give them, as --layers 100r-100r-10")
    given: dict[str, Any] = {
        **options,
        "layers": _called(layers),
        **({"flow": True} if flow else {}),
    }
    start = given.pop("start", None)
    if start is not None and _is_path(start):
        given["start"] = os.fspath(start)
        start = None
    settings, sources = NetworkSettings(**given), dict.fromkeys(given, "argument")
    check(settings, [*sources])
    if settings.seed is None:
        settings, sources["seed"] = with_seed(settings), "drawn"
    points, net = _data(X, Y, layers, settings, follow_links)
    weights = None
    if start is not None:
        weights = begun(settings, net, _named(start, net))
        settings, sources["start"] = settings.changed({"start": GIVEN}), ARRAYS
    if flow:
        from mfact.studies.network_flow import follow_data

        return follow_data(points, net, settings, start=weights)
    record = train(
        points, net, settings, sources=sources, start=weights, observers=observers, warn=told
    )
    return ended(NetworkResult(record))


def gone_on(
    saved: SavedNetwork,
    X: Points,
    Y: Points,
    *,
    max_iter: int | None,
    max_time: float | None,
    observers: Sequence[NetworkObserver],
) -> NetworkResult:
    """As mfact.resume, of a network: X and Y as it began with, None for those that it names."""
    if X is None and Y is None:
        points = found_again(saved.named, saved.settings, saved.net)
    else:
        points, _ = _data(X, Y, saved.net, saved.settings, follow_links=False)
    record = resume(
        saved, points, max_iter=max_iter, max_time=max_time, observers=observers, warn=told
    )
    return ended(NetworkResult(record))


def _named(
    start: Sequence[ArrayLike] | Mapping[str, ArrayLike], net: Architecture
) -> dict[str, Array]:
    """The weights of a start by name; a list of them is in the order of the layers.

    Raises DataError for what is no array of finite real numbers, SettingsError for a list of
    another length.
    """
    if not isinstance(start, Mapping):
        if len(start) != len(net.names):
            raise SettingsError(
                f"--start has {len(start)} arrays, and the network {len(net.names)}:"
                f" {', '.join(net.names)}",
                "give one for each",
            )
        start = dict(zip(net.names, start, strict=True))
    found = {}
    for name, each in start.items():
        if name not in net.names:
            raise SettingsError(
                f"--start has {shown(name)}, and the network no such weights",
                f"it has {', '.join(net.names)}",
            )
        W = np.asarray(each)
        check_kind(W.dtype, f"{name} of the start")
        if not np.all(np.isfinite(W)):
            raise DataError(f"{name} of the start is not finite", "give numbers")
        found[name] = W
    return found


def _data(
    X: Points, Y: Points, layers: Layers, settings: NetworkSettings, follow_links: bool
) -> tuple[TrainingData, Architecture]:
    """The points, read, generated or given, and the network on them."""
    if settings.data is not None:
        if X is not None or Y is not None:
            raise SettingsError(
                f"X and Y are given, and --data {settings.data} would generate them",
                "leave one out",
            )
        return drawn_data(settings, _net(layers, settings, None))
    if X is None or Y is None:
        raise SettingsError(
            "X and Y are not both given", "give both, or generate them with --data uniform"
        )
    if _is_path(X) and _is_path(Y):
        files = looked_at(os.fspath(X), os.fspath(Y), settings, follow_links=follow_links)
        noted([*files.X.notes, *files.Y.notes])
        return read_data(files, settings, _net(layers, settings, (files.inputs,)))
    if _is_path(X) or _is_path(Y):
        raise SettingsError(
            "one of X and Y is a path, the other is not", "give two paths, or two arrays"
        )
    P, T = np.asarray(X), np.asarray(Y)
    if settings.points == "columns":
        P, T = P.T, T.T
    net = _net(layers, settings, P.shape[1:] or (1,))
    return given_data(P, T, settings, net), net


def _net(layers: Layers, settings: NetworkSettings, shape: tuple[int, ...] | None) -> Architecture:
    """The network on points of this shape; None: as it says itself, or --inputs.

    Raises SettingsError where they do not fit together.
    """
    if isinstance(layers, str | os.PathLike):
        return network_of(settings, settings.inputs if shape is None else prod(shape))
    if isinstance(layers, Architecture):
        net = layers
        if shape is not None and prod(shape) != prod(net.given):
            raise SettingsError(
                f"the network takes points of {prod(net.given)} features, and X has {prod(shape)}",
                "give a network of as many",
            )
    else:
        if wrong := [each for each in layers if not isinstance(each, _KINDS)]:
            raise SettingsError(
                f"--layers has a {type(wrong[0]).__name__} among its layers",
                "give those of mfact.networks.layers, or a text as 100r-100r-10",
            )
        shape = (settings.inputs or DEFAULT_INPUTS,) if shape is None else shape
        net = Architecture.of(layers, (shape[0], 1, shape[1]) if len(shape) == 2 else shape)
    return net if settings.show_broken is None else broken(net, settings.show_broken)


def _is_path(given: object) -> TypeGuard[Path]:
    return isinstance(given, str | os.PathLike)


def _called(layers: Layers) -> str:
    return os.fspath(layers) if _is_path(layers) else ARRAYS_LAYERS
