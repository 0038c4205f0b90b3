"""What `check` and `diff` found: a page, a document, a JUnit suite, GitHub annotations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mfact.core import Claim, Result, Verdict
from mfact.report.machine import annotation, claim_document, json_text, xml_text
from mfact.report.tables import claims_table, facts, heading
from mfact.report.terminal import Look, render
from mfact.report.text import number

if TYPE_CHECKING:
    from rich.console import RenderableType

VIEWS = ("table", "json", "junit", "github")


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

    @property
    def failed(self) -> tuple[Claim, ...]:
        """The claims that are violated: any of them makes the exit code 5."""
        return tuple(claim for claim in self.claims if claim.verdict is Verdict.VIOLATED)


def view(report: Report, format: str, look: Look) -> str:
    """The report in one of VIEWS, ready to be written.

    >>> import numpy as np
    >>> from mfact.core import Outcome, Verdict
    >>> run = Result(Outcome.CONVERGED, "", np.eye(2), np.eye(2), {}, {}, {}, {})
    >>> claim = Claim("gap", "gap < 1", Verdict.VIOLATED, "gap is 2", "required")
    >>> report = Report("check", {"run": "a.h5"}, "1 of 1 fails", (claim,), run)
    >>> print(view(report, "github", Look()), end="")
    ::error title=a.h5 gap::gap < 1. gap is 2
    ::notice title=a.h5::1 of 1 fails
    """
    match format:
        case "json":
            return json_text(document(report))
        case "junit":
            return junit_text(report)
        case "github":
            return github_text(report)
    return page(report, look)


def document(report: Report) -> dict[str, Any]:
    """The report as JSON values under the schema "mfact-check/1" or "mfact-diff/1"."""
    return {
        "schema": f"mfact-{report.kind}/1",
        "subjects": dict(report.subjects),
        "holds": not report.failed,
        "sentence": report.sentence,
        "claims": [claim_document(claim) for claim in report.claims],
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
    style = "bold red" if report.failed else "bold green"
    parts += [heading("Result", look), Text(look.symbols(f"  {report.sentence}"), style=style)]
    return render(parts, look)


def junit_text(report: Report) -> str:
    """A JUnit test suite with one case a claim.

    A violated claim is a failure; one that could not be judged is skipped.
    """
    from xml.etree.ElementTree import Element, SubElement

    suite = Element("testsuite", name=f"mfact {report.kind}")
    skipped = 0
    for claim in report.claims:
        case = SubElement(suite, "testcase", classname=_subject(report), name=claim.name)
        text = f"{claim.statement}. {claim.detail}"
        if claim.verdict is Verdict.VIOLATED:
            SubElement(case, "failure", message=text)
        elif claim.verdict is not Verdict.HOLDS:
            skipped += 1
            SubElement(case, "skipped", message=f"{claim.verdict}: {text}")
    suite.set("tests", str(len(report.claims)))
    suite.set("failures", str(len(report.failed)))
    suite.set("errors", "0")
    suite.set("skipped", str(skipped))
    return xml_text(suite)


def github_text(report: Report) -> str:
    """GitHub Actions annotations: an error for each violated claim, and the result."""
    lines = [
        annotation(
            "error", f"{_subject(report)} {claim.name}", f"{claim.statement}. {claim.detail}"
        )
        for claim in report.failed
    ]
    return "".join([*lines, annotation("notice", _subject(report), report.sentence)])


def _subject(report: Report) -> str:
    return " ".join(report.subjects.values())
