"""A sweep over many starts as a page, drawn from its document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mfact.methods.choice import METHODS, PLAIN
from mfact.problems.factorization import formula
from mfact.report.labels import labelled_parameters, shapes
from mfact.report.parts import Columns, Facts, Heading, Part
from mfact.report.sweep_document import QUANTILES, document
from mfact.report.text import number
from mfact.report.views import Views, document_views
from mfact.storage.sweeps import SweepRecord

_LAW = "ln 10/(2 ln(1 + c_step σ_r/σ₁))"


def sweep_views(record: SweepRecord) -> Views:
    """What --format asks for."""
    return document_views(document(record), page, rows)


def page(doc: Mapping[str, Any]) -> list[Part]:
    """What was run, and a table for each finding; doc: the document of a sweep."""
    settings = doc["settings"]
    name = METHODS[settings["method"]].title
    parts: list[Part] = [Heading(f"mfact: M ≈ UVᵀ by {name} from many starts", top=True)]
    if doc["matrix"]:
        parts += _matrix(doc["matrix"], settings, doc["objective"])
    if doc["growth"]:
        parts += _growth(doc["growth"], settings)
    return parts


def rows(doc: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A row for each sweep and tolerance: how many runs got there, and in how many steps."""
    sweeps = [doc["matrix"]] if doc["matrix"] else []
    sweeps += doc["growth"]["sizes"] if doc["growth"] else []
    return [
        {"d1": run["shape"][0], "d2": run["shape"][1], **line}
        for run in sweeps
        for line in run["steps"]
    ]


def _method(run: Mapping[str, Any], name: str) -> str:
    """With its parameter."""
    return ", ".join([name, *(f"{label} {value}" for label, value in labelled_parameters(run))])


def _step(run: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    c_step = f"c_step {number(settings['c_step'])}"
    if METHODS[settings["method"]].power == 0:
        return f"η = c_step, {c_step}"
    return f"η = c_step/σ₁ = {number(run['step_size'])}, {c_step}"


def _setup(
    run: Mapping[str, Any], settings: Mapping[str, Any], objective: str
) -> list[tuple[str, str]]:
    return [
        ("objective", objective),
        ("method", _method(run, settings["method"])),
        ("starts", f"{settings['seeds']}, drawn from seed {settings['seed']}"),
        ("start", f"N(0, s²), s = c_init √(σ₁/d), c_init {number(settings['c_init'])}"),
        ("step", _step(run, settings)),
        ("tolerance", f"√(‖UVᵀ − M‖_F² − Σ_{{i>r}}σ_i²) ≤ {number(settings['tol'])} σ_k"),
        ("step limit", str(settings["max_iter"])),
        ("Theorem 3.2", run["theorem_3_2"]),
    ]


def _matrix(run: Mapping[str, Any], settings: Mapping[str, Any], objective: str) -> list[Part]:
    r = settings["rank"]
    pairs = [
        ("matrix", run["name"]),
        shapes(run["shape"], r),
        ("rank of M", str(run["rank_of_matrix"])),
        (f"leading σ (r + 1 = {r + 1})", number(run["leading_values"])),
        *_setup(run, settings, objective),
    ]
    names = [name for name, _ in QUANTILES]
    steps = [
        [number(row["tol"]), str(row["reached"]), *(number(row[name]) for name in names)]
        for row in run["steps"]
    ]
    slope = run["predicted_per_decade_of_tolerance"]
    within = [
        [
            number(row["bound"]),
            str(row["count"]),
            f"{row['fraction']:.4f}",
            _ends(row["interval"]),
            "-" if row["limit"] is None else f"{row['limit']:.4f}",
        ]
        for row in run["within"]
    ]
    late = [("expected late growth per decade of ε", number(slope, 4))]
    share = run["converged"]
    fraction = f"{share['fraction']:.4f}, 95 % interval {_ends(share['interval'])}"
    low, high = run["final_ratio"]
    ratio = "|uᵀu*|/|vᵀv*|" if r == 1 else "‖Φ_rᵀU‖_F/‖Ψ_rᵀV‖_F"
    return [
        Heading("Sweep"),
        Facts(pairs),
        Heading("Steps to √(‖UVᵀ − M‖_F² − Σ_{i>r}σ_i²) ≤ ε σ_k, of the runs that got there"),
        Columns(("ε", "runs", *names), steps),
        *_of_plain(settings, late),
        Heading(f"Runs with 1/C ≤ {ratio} ≤ C at every step"),
        Columns(("C", "runs", "fraction", "95 % interval", "small-start limit"), within),
        Heading("Summary"),
        Facts(
            [
                ("converged", f"{share['count']} of {settings['seeds']}, {fraction}"),
                ("diverged", str(run["diverged"])),
                (f"final {ratio}", f"{number(low)} to {number(high)}"),
            ]
        ),
    ]


def _growth(grown: Mapping[str, Any], settings: Mapping[str, Any]) -> list[Part]:
    rows = grown["sizes"]
    bounds = [entry["bound"] for entry in rows[0]["within"]]
    header = ("d", "converged", "5%", "median", "95%", "per decade")
    lines = [
        [
            str(row["shape"][0]),
            f"{row['converged']['fraction']:.4f}",
            *(number(row["steps"][-1][name]) for name in ("5%", "median", "95%")),
            _steps_a_decade(row["per_decade"]),
            *(f"{entry['fraction']:.3f}" for entry in row["within"]),
        ]
        for row in rows
    ]
    values, expected = (
        number(rows[0]["leading_values"]),
        _steps_a_decade(grown["predicted_per_decade"]),
    )
    return [
        Heading("Growth with d: d×d matrices of rank r, the same draws for each size"),
        Facts([("σ", values), *_setup(rows[0], settings, f"f = {formula(0.0)}")]),
        Columns((*header, *(f"C={number(bound)}" for bound in bounds)), lines),
        *_of_plain(settings, [("expected per decade", f"{expected} steps, {_LAW}")]),
        Facts([("columns C", "fraction of runs with the ratio in [1/C, C] at every step")]),
    ]


def _of_plain(settings: Mapping[str, Any], facts: Sequence[tuple[str, str]]) -> list[Part]:
    """What is expected, which is of gradient descent alone."""
    return [Facts(facts)] if settings["method"] == PLAIN else []


def _steps_a_decade(count: float | None) -> str:
    return "-" if count is None else f"{count:.2f}"


def _ends(ends: Sequence[float]) -> str:
    return f"[{ends[0]:.4f}, {ends[1]:.4f}]"
