"""What the topic on claims says of each: its statement, what it needs, where it stands."""

from __future__ import annotations

import re
import textwrap

from mfact.trace import COLUMNS

# A name, and what stands beside it; `$ ` begins a command.
_ENTRY = re.compile(r"^  ([a-z]\S*(?: \w+)*|COLUMN)  +(\S.*(?:\n {4,}\S.*)*)", re.MULTILINE)
_WRAPPED = textwrap.TextWrapper(
    80, initial_indent="  ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
)


def entries(topic: str) -> dict[str, str]:
    """Claim, verdict or kind of claim -> what the text of the topic says of it, on one line.

    >>> entries("\\n  lemma-1   ‖D‖ ≤ ε. Needs\\n            luck\\n  $ mfact a  # b\\n")
    {'lemma-1': '‖D‖ ≤ ε. Needs luck'}
    """
    return {name: " ".join(words.split()) for name, words in _ENTRY.findall(topic)}


def explained(asked: str, topic: str) -> str:
    """The claim of this name, or those that continue it with a dash; nothing for none.

    asked: as a run, a check or a diff names it, in lower case. topic: the text on claims.
    """
    known = entries(topic)
    name = asked if asked in known else re.sub(r"-\d+$", "-h", asked)  # kappa-1, kappa-2, …
    chosen = {asked: known[name]} if name in known else {}
    chosen = chosen or {name: known[name] for name in known if name.startswith(f"{asked}-")}
    if not chosen and asked.split()[:1] == ["require"]:
        chosen = {asked: known["require WHAT"]}
    if not chosen:
        chosen = {name: f"{column.words}. A diff compares {known['COLUMN']}"
                  for name, column in COLUMNS.items() if name.lower() == asked}  # fmt: skip
    return "\n".join(f"{name}\n{_WRAPPED.fill(words)}\n" for name, words in chosen.items())
