"""What was drawn, from which runs, and their numbers beside those that the paper prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mfact.core import NetworkResult, Result
from mfact.figures import figure_1, figure_2
from mfact.figures.made import Made
from mfact.figures.names import PANELS
from mfact.report.labels import shapes_of
from mfact.report.machine import finite
from mfact.report.parts import Columns, Facts, Heading, Part, Words
from mfact.report.settings_table import by_source
from mfact.report.text import number

SCHEMA = "mfact-figure/1"

CLOSE = 1e-10
"""Of what f − min f is at the start: how many steps to it is told."""

EARLY = 1000
"""The iteration by which the paper finds the ratios of its Figure 2d close to 1."""


def document(figures: Sequence[Made]) -> dict[str, Any]:
    """The figures with their runs as JSON values, under the schema "mfact-figure/1"."""
    made: dict[str, Any] = finite(
        {"schema": SCHEMA, "figures": [_figure(each) for each in figures]}
    )
    return made


def page(doc: Mapping[str, Any]) -> list[Part]:
    """A section for each figure; doc: the document."""
    parts: list[Part] = [Heading("mfact: figures of the paper", top=True)]
    for each in doc["figures"]:
        parts += (_page_1 if each["figure"] == figure_1.NUMBER else _page_2)(each)
    return parts


def _figure(made: Made) -> dict[str, Any]:
    order, first = made.order, next(iter(made.runs.values()))
    return {
        "figure": order.figure.number,
        "panels": order.panels,
        "picture": order.picture,
        "data": first.problem["name"],
        "shapes": shapes_of(first)[1] if isinstance(first, Result) else None,
        "runs": [
            {
                "name": name,
                "file": order.runs[name],
                "kept": name in made.kept,
                "outcome": run.outcome.name,
                "sentence": run.outcome.sentence,
                "message": run.message,
                "objective": run.problem["objective"],
                "settings": run.settings,
                "numbers": _numbers_1(run) if isinstance(run, Result) else _numbers_2(run),
            }
            for name, run in made.runs.items()
        ],
    }


def _numbers_1(run: Result) -> dict[str, Any]:
    left, ratio, steps = figure_1.above(run), run.trace["norm_ratio"], run.trace["step"]
    close = np.flatnonzero(left <= CLOSE)
    return {
        "iterations": int(steps[-1]),
        "close": int(steps[close[0]]) if len(close) else None,
        "left": float(left[-1]),
        "ratio": {
            "start": float(ratio[0]),
            "least": float(np.min(ratio)),
            "largest": float(np.max(ratio)),
            "end": float(ratio[-1]),
        },
    }


def _numbers_2(run: NetworkResult) -> dict[str, Any]:
    steps, trace = run.trace["step"], run.trace
    early = np.flatnonzero(steps == EARLY)
    return {
        "iterations": int(steps[-1]),
        "loss": run.summary.get("loss"),
        "norms": [float(trace[f"norm_{h}"][-1]) for h in (1, 2, 3)],
        "differences": [float(np.max(np.abs(trace[f"difference_{h}"]))) for h in figure_2.PAIRS],
        "ratios": [float(trace[f"ratio_{h}"][-1]) for h in figure_2.PAIRS],
        "ratios_early": [float(trace[f"ratio_{h}"][early[0]]) for h in figure_2.PAIRS]
        if len(early) else None,
    }  # fmt: skip


def _head(each: Mapping[str, Any], title: str, apart: str) -> list[Part]:
    """What both figures tell first; apart: the setting in which the runs differ."""
    shared = {n: entry for n, entry in each["runs"][0]["settings"].items() if n != apart}
    some = "" if each["panels"] == PANELS[each["figure"]] else each["panels"]
    return [
        Heading(f"Figure {each['figure']}{some}: {title}"),
        Facts(
            [
                ("data", each["data"]),
                *([("shapes", each["shapes"])] if each["shapes"] else []),
                *by_source(shared),
                *((run["name"], _ending(run)) for run in each["runs"]),
                ("picture", each["picture"]),
            ]
        ),
    ]


def _ending(run: Mapping[str, Any]) -> str:
    kept = ", kept" if run["kept"] else ""
    return f"{run['sentence']}; {run['file']}{kept}"


def _page_1(each: Mapping[str, Any]) -> list[Part]:
    runs = [run["numbers"] for run in each["runs"]]
    heads = [f"objective {figure_1.OBJECTIVES[run['name']]}" for run in each["runs"]]
    ratios = {"start": "at the start", "least": "least", "largest": "largest", "end": "at the end"}
    rows = [
        ["iterations", *(str(told["iterations"]) for told in runs)],
        [f"until f − min f is {CLOSE:g} of its start", *(number(told["close"]) for told in runs)],
        [
            "f − min f at the end, relative to its start",
            *(number(told["left"], 3) for told in runs),
        ],
        *(
            [f"‖U‖² / ‖V‖² {words}", *(number(told["ratio"][name], 5) for told in runs)]
            for name, words in ratios.items()
        ),
    ]
    return [
        *_head(each, "gradient descent on objectives (1) and (3)", "objective"),
        Heading("Its runs"),
        Columns(("", *heads), rows, named=True),
        Words("The paper tells no setting and no number of this figure."),
    ]


def _page_2(each: Mapping[str, Any]) -> list[Part]:
    heads, columns = [""], [list(_ROWS)]
    whole = all(run["numbers"]["iterations"] == figure_2.STEPS for run in each["runs"])
    for run in each["runs"]:
        heads.append(run["name"])
        columns.append(_cells(run["numbers"]))
        if whole:
            heads.append("the paper")
            columns.append(_printed(run["name"]))
    rows = [list(row) for row in zip(*columns, strict=True) if set(row[1:]) != {"-"}]
    parts: list[Part] = [
        *_head(each, "balance of a network of three layers", "start"),
        Heading(f"After {each['runs'][0]['numbers']['iterations']} iterations"),
        Columns(heads, rows, named=True),
    ]
    said = Words("What is printed contradicts itself: mfact help figures.")
    return [*parts, said] if whole else parts


_ROWS = (
    *(one for one, _ in figure_2.PAIRS.values()), "‖W₃‖²",
    *(f"largest | {one} − {other} |" for one, other in figure_2.PAIRS.values()),
    *(f"{one}/{other}{when}" for when in (" at 1000", "")
      for one, other in figure_2.PAIRS.values()),
)  # fmt: skip


def _cells(told: Mapping[str, Any]) -> list[str]:
    early = told["ratios_early"] or [None, None]
    values = (*told["norms"], *told["differences"], *early, *told["ratios"])
    return [number(value, 4) for value in values]


def _printed(name: str) -> list[str]:
    norms, bound = figure_2.PRINTED[name]
    bounds = [f"≤ {number(bound)}"] * 2
    words = ["-", "-", "→ 1", "→ 1"] if name == "balanced" else ["close to 1"] * 2 + ["-", "-"]
    return [*(f"{norm:.2f}" for norm in norms), *bounds, *words]
