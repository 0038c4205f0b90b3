"""Which pictures there are of what: the one list that commands and Python ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mfact.core import NetworkResult, Result
from mfact.errors import SettingsError
from mfact.pictures.audit import audit_balance
from mfact.pictures.balance import balance
from mfact.pictures.convergence import convergence
from mfact.pictures.drawing import Picture
from mfact.pictures.ledger import ledger
from mfact.pictures.methods import methods
from mfact.pictures.modes import modes
from mfact.pictures.names import BALANCE, CONVERGENCE, LEDGER, METHODS, MODES, SPECTRUM, STARTS
from mfact.pictures.network import network_balance, network_convergence, network_ledger
from mfact.pictures.spectrum import spectrum
from mfact.pictures.starts import starts
from mfact.storage.either import Kept
from mfact.storage.sweeps import SweepRecord
from mfact.studies.conserved import method_of
from mfact.studies.differing import Subject
from mfact.words import printable

Draw = Callable[[Sequence[Subject], str], Picture]

OF_RUNS: Mapping[str, Draw] = {
    CONVERGENCE: convergence,
    BALANCE: balance,
    LEDGER: ledger,
    SPECTRUM: lambda subjects, x: spectrum(subjects),
    MODES: modes,
    METHODS: methods,
}
"""Of factorizations, by the name of the kind."""

OF_NETWORKS: Mapping[str, Draw] = {
    CONVERGENCE: network_convergence,
    BALANCE: network_balance,
    LEDGER: network_ledger,
}


def kind_of(*kept: Kept) -> str:
    """What is drawn of files where nothing is said: by the first, and of runs of matrices by
    several methods what each conserves too.
    """
    if isinstance(kept[0], SweepRecord):
        return STARTS
    if not isinstance(kept[0], Result | NetworkResult):
        return BALANCE
    runs = all(isinstance(each, Result) for each in kept)
    several = len({method_of(each.settings) for each in kept if isinstance(each, Result)}) > 1
    return METHODS if runs and several else CONVERGENCE


def picture_of(named: Sequence[tuple[str, Kept]], kind: str | None, x: str) -> Picture:
    """The picture of runs, all of matrices or all of networks, or of one sweep or balance.

    named: what each file holds, after its name. kind: None for what there is of the first.

    Raises SettingsError for a kind that there is not of them, and for files of several kinds.
    """
    (first, kept), *others = named
    kind = kind or kind_of(*(each for _, each in named))
    if isinstance(kept, Result | NetworkResult):
        return picture_of_runs(_runs(named), kind, x)
    if others:
        raise SettingsError(
            f"{printable(first)} is no run, and drawn alone", "draw one file at a time"
        )
    if kind != kind_of(kept):
        raise SettingsError(
            f"there is no picture {kind} of {printable(first)}", f"choose {kind_of(kept)}"
        )
    return starts(kept) if isinstance(kept, SweepRecord) else audit_balance(kept)


def picture_of_runs(subjects: Sequence[Subject], kind: str | None, x: str) -> Picture:
    """The picture of this kind of runs that are all of matrices, or all of networks; None: as
    kind_of says.

    Raises SettingsError as picture_of does.
    """
    of_networks = {isinstance(subject.run, NetworkResult) for subject in subjects}
    if len(of_networks) > 1:
        raise SettingsError(
            "runs of matrices and of networks share no axis", "draw them in two pictures"
        )
    kind = kind or kind_of(*(subject.run for subject in subjects))
    kinds, what = (OF_NETWORKS, "networks") if True in of_networks else (OF_RUNS, "several runs")
    if kind not in kinds:
        raise SettingsError(
            f"there is no picture {kind} of {what}", f"choose one of {', '.join(kinds)}"
        )
    return kinds[kind](subjects, x)


def _runs(named: Sequence[tuple[str, Kept]]) -> list[Subject]:
    subjects = []
    for name, kept in named:
        if not isinstance(kept, Result | NetworkResult):
            raise SettingsError(
                f"{printable(name)} is no run, and drawn alone", "draw one file at a time"
            )
        subjects.append(Subject(name, kept))
    return subjects
