"""The views of a result: what --format asks for, each as the text that goes to standard output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from mfact.core import Claim, Ended, Result, Verdict, violated
from mfact.report.machine import json_pieces, json_text, jsonl_pieces
from mfact.report.page import Page
from mfact.report.parts import Part, markdown_of, text_of
from mfact.report.run_page import RunPage
from mfact.report.sheets import Row, sheet, trace_rows
from mfact.report.terminal import Look
from mfact.words import printable

Views = Mapping[str, Callable[[Look], str | Iterable[str]]]
"""The name of a view -> what draws it, in pieces where it may be long."""


def page_views(parts: Callable[[], Iterable[Part]]) -> Views:
    """Of a page, as text and as Markdown."""
    return {
        "table": lambda look: text_of(parts(), look),
        "markdown": lambda look: markdown_of(parts()),
    }


def document_views(
    made: Any,
    page: Callable[[Any], Iterable[Part]],
    rows: Callable[[Any], Iterable[Row]] | None = None,
) -> Views:
    """Of JSON values, of the page that is drawn from them, and of the rows of their sheet."""
    views: Views = {**page_views(lambda: page(made)), "json": lambda look: json_text(made)}
    return views if rows is None else {**views, "csv": lambda look: sheet(rows(made))}


def run_views(
    result: Result, *, rows: int | None, timing: bool, factors: bool, full: bool
) -> Views:
    """Of a factorization. rows, timing, full: see Page. factors: whether JSON holds U and V."""
    return ended_views(RunPage(result, rows, timing, full), factors=factors)


def ended_views(page: Page[Any], *, factors: bool) -> Views:
    """Of a run of any kind, with its page."""
    result, timing = page.result, page.timing
    return {
        "table": page.text,
        "markdown": lambda look: page.markdown(),
        "csv": lambda look: sheet(trace_rows(result)),
        "json": lambda look: json_pieces(result, timing=timing, factors=factors),
        "jsonl": lambda look: jsonl_pieces(result, timing=timing),
        "junit": lambda look: junit_text(result, timing=timing),
        "github": lambda look: github_text(result),
    }


def junit_text(result: Ended, *, timing: bool = True) -> str:
    """A JUnit test suite of a run: the outcome, which fails unless the run ended well, and each
    claim as one case.
    """
    outcome, seconds = result.outcome, result.summary.get("seconds") if timing else None
    first = Case("outcome", seconds=seconds)
    if outcome.exit_code != 0:
        first = Case("outcome", "failure", outcome.sentence, result.message, seconds)
    claims = (case_of(claim, below=True) for claim in result.claims)
    return suite_text("mfact", subject_of(result), [first, *claims])


def github_text(result: Ended) -> str:
    """GitHub Actions annotations: the outcome, and each claim that is violated."""
    level = {0: "notice", 3: "warning"}.get(result.outcome.exit_code, "error")
    subject, text = subject_of(result), f"{result.outcome.sentence}. {result.message}"
    return annotation(level, subject, text) + violations(subject, result.claims)


def subject_of(result: Ended) -> str:
    """What a run is called in a list of tests: by its matrix, or its points."""
    return str(result.problem.get("name", "matrix"))


class Case(NamedTuple):
    """A case of a test suite: found is "failure", "skipped" or nothing; text stands below it."""

    name: str
    found: str = ""
    message: str = ""
    text: str | None = None
    seconds: float | None = None


def case_of(claim: Claim, *, below: bool) -> Case:
    """A violated claim is a failure; one that could not be judged is skipped.

    below: whether the words of a failure stand below its verdict, or in its place.
    """
    text = f"{claim.statement}. {claim.detail}".strip()
    if claim.verdict is Verdict.HOLDS:
        return Case(claim.name)
    if claim.verdict is not Verdict.VIOLATED:
        return Case(claim.name, "skipped", f"{claim.verdict}: {text}")
    return Case(claim.name, "failure", *((claim.verdict, text) if below else (text,)))


def suite_text(name: str, subject: str, cases: list[Case]) -> str:
    """A JUnit test suite as XML, each text in it printable: what XML forbids is an escape."""
    from xml.etree.ElementTree import Element, SubElement, indent, tostring

    suite = Element("testsuite", name=name)
    for case in cases:
        made = SubElement(suite, "testcase", classname=subject, name=case.name)
        if case.seconds is not None:
            made.set("time", f"{case.seconds:.6f}")
        if case.found:
            SubElement(made, case.found, message=case.message).text = case.text
    found = [case.found for case in cases]
    counts = (len(found), found.count("failure"), 0, found.count("skipped"))
    for what, count in zip(("tests", "failures", "errors", "skipped"), counts, strict=True):
        suite.set(what, str(count))
    for element in suite.iter():
        element.attrib = {name: printable(value) for name, value in element.attrib.items()}
        element.text = element.text and printable(element.text)
    indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suite, "unicode") + "\n"


def violations(subject: str, claims: Iterable[Claim]) -> str:
    """A GitHub annotation for each claim that is violated."""
    return "".join(
        annotation("error", f"{subject} {claim.name}", f"{claim.statement}. {claim.detail}")
        for claim in violated(claims)
    )


def annotation(level: str, title: str, text: str) -> str:
    """One line that GitHub Actions shows beside the code."""

    def escaped(part: str, more: str = "") -> str:
        part = printable(part).replace("%", "%25")
        for char in more:
            part = part.replace(char, f"%{ord(char):02X}")
        return part

    return f"::{level} title={escaped(title, ':,')}::{escaped(text)}\n"
