"""Pictures of runs of networks: how they converge, and how balanced their layers stay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfact.pictures.drawing import Axis, Panel, Picture, Rule
from mfact.pictures.layers import Told, joint, largest, layer, spaced
from mfact.pictures.names import STEP
from mfact.pictures.network_ledger import network_ledger
from mfact.pictures.network_runs import Named, NetworkRuns
from mfact.studies.differing import Subject

__all__ = ["network_balance", "network_convergence", "network_ledger"]


def network_convergence(subjects: Sequence[Subject], x: str = STEP) -> Picture:
    """The loss L and ‖∇L‖ of networks, by powers of ten. x: "step" or "flow-time".

    Raises SettingsError and DataError for what is no run of a network with rows.
    """
    runs = NetworkRuns.of(subjects, x)
    shown = (("loss L", "loss"), ("gradient norm ‖∇L‖", "gradient_norm"))
    columns = tuple(
        (Panel("", runs.axis, Axis(label, log=True), tuple(runs.curves(name))),)
        for label, name in shown
    )
    return Picture(runs.title("Loss and gradient"), columns, runs.notes())


def network_balance(subjects: Sequence[Subject], x: str = STEP) -> Picture:
    """‖W_h‖² of the layers, differences and ratios of neighbours, and the largest drift of a unit.

    Where there are more layers than can be told apart those places have a name that a unit
    drifted most at, and others are grey. x: "step" or "flow-time".

    Raises SettingsError and DataError for what is no run of a network with rows.
    """
    runs = NetworkRuns.of(subjects, x)
    layers, joints = spaced(runs.layers, runs.most), _worst(runs)
    p = "" if all(d in (1, None) for d in _degrees(runs)) else "p"
    panels = (
        _panel(runs, "norms", "‖Wₕ‖²", layers, lambda h: f"norm_{h}", layer),
        _panel(runs, "differences", f"|‖Wₕ‖² − {p}‖Wₕ₊₁‖²|", joints, lambda h: f"difference_{h}"),
        _panel(runs, "ratios", "‖Wₕ‖²/‖Wₕ₊₁‖²", joints, lambda h: f"ratio_{h}", one=True),
        _panel(runs, "worst neurons", "largest drift of a unit’s law", joints,
               lambda h: f"neuron_drift_{h}"),
    )  # fmt: skip
    return Picture(
        runs.title("Balance of the layers"),
        tuple((panel,) for panel in panels),
        runs.notes(*_left_out(runs, layers, joints)),
    )


def _panel(
    runs: NetworkRuns,
    title: str,
    label: str,
    told: Told,
    column: Named,
    name: Named = joint,
    *,
    one: bool = False,
) -> Panel:
    """A column of each place. one: whether 1 is told apart, and 0 is no end of the axis."""
    axis = runs.sizes(label, column, told.places)
    marks = runs.of_places(told, column, name, log=axis.log, whose=name is layer)
    if one:
        return Panel(title, runs.axis, Axis(label, axis.log), (Rule("", "y", 1.0), *marks))
    return Panel(title, runs.axis, axis, tuple(marks))


def _degrees(runs: NetworkRuns) -> set[int | None]:
    return {joint.degree for run in runs.every for joint in run.net.joints}


def _worst(runs: NetworkRuns) -> Told:
    """The places that a unit drifted most at, of all runs."""
    drifts = [
        [float(run.column(f"neuron_drift_{h}")[-1]) for run in runs.every]
        for h in range(1, runs.layers)
    ]
    return largest([np.max(each, initial=0.0, where=np.isfinite(each)) for each in drifts],
                   runs.most)  # fmt: skip


def _left_out(runs: NetworkRuns, layers: Told, joints: Told) -> list[str]:
    fate = "grey" if runs.is_one else "not drawn"
    return [
        f"{len(told.others)} more {what}: {fate}"
        for told, what in ((layers, "layers"), (joints, "places between layers, of less drift"))
        if told.others
    ]
