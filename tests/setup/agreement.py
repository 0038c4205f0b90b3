"""What a document shows of what a command prints: whether they agree, and what to show now.

What must agree with the text shown: every word, in order, with runs of rule characters, of spaces
and of the dots of a curve taken as one. Numbers must agree to 5 %; two numbers under 1e-6 count as
equal (they are rounding, and differ between processors), and so do two times and two sizes of
memory. A line with `…` alone stands for any lines.
"""

from __future__ import annotations

import re

GAP = "…"
NUMBER = re.compile(
    r"[-+−]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(\s?(?:ns|µs|ms|s|min|h|[kMG]i?B)\b)?", re.IGNORECASE
)
RULES = re.compile(r"[─━═┄╌\-]{3,}")
DOTS = re.compile("[\u2800-\u28ff][\u2800-\u28ff ]*")
NEGLIGIBLE = 1e-6
AGREEMENT = 0.05


def shape(line: str) -> str:
    """The words of a line, with # for each number."""
    return " ".join(DOTS.sub("⠿ ", RULES.sub("---", NUMBER.sub("#", line))).split())


def same_numbers(shown: str, printed: str) -> bool:
    """Whether those numbers agree that do not depend on the machine; the shapes are equal."""
    for a, b in zip(NUMBER.finditer(shown), NUMBER.finditer(printed), strict=True):
        if a.group(1) and b.group(1):
            continue
        x, y = (float(m.group().replace("−", "-").split()[0]) for m in (a, b))
        largest = max(abs(x), abs(y))
        if largest >= NEGLIGIBLE and abs(x - y) > AGREEMENT * largest:
            return False
    return True


def first_difference(shown: tuple[str, ...], printed: list[str]) -> str | None:
    """None, or a sentence that says where the output departs from what is shown."""
    at, anywhere = 0, False
    present = [line for line in printed if line.strip()]
    for line in filter(str.strip, shown):
        if line.strip() == GAP:
            anywhere = True
            continue
        while True:
            if at == len(present):
                return f"not printed: {line!r}"
            agrees = shape(line) == shape(present[at]) and same_numbers(line, present[at])
            at += 1
            if agrees:
                break
            if not anywhere:
                return f"shown: {line!r}\nprinted: {present[at - 1]!r}"
        anywhere = False
    if shown and not anywhere and at < len(present):
        return f"not shown: {present[at]!r}"
    return None


def renewed(shown: tuple[str, ...], printed: list[str]) -> list[str]:
    """What is printed now, with gaps where the document has them.

    A passage between gaps begins at the printed line with the same first four words and is as
    long as it was; one at the end goes to the end. Where its beginning is gone it stays as it was.
    """
    if GAP not in (line.strip() for line in shown):
        return printed
    passages: list[list[str]] = [[]]
    for line in shown:
        if line.strip() == GAP:
            passages.append([])
        elif line.strip() or passages[-1]:
            passages[-1].append(line)
    result: list[str] = []
    at = 0
    for index, passage in enumerate(passages):
        if index:
            result.append(GAP)
        if not passage:
            continue
        start = at
        while start < len(printed) and _words(printed[start]) != _words(passage[0]):
            start += 1
        last = index == len(passages) - 1
        at = len(printed) if last else min(start + len(passage), len(printed))
        result += printed[start:at] or passage
    return result


def _words(line: str) -> list[str]:
    """The first words of a line, of which numbers are one and the same."""
    return shape(line).split()[:4]
