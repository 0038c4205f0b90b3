"""In what several runs differ: what a legend and a table say of each, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from mfact.core import Document, NetworkResult, Result
from mfact.networks.settings import NetworkSettings
from mfact.options import means, options_of, typed
from mfact.settings import RunSettings
from mfact.studies.named import center_of
from mfact.targets.centred import LESS
from mfact.words import printable, shown

ASIDE = frozenset({
    "checkpoint", "checkpoint_every", "every", "force", "max_basis_bytes", "max_memory", "modes",
    "scheduler", "threads", "workers",
})  # fmt: skip
"""Settings that change no step of a run."""

SEED = "seed"
NONE = "-"
"""In place of an option that a run lacks."""
MOST_WORDS = 3
"""Differences that a legend tells; of runs with more it tells the file."""


def matrix_of(problem: Document) -> str:
    """The name of the matrix of a run, or of its points."""
    return shown(str(problem.get("name", "matrix")), quoted=False)


def whole_name(matrix: str, center: str | None) -> str:
    """A name of A with what is taken off it; center: None where that is not the same of all.

    >>> whole_name("t.npy", "columns"), whole_name("t.npy", "none")
    ('t.npy less the means of its columns', 't.npy')
    """
    return f"{matrix} {LESS.get(center or '', '')}".rstrip()


@dataclass(frozen=True)
class Subject:
    """A run, and the name of the file or of the variation that it came from."""

    name: str
    run: Result | NetworkResult

    @property
    def matrix(self) -> str:
        """What it is a run of, the matrix or the points, by a name that has the dataset in it."""
        return matrix_of(self.run.problem)


@dataclass(frozen=True)
class Group:
    """Runs that differ in nothing but the seed, and what tells them from those of other groups."""

    label: str
    subjects: tuple[Subject, ...]


def differences(subjects: Sequence[Subject]) -> dict[str, list[str]]:
    """What the runs differ in, by name, the matrix first, and what each has there, as words.

    Of an option that a run left to be chosen it is what was chosen; of one that a run lacks, or
    that means nothing there with its other options, a dash.

    >>> from mfact.run.solve import solve
    >>> runs = [solve([[2.0]], rank=1, seed=s, start_scale=0.1) for s in (1, 2)]
    >>> differences([Subject("a", runs[0]), Subject("b", runs[1])])
    {'seed': ['1', '2']}
    """
    found = {"matrix": [subject.matrix for subject in subjects]}
    names = dict.fromkeys(name for subject in subjects for name in subject.run.settings)
    entries = {name: [entry_of(subject.run, name) for subject in subjects] for name in names}
    for name, each in entries.items():
        values = [None if entry is None else entry.get("value") for entry in each]
        if name not in ASIDE and any(value != values[0] for value in values):
            found[name] = [
                _words(entry if _means(subject.run, name) else None)
                for subject, entry in zip(subjects, each, strict=True)
            ]
    return {name: words for name, words in found.items() if len(set(words)) > 1}


def entry_of(run: Result | NetworkResult, name: str) -> Mapping[str, Any] | None:
    """An option of a run, None where it has none; of a rank that was found the number. Runs of an
    older mfact are of the matrix as it was read, and do not say so.
    """
    entry: Mapping[str, Any] | None = run.settings.get(name)
    if name == "rank" and entry is not None and "used" in entry:
        return {**entry, "value": entry["used"]}
    if entry is None and name == "center" and isinstance(run, Result):
        return {"value": center_of(run.problem)}
    return entry


def labels(subjects: Sequence[Subject], *, seeds: bool = True) -> list[str]:
    """What each run is called beside the others: what is its own, or else its file's name.

    seeds: whether its seed may be told.
    """
    found = {n: words for n, words in differences(subjects).items() if seeds or n != SEED}
    if 1 <= len(found) <= MOST_WORDS:
        told = [_label(found, place) for place in range(len(subjects))]
        if len(set(told)) == len(told):
            return told
    return names(subjects)


def names(subjects: Sequence[Subject]) -> list[str]:
    """The shortest ends of the names that differ."""
    paths = [PurePath(subject.name).parts for subject in subjects]
    for length in range(1, max(map(len, paths), default=1) + 1):
        told = ["/".join(parts[-length:]) for parts in paths]
        if len(set(told)) == len(told):
            break
    return [printable(name) for name in told] if paths else []


def by_seed(subjects: Sequence[Subject]) -> list[Group]:
    """The runs, those that differ in nothing but the seed together, in the order of the first."""
    found = {name: words for name, words in differences(subjects).items() if name != SEED}
    together: dict[tuple[str, ...], list[Subject]] = {}
    for place, subject in enumerate(subjects):
        key = tuple(words[place] for words in found.values())
        together.setdefault(key, []).append(subject)
    if len(together) == len(subjects):
        return [Group(label, (s,)) for label, s in zip(labels(subjects), subjects, strict=True)]
    firsts = [group[0] for group in together.values()]
    alone = len(firsts) == 1
    return [
        Group(_seeds(group, "" if alone else label), tuple(group))
        for label, group in zip(labels(firsts, seeds=False), together.values(), strict=True)
    ]


def _seeds(group: Sequence[Subject], label: str) -> str:
    """The label of a group, with how many it has; that they are seeds only where they differ."""
    seeds = {_words(subject.run.settings.get(SEED)) for subject in group}
    word = "seeds" if len(seeds) == len(group) else "runs"
    count = f"{len(group)} {word}" if len(group) > 1 else ""
    return ", ".join(filter(None, (label, count)))


def _means(run: Result | NetworkResult, name: str) -> bool:
    """Whether an option means something with the others of the run."""
    known = options_of(NetworkSettings if isinstance(run, NetworkResult) else RunSettings)
    told = run.settings.items()
    values = {each: entry.get("value") for each, entry in told}
    used = {each: entry.get("used", values[each]) for each, entry in told}
    return name not in known or means(known[name], values) or means(known[name], used)


def _label(found: Mapping[str, list[str]], place: int) -> str:
    told = ((name, words[place]) for name, words in found.items())
    return ", ".join(_named(name, word) for name, word in told if word != NONE)


def _named(name: str, word: str) -> str:
    """A word that says by itself what it is of stands alone.

    >>> _named("schedule", "power"), _named("step_size", "0.5"), _named("optimum", "no")
    ('power', 'step size 0.5', 'optimum no')
    """
    alone = name in ("matrix", "schedule", "method", "objective", "start", "dtype", "engine",
                     "layers", "data", "targets", "loss")  # fmt: skip
    return word if alone else f"{name.replace('_', ' ')} {word}"


def _words(entry: Mapping[str, Any] | None) -> str:
    """What was chosen stands before why it was.

    >>> _words({"value": "auto", "used": "direct: 3 steps need fewer passes over M than a basis"})
    'direct'
    """
    if entry is None:
        return NONE
    value = entry.get("value")
    if value not in (None, "auto"):
        return _spelled(value)
    used = entry.get("used", value)
    return _spelled(used.partition(": ")[0] if isinstance(used, str) else used)


def _spelled(value: Any) -> str:
    """A value as it is typed, in few digits.

    >>> _spelled(0.25), _spelled(True), _spelled(None)
    ('0.25', 'yes', 'none')
    """
    return f"{value:.6g}" if isinstance(value, float) else shown(typed(value), quoted=False)
