"""Figure 2: how balanced the layers of a network stay, from a balanced start and from another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mfact.core import NetworkResult
from mfact.figures.kept import Run, marked
from mfact.figures.panels import ALONG, curves, of_ratios
from mfact.networks.architecture import Architecture
from mfact.networks.settings import NetworkSettings
from mfact.pictures.drawing import Axis, Panel, Picture
from mfact.run.doing import Doing
from mfact.run.network.data import drawn_data
from mfact.run.network.plan import check
from mfact.run.network.progress import TrainingData
from mfact.run.network.solve import train

NUMBER = "2"
LAYERS = "1000:100r-100r-10"
POINTS, STEPS = 1000, 10_000
SEED = 0

STEP = 0.09
"""η. From 0.12 on the steps are at the edge of stability: differences change sign there."""

FITTED = 1e-9
"""L at which the points are fitted: without a tolerance that is met float32 would call steps too
small for it, which come near the end, a standstill."""

ROWS = 1000
"""Steps that are recorded: every tenth of the paper's 10,000, the 1,000th among them."""

PRINTED = {
    "balanced": ((42.90, 43.76, 43.68), 0.14),
    "unbalanced": ((55.50, 45.65, 45.46), 9.0),
}
"""What the paper prints in Section 4: ‖W_h‖² after 10,000 iterations, a bound on the differences
in all of them. |42.90 − 43.76| is not within the one, nor 55.50 − 45.65 within the other."""

STARTS = {"balanced": "paper-balanced", "unbalanced": "paper-unbalanced"}
DRAWN = {"balanced": "ab", "unbalanced": "cd"}
PAIRS = {1: ("‖W₁‖²", "‖W₂‖²"), 2: ("‖W₂‖²", "‖W₃‖²")}
COLUMNS = (
    "step",
    *(f"norm_{h}" for h in (1, 2, 3)),
    *(f"{name}_{h}" for name in ("difference", "ratio") for h in PAIRS),
)


def settings(
    *, seed: int = SEED, steps: int = STEPS, threads: int | None = None,
    layers: str = LAYERS, points: int = POINTS,
) -> NetworkSettings:  # fmt: skip
    """What both runs are asked, but for their start."""
    return NetworkSettings(
        layers=layers,
        data="uniform",
        points_count=points,
        step_size=STEP,
        seed=seed,
        tol_loss=FITTED if steps >= STEPS else None,
        min_iter=steps,
        max_iter=steps,
        form="dual",
        every=max(steps // ROWS, 1),
        dtype="float32",
        threads=threads,
    )


@dataclass(frozen=True)
class Trained:
    """A run of Figure 2. name: its start."""

    name: str
    points: TrainingData = field(repr=False)
    net: Architecture = field(repr=False)
    settings: NetworkSettings
    sources: Mapping[str, str]
    figure = NUMBER
    columns = COLUMNS

    def on_other_data(self, run: Run) -> str:
        """See mfact.figures.kept.Experiment."""
        same = run.problem.get("fingerprint") == self.points.fingerprint
        return "" if same else "it is of other points"

    def carry_out(self, **told: Any) -> NetworkResult:
        """See mfact.figures.kept.Experiment."""
        return train(self.points, self.net, self.settings, sources=self.sources, **told)


@dataclass(frozen=True)
class Figure2:
    """Figure 2 of a network of three layers. asked: its settings, but for the start. given: where
    those came from that the figure has not chosen.
    """

    asked: NetworkSettings
    given: Mapping[str, str] = field(default_factory=dict)
    number = NUMBER

    def names(self, panels: str) -> tuple[str, ...]:
        """The runs that these panels are drawn from."""
        return tuple(name for name, drawn in DRAWN.items() if set(drawn) & set(panels))

    def experiments(self, panels: str, doing: Doing) -> tuple[Trained, ...]:
        """The runs, their points drawn. Raises SettingsError and MemoryPlanError."""
        check(self.asked)
        points, net = drawn_data(self.asked)
        runs = {name: self.asked.changed({"start": STARTS[name]}) for name in self.names(panels)}
        return tuple(
            Trained(name, points, net, run, marked(self.given, NUMBER, run))
            for name, run in runs.items()
        )

    def picture(self, runs: Mapping[str, NetworkResult], panels: str) -> Picture:
        """These panels of the figure, in one row. runs: by their names."""
        columns = []
        for name, drawn in DRAWN.items():
            for panel, made in zip(drawn, (differences, ratios), strict=True):
                if panel in panels:
                    columns.append((made(runs[name], f"({panel}) {name} start"),))
        title = "Figure 2: balance of a network of three layers"
        return Picture(title, tuple(columns), (self._said,))

    @property
    def _said(self) -> str:
        asked = self.asked
        return (
            f"{asked.layers}, {asked.points_count} points, x uniform in [−½, ½], y N(0, 1),"
            f" η = {asked.step_size}, {asked.dtype}, seed {asked.seed}"
        )


def differences(run: NetworkResult, title: str) -> Panel:
    """Figures 2a and 2c: |‖W_h‖_F² − ‖W_{h+1}‖_F²| at every recorded step."""
    lines = curves(
        *((f"| {one} − {other} |", run.trace["step"], np.abs(run.trace[f"difference_{h}"]))
          for h, (one, other) in PAIRS.items())
    )  # fmt: skip
    axis = Axis("difference of squared norms", least=0.0)
    return Panel(f"{title}: differences", ALONG, axis, lines)


def ratios(run: NetworkResult, title: str) -> Panel:
    """Figures 2b and 2d: ‖W_h‖_F²/‖W_{h+1}‖_F²."""
    lines = curves(
        *((f"{one} / {other}", run.trace["step"], run.trace[f"ratio_{h}"])
          for h, (one, other) in PAIRS.items())
    )  # fmt: skip
    return of_ratios(f"{title}: ratios", "ratio of squared norms", lines)
