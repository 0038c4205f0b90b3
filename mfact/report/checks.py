"""What `check` and `diff` found: a page, a document, a JUnit suite, GitHub annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mfact.core import Claim, Result, violated
from mfact.report.claims import claims_section
from mfact.report.labels import shapes_of
from mfact.report.machine import json_text
from mfact.report.parts import Facts, Heading, Pair, Part, Words
from mfact.report.sheets import claim_rows, sheet
from mfact.report.text import number
from mfact.report.views import (
    Views,
    annotation,
    case_of,
    page_views,
    suite_text,
    violations,
)
from mfact.studies.named import center_of
from mfact.targets.centred import FORMULAS


@dataclass(frozen=True)
class Report:
    """Claims about one run, or about two, and the numbers behind them.

    kind: "check" or "diff". subjects: what was looked at, name -> file, in order.
    sentence: the result in words. numbers: by name, shown below the claims.
    run: the run (the first one), from which the page takes its shapes.
    """

    kind: str
    subjects: Mapping[str, str]
    sentence: str
    claims: tuple[Claim, ...]
    run: Result
    numbers: Mapping[str, float] = field(default_factory=dict)


def check_views(report: Report) -> Views:
    """What --format asks for of a report.

    >>> import numpy as np
    >>> from mfact.core import Outcome, Verdict
    >>> run = Result(Outcome.CONVERGED, "", np.eye(2), np.eye(2), {}, {}, {}, {})
    >>> claim = Claim("gap", "gap < 1", Verdict.VIOLATED, "gap is 2", "required")
    >>> report = Report("check", {"run": "a.h5"}, "1 of 1 fails", (claim,), run)
    >>> print(check_views(report)["github"](None), end="")
    ::error title=a.h5 gap::gap < 1. gap is 2
    ::notice title=a.h5::1 of 1 fails
    """
    subject = " ".join(report.subjects.values())
    return {
        **page_views(lambda: page(report)),
        "csv": lambda look: sheet(claim_rows(report.claims)),
        "json": lambda look: json_text(document(report)),
        **ci_views(report.kind, subject, report.sentence, report.claims),
    }


def ci_views(kind: str, subject: str, sentence: str, claims: Sequence[Claim]) -> Views:
    """Claims as a CI server reads them: a suite of tests "mfact KIND", and annotations.

    subject: what they are about. sentence: the result in words.
    """
    cases = [case_of(claim, below=False) for claim in claims]
    told = annotation("notice", subject, sentence)
    return {
        "junit": lambda look: suite_text(f"mfact {kind}", subject, cases),
        "github": lambda look: violations(subject, claims) + told,
    }


def document(report: Report) -> dict[str, Any]:
    """The report as JSON values under the schema "mfact-check/1" or "mfact-diff/1"."""
    return {
        "schema": f"mfact-{report.kind}/1",
        "subjects": dict(report.subjects),
        "holds": not violated(report.claims),
        "sentence": report.sentence,
        "claims": [{**vars(claim)} for claim in report.claims],
        "numbers": dict(report.numbers),
    }


def _of_what(report: Report) -> list[Pair]:
    """What M is where it is not the matrix of the file; of two runs their claim says so."""
    formula = FORMULAS.get(center_of(report.run.problem))
    return [("where", formula)] if formula and report.kind == "check" else []


def page(report: Report) -> list[Part]:
    """What was looked at, each claim, the numbers, the result."""
    parts: list[Part] = [
        Heading(f"mfact {report.kind}", top=True),
        Facts([*report.subjects.items(), shapes_of(report.run), *_of_what(report)]),
        *claims_section(report.claims),
    ]
    if report.numbers:
        numbers = [(name, number(value)) for name, value in report.numbers.items()]
        parts += [Heading("Numbers that can be required"), Facts(numbers)]
    style = "bold red" if violated(report.claims) else "bold"
    return [*parts, Heading("Result"), Words(report.sentence, style)]
