"""Results as Python hands them out: numbers to look at, weights to go on with, a file to keep."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from mfact.core import Array, Claim, Document, Names, Outcome
from mfact.core import NetworkResult as NetworkRecord
from mfact.core import Result as Record
from mfact.errors import SettingsError
from mfact.pictures.names import CONVERGENCE, STEP
from mfact.python.door import spoken
from mfact.python.frames import framed
from mfact.python.words import said
from mfact.storage.claims import FACTORS
from mfact.storage.factors import write_factors
from mfact.storage.runs import write_run
from mfact.studies.checked import counted
from mfact.words import by, known_digits, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

R = TypeVar("R", bound=Record | NetworkRecord)

_NUMBERS = {"gap": "gap", "relative_residual": "residual", "imbalance": "imbalance",
            "drift": "drift", "log_det_drift": "log det drift"}  # fmt: skip
_OF_NETWORKS = {"loss": "loss", "gradient_norm": "gradient norm", "drift": "drift",
                "ledger_audit": "ledger audit"}  # fmt: skip
_DIGITS = 4


@dataclass(frozen=True, repr=False, eq=False)  # arrays have no one answer to ==
class Ended(ABC, Generic[R]):
    """What is known at the end of a run of any kind, and of its file.

    record: the same as the library has it, in the words of the command line.
    """

    record: R

    @property
    def outcome(self) -> Outcome:
        """How the run ended; its name, and a sentence."""
        return self.record.outcome

    @property
    def message(self) -> str:
        """What happened, and for every end but a good one what to do instead."""
        return said(self.record.message)

    @property
    def trace(self) -> Mapping[str, Array]:
        """Columns by name, an entry for each step that was recorded (see mfact.trace.COLUMNS, and
        of networks mfact.networks.columns).
        """
        return self.record.trace

    @property
    def summary(self) -> Document:
        """The numbers of the last step, and what it took to get there."""
        notes = self.record.summary.get("notes")
        told = {"notes": [said(note) for note in notes]} if notes else {}
        return {**self.record.summary, **told}

    @property
    def settings(self) -> Document:
        """Each option with its value, where that came from, and what was used for it."""
        return self.record.settings

    @property
    def problem(self) -> Document:
        """The matrix, or the points and the loss, and what is known of it."""
        return self.record.problem

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The statements that were held against the run, each with its verdict."""
        return self.record.claims

    @property
    def provenance(self) -> Document:
        """Versions, threads, host and time."""
        return self.record.provenance

    @abstractmethod
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the run file, whole or not at all; mfact.load and `mfact show` read it.

        Raises StorageError, one line; an existing file is then untouched.
        """

    def frame(self) -> Any:
        """The trace as a pandas DataFrame, a row for each step that was recorded.

        Raises MissingPackageError without pandas.
        """
        return framed(dict(self.trace))

    @spoken()
    def plot(
        self,
        kind: str = CONVERGENCE,
        *,
        x: str = STEP,
        path: str | os.PathLike[str] | None = None,
    ) -> Figure:
        """A picture of the run, as a figure of matplotlib: see mfact.plot."""
        from mfact.python.drawn import drawn

        return drawn([("run 1", self.record)], kind, x=x, path=path)

    def _told(self, sizes: str, names: Mapping[str, str]) -> str:
        """A few lines: the outcome, how far it came, the numbers of these names, the claims."""
        summary = self.record.summary
        step = summary.get("iterations", f"10^{summary.get('log10_iterations', 0.0):.6g}")
        errors = {"gap": summary.get("gap_bound") or 0.0}
        numbers = ", ".join(
            f"{word} {_honest(summary[name], errors.get(name, 0.0))}"
            for name, word in names.items()
            if summary.get(name) is not None
        )
        lines = [self.message, f"step {step}; {sizes}", numbers, counted(self.claims)]
        first = f"{type(self).__name__}: {self.outcome.sentence}"
        return "\n".join([first, *(f"  {line}" for line in lines if line)])


class Result(Ended[Record]):
    """What is known at the end of a run, and of a run file.

    record: the same as the library has it, in the words of the command line.

    >>> import mfact
    >>> result = mfact.solve([[3.0, 0.0], [4.0, 0.0]], 1, seed=1)
    >>> result
    Result: reached a global optimum
      the Eckart–Young gap is ..., within tol=1e-10
      step ...; U is 2×1, V is 2×1
      gap ..., residual ..., imbalance ..., drift ...
      ... claims hold, ... could not be judged, none is violated
    """

    @property
    def U(self) -> Array:
        """The left factor, d1×r."""
        return self.record.U

    @property
    def V(self) -> Array:
        """The right factor, d2×r."""
        return self.record.V

    @property
    def names(self) -> Names:
        """Of the rows and columns of M, as its file had them: None where it has none."""
        return self.record.names

    @property
    def mean(self) -> Array | None:
        """What M is without: the means of the d2 columns of the matrix that was given, of its d1
        rows, or its one mean, as `center` says; None where it is that matrix itself. With columns
        and mean that matrix is ≈ UVᵀ + mean as NumPy adds them, with rows UVᵀ + mean[:, None].
        """
        return self.record.mean

    def save(self, path: str | os.PathLike[str]) -> None:
        write_run(path, self.record)

    @spoken()
    def save_factors(self, prefix: str | os.PathLike[str], form: str = "csv") -> tuple[str, str]:
        """Write U and V as PREFIX_U.FORM and PREFIX_V.FORM; the two paths.

        form: "csv" and "tsv", tables with the names of rows and columns, or their places from 0, or
        "npy".

        Raises StorageError, one line; each file is then as it was, or whole.
        """
        if form not in FACTORS:
            raise SettingsError(f"form is {shown(form)}", f"give {', '.join(FACTORS)}")
        return write_factors(prefix, form, self.record)

    def balanced(self) -> tuple[Array, Array]:
        """A pair of the same product UVᵀ with UᵀU = VᵀV diagonal, both to rounding.

        With U = Q₁R₁, V = Q₂R₂ and R₁R₂ᵀ = AΣBᵀ it is (Q₁AΣ^½, Q₂BΣ^½).
        """
        (left, R1), (right, R2) = np.linalg.qr(self.U), np.linalg.qr(self.V)
        A, sigma, Bt = np.linalg.svd(R1 @ R2.T)
        root = np.sqrt(sigma)
        return left @ (A * root), right @ (Bt.T * root)

    def __repr__(self) -> str:
        return self._told(f"U is {by(self.U.shape)}, V is {by(self.V.shape)}", _NUMBERS)


class NetworkResult(Ended[NetworkRecord]):
    """What is known at the end of a network's run, and of its file.

    record: the same as the library has it, in the words of the command line.
    """

    @property
    def weights(self) -> Mapping[str, Array]:
        """W/1, b/1 where there is one, W/2, …: W/h of units × inputs, a convolution's channels ×
        channels × kernel; of shared weights the free parameters.
        """
        return self.record.weights

    @property
    def start(self) -> Mapping[str, Array]:
        """The same before the first step."""
        return self.record.start

    @property
    def neurons(self) -> Mapping[str, Array]:
        """Of each place h between two layers h/in, h/out and h/ledger, a row a recorded step and a
        column a unit: ‖W_h[i, :]‖² with its bias, ‖W_{h+1}[:, i]‖², and what their difference must
        have moved by. step: of each row.
        """
        return self.record.neurons

    def save(self, path: str | os.PathLike[str]) -> None:
        from mfact.storage.network_runs import write_network_run

        write_network_run(path, self.record)

    def __repr__(self) -> str:
        count = sum(name.startswith("W/") for name in self.weights)
        size = sum(each.size for each in self.weights.values())
        return self._told(f"{count} layers, {size} parameters", _OF_NETWORKS)


def _honest(value: float, error: float) -> str:
    """The digits of a number that are known, where it is known to ± error.

    >>> _honest(0.123456, 0.01), _honest(1e-12, 1e-9)
    ('0.12', 'below 1e-09')
    """
    digits = known_digits(value, error, _DIGITS)
    return f"{value:.{digits}g}" if digits else f"below {value + error:.1g}"
