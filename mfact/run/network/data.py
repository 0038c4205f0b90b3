"""The network and the points of a run, from what was typed, or from a checkpoint."""

from __future__ import annotations

from math import prod

from mfact.core import Array, Document
from mfact.errors import SettingsError
from mfact.matrices.spec import spec_of
from mfact.networks.architecture import Architecture
from mfact.networks.data import PointFiles, Points, checked, generated, open_points
from mfact.networks.settings import NetworkSettings
from mfact.networks.spec import broken
from mfact.networks.toml import read_layers
from mfact.run.network.progress import TrainingData

DEFAULT_INPUTS = 1000
"""n₀ of generated points where neither --inputs nor the layers say it: that of the paper."""


def network_of(settings: NetworkSettings, inputs: int | None) -> Architecture:
    """The network that --layers names, on points of so many features; None: as it says itself, and
    DEFAULT_INPUTS where it does not.
    """
    net = read_layers(settings.layers, inputs, DEFAULT_INPUTS)
    return net if settings.show_broken is None else broken(net, settings.show_broken)


def drawn_data(
    settings: NetworkSettings, net: Architecture | None = None
) -> tuple[TrainingData, Architecture]:
    """Generated points; net: of a run that is resumed."""
    net = network_of(settings, settings.inputs) if net is None else net
    inputs, count = prod(net.given), settings.points_count
    assert settings.data is not None
    assert settings.seed is not None
    points = generated(
        settings.data,
        settings.targets,
        settings.target_scale,
        count,
        inputs,
        net.outputs,
        settings.seed,
        settings.loss,
        settings.dtype,
    )
    name = f"{count} {settings.data} points of {inputs}, {settings.targets} targets"
    return TrainingData(points.X, points.Y, name, {}, {}), net


def looked_at(X: str, Y: str, settings: NetworkSettings, *, follow_links: bool) -> PointFiles:
    """The two files, nothing read yet."""
    columns = settings.points == "columns"
    return open_points(X, Y, columns=columns, follow_links=follow_links)


def read_data(
    files: PointFiles, settings: NetworkSettings, net: Architecture | None = None
) -> tuple[TrainingData, Architecture]:
    """Points from files; net: of a run that is resumed."""
    net = network_of(settings, files.inputs) if net is None else net
    points = files.read(settings.loss, net.outputs, settings.dtype)
    sources = {"x": files.X, "y": files.Y}
    described = {name: dict(each.describe()) for name, each in sources.items()}
    named = {
        name: {"path": each.path, "dataset": each.dataset, "follow_links": each.follow_links}
        for name, each in sources.items()
    }
    return _held(points, f"{files.X.name}, {files.Y.name}", described, named), net


def given_data(X: Array, Y: Array, settings: NetworkSettings, net: Architecture) -> TrainingData:
    """Points that are in memory, checked against the network and the loss."""
    return _held(checked(X, Y, settings.loss, net.outputs, settings.dtype), "arrays", {}, {})


def found_again(named: Document, settings: NetworkSettings, net: Architecture) -> TrainingData:
    """The points of a run that goes on: read or generated anew.

    Raises SettingsError for a run on arrays.
    """
    if settings.data is not None:
        return drawn_data(settings, net)[0]
    if not named:
        raise SettingsError(
            "the run was not on files", "resume it in Python, with mfact.resume(path, X, Y)"
        )
    x, y = (spec_of(each["path"], each.get("dataset")) for each in (named["x"], named["y"]))
    links = bool(named["x"].get("follow_links"))
    return read_data(looked_at(x, y, settings, follow_links=links), settings, net)[0]


def _held(points: Points, name: str, described: Document, named: Document) -> TrainingData:
    return TrainingData(points.X, points.Y, name, described, named)
