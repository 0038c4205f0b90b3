"""Several runs beside each other as one document, and the page and the sheet drawn from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mfact.core import NetworkResult, Outcome, Result
from mfact.report.columns import cell
from mfact.report.iterations import Column, Fitted
from mfact.report.machine import finite
from mfact.report.parts import Facts, Heading, Part
from mfact.report.sheets import Row
from mfact.report.text import duration, step_text
from mfact.report.views import Views, document_views
from mfact.studies.conserved import NOTHING, conserved, last, worst
from mfact.studies.differing import MOST_WORDS, Subject, differences, names, whole_name
from mfact.studies.making import Passes
from mfact.studies.named import center_of
from mfact.studies.variations import Refused

SCHEMA = "mfact-comparison/1"
NUMBERS = {
    "iterations": "steps",
    "passes": "passes",
    "seconds": "seconds",
    "gap": "gap",
    "loss": "loss",
    "drift": "drift",
    "imbalance": "imbalance",
    "keeps": "keeps",
    "kept_drift": "moved",
    "kept_audit": "audit",
}
"""What is told of each run beside its outcome -> its heading."""

_KEPT = ("iterations", "log10_iterations", "passes", "seconds", "gap", "gap_bound", "loss",
         "relative_residual", "gradient_norm", "drift", "imbalance")  # fmt: skip
_RANKS = ("iterations", "gap", "keeps", "kept_drift", "kept_audit", "drift", "imbalance",
          "seconds", "passes", "loss")  # fmt: skip
"""Of the numbers, in which they are given room."""


def comparison_views(
    subjects: Sequence[Subject],
    refused: Sequence[Refused] = (),
    passes: Passes | None = None,
    *,
    timing: bool = True,
) -> Views:
    """What --format asks for. timing: False leaves out what a clock measured."""
    return document_views(document(subjects, refused, passes, timing=timing), page, rows)


def document(
    subjects: Sequence[Subject],
    refused: Sequence[Refused] = (),
    passes: Passes | None = None,
    *,
    timing: bool = True,
) -> dict[str, Any]:
    """What the runs differ in and where each has come, under the schema "mfact-comparison/1".

    passes: over M, of runs that were made on one basis. Of runs by several methods there is what
    each keeps, how far that has moved, and the most that it was off its exact ledger.
    """
    differs = differences(subjects)
    kept = [name for name in _KEPT if timing or name != "seconds"]
    matrices = {subject.matrix for subject in subjects}
    centers = {center_of(subject.run.problem) for subject in subjects}
    made = {
        "schema": SCHEMA,
        "matrix": matrices.pop() if len(matrices) == 1 else None,
        **({"center": centers.pop()} if len(centers) == 1 and centers != {"none"} else {}),
        "differ_in": list(differs),
        **({} if passes is None else {"passes": passes._asdict()}),
        "runs": [
            {
                "name": name,
                "differs": {each: words[place] for each, words in differs.items()},
                "outcome": subject.run.outcome.name,
                "exit_code": subject.run.outcome.exit_code,
                **{number: subject.run.summary.get(number) for number in kept},
                **(_kept(subject.run) if "method" in differs else {}),
                "message": subject.run.message,
            }
            for place, (name, subject) in enumerate(zip(names(subjects), subjects, strict=True))
        ],
        "refused": [{"name": each.variation.name, "why": str(each.error)} for each in refused],
    }
    cleaned: dict[str, Any] = finite(made)
    return cleaned


def page(doc: Mapping[str, Any]) -> list[Part]:
    """A line a run, by what it differs in, and below what was not run."""
    runs = doc["runs"]
    title = f"mfact compare: {len(runs)} run{'' if len(runs) == 1 else 's'}"
    parts: list[Part] = [Heading(title, top=True)]
    if doc["matrix"]:
        parts.append(Facts([("of", whole_name(doc["matrix"], doc.get("center")))]))
    if runs:
        parts.append(Fitted(list(_columns(doc))))
    if (passes := doc.get("passes")) and passes["taken"] < passes["alone"]:
        told = f"{passes['taken']} for all of them, {passes['alone']} one by one"
        parts.append(Facts([("passes over M", told)]))
    if doc["refused"]:
        pairs = [(each["name"], each["why"]) for each in doc["refused"]]
        parts += [Heading("Not run"), Facts(pairs)]
    return parts


def rows(doc: Mapping[str, Any]) -> Iterator[Row]:
    """A row a run, what it differs in before its numbers."""
    for run in doc["runs"]:
        told = {name: value for name, value in run.items() if name != "differs"}
        yield {"name": told.pop("name"), **run["differs"], **told}


def _columns(doc: Mapping[str, Any]) -> Iterator[Column]:
    """Those that tell of some run. What differs has room before the numbers, unless it is much:
    then the runs go by their names.
    """
    runs, differ = doc["runs"], doc["differ_in"]
    few = 0 < len(differ) <= MOST_WORDS
    if not few:
        yield Column("run", tuple(run["name"] for run in runs), 0)
    for place, name in enumerate(differ):
        cells = tuple(run["differs"][name] for run in runs)
        yield Column(name.replace("_", " "), cells, place if few else 3 + len(_RANKS) + place)
    first = len(differ) if few else 1
    yield Column("outcome", tuple(_ended(run["outcome"]) for run in runs), first + 1)
    gaps = any(run["gap"] is not None for run in runs)
    for name, heading in NUMBERS.items():
        if name == "loss" and gaps:  # which tell more
            continue
        cells = tuple(_number(name, run) for run in runs)
        if set(cells) != {"-"}:
            yield Column(heading, cells, first + 2 + _RANKS.index(name))


def _ended(name: str) -> str:
    """An outcome in a word or two.

    >>> _ended("GLOBAL_OPTIMUM")
    'global optimum'
    """
    return Outcome[name].name.lower().replace("_", " ")


def _kept(run: Result | NetworkResult) -> dict[str, Any]:
    if not isinstance(run, Result):
        return {}
    law = conserved(run)
    moved = None if law is NOTHING else last(run, law.moved)
    return {"keeps": law.keeps, "kept_drift": moved, "kept_audit": worst(run, law.audit)}


def _number(name: str, run: Mapping[str, Any]) -> str:
    value = run.get(name)
    if name == "iterations":
        log10 = run.get("log10_iterations")
        if value is None and log10 is None:
            return "-"
        return step_text(float("nan") if value is None else float(value), log10 or float("nan"))
    if name == "seconds" and value is not None:
        return duration(value)
    return cell(value)
