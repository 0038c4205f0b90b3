"""What `check` and `diff` found: a page, a document, a JUnit suite, GitHub annotations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mfact.core import Claim, Result
from mfact.report.machine import json_text
from mfact.report.tables import claims_table, facts, heading
from mfact.report.terminal import Look, render
from mfact.report.text import number
from mfact.report.views import Views, annotation, case_of, suite_text, violated, violations

if TYPE_CHECKING:
    from rich.console import RenderableType


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
    >>> print(check_views(report)["github"](Look()), end="")
    ::error title=a.h5 gap::gap < 1. gap is 2
    ::notice title=a.h5::1 of 1 fails
    """
    subject = " ".join(report.subjects.values())
    cases = [case_of(claim, below=False) for claim in report.claims]
    told = annotation("notice", subject, report.sentence)
    return {
        "table": lambda look: page(report, look),
        "json": lambda look: json_text(document(report)),
        "junit": lambda look: suite_text(f"mfact {report.kind}", subject, cases),
        "github": lambda look: violations(subject, report.claims) + told,
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


def page(report: Report, look: Look) -> str:
    """The report as text: what was looked at, each claim, the numbers, the result."""
    from rich.text import Text

    (d1, r), d2 = report.run.U.shape, report.run.V.shape[0]
    shapes = f"M is {d1}×{d2}, U is {d1}×{r}, V is {d2}×{r}"
    subjects = [*report.subjects.items(), ("shapes", shapes)]
    parts: list[RenderableType] = [
        Text(look.symbols(f"mfact {report.kind}"), style="bold"),
        facts(subjects, look),
        *claims_table(replace(report.run, claims=report.claims), look),
    ]
    if report.numbers:
        parts += [
            heading("Numbers that can be required", look),
            facts([(name, number(value)) for name, value in report.numbers.items()], look),
        ]
    style = "bold red" if violated(report.claims) else "bold green"
    parts += [heading("Result", look), Text(look.symbols(f"  {report.sentence}"), style=style)]
    return render(parts, look)
