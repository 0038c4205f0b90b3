"""A result as Python hands it out: numbers to look at, factors to go on with, a file to keep."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mfact.core import Array, Claim, Document, Outcome
from mfact.core import Result as Record
from mfact.errors import MissingPackageError
from mfact.python.words import said
from mfact.storage.runs import write_run
from mfact.studies.checked import counted
from mfact.words import known_digits

_NUMBERS = {"gap": "gap", "relative_residual": "residual", "imbalance": "imbalance",
            "drift": "drift"}  # fmt: skip
_DIGITS = 4


@dataclass(frozen=True, repr=False, eq=False)  # arrays have no one answer to ==
class Result:
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

    record: Record

    @property
    def outcome(self) -> Outcome:
        """How the run ended; its name, and a sentence."""
        return self.record.outcome

    @property
    def message(self) -> str:
        """What happened, and for every end but a good one what to do instead."""
        return said(self.record.message)

    @property
    def U(self) -> Array:
        """The left factor, d1×r."""
        return self.record.U

    @property
    def V(self) -> Array:
        """The right factor, d2×r."""
        return self.record.V

    @property
    def trace(self) -> Mapping[str, Array]:
        """Columns by name, an entry for each step that was recorded (see mfact.trace.COLUMNS)."""
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
        """The matrix, and what is known of it."""
        return self.record.problem

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The statements that were held against the run, each with its verdict."""
        return self.record.claims

    @property
    def provenance(self) -> Document:
        """Versions, threads, host and time."""
        return self.record.provenance

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the run file, whole or not at all; mfact.load and `mfact show` read it.

        Raises StorageError, one line; an existing file is then untouched.
        """
        write_run(path, self.record)

    def balanced(self) -> tuple[Array, Array]:
        """A pair of the same product UVᵀ with UᵀU = VᵀV diagonal, both to rounding.

        With U = Q₁R₁, V = Q₂R₂ and R₁R₂ᵀ = AΣBᵀ it is (Q₁AΣ^½, Q₂BΣ^½).
        """
        (left, R1), (right, R2) = np.linalg.qr(self.U), np.linalg.qr(self.V)
        A, sigma, Bt = np.linalg.svd(R1 @ R2.T)
        root = np.sqrt(sigma)
        return left @ (A * root), right @ (Bt.T * root)

    def frame(self) -> Any:
        """The trace as a pandas DataFrame, a row for each step that was recorded.

        Raises MissingPackageError without pandas.
        """
        try:
            import pandas
        except ImportError as error:
            raise MissingPackageError("a frame needs pandas", "pip install pandas") from error
        return pandas.DataFrame(dict(self.trace))

    def __repr__(self) -> str:
        summary = self.record.summary
        step = summary.get("iterations", f"10^{summary.get('log10_iterations', 0.0):.6g}")
        shapes = f"U is {_size(self.U)}, V is {_size(self.V)}"
        errors = {"gap": summary.get("gap_bound") or 0.0}
        numbers = ", ".join(
            f"{word} {_honest(summary[name], errors.get(name, 0.0))}"
            for name, word in _NUMBERS.items()
            if summary.get(name) is not None
        )
        lines = [self.message, f"step {step}; {shapes}", numbers, counted(self.claims)]
        told = [f"Result: {self.outcome.sentence}", *(f"  {line}" for line in lines if line)]
        return "\n".join(told)


def _size(factor: Array) -> str:
    return "×".join(map(str, factor.shape))


def _honest(value: float, error: float) -> str:
    """The digits of a number that are known, where it is known to ± error.

    >>> _honest(0.123456, 0.01), _honest(1e-12, 1e-9)
    ('0.12', 'below 1e-09')
    """
    digits = known_digits(value, error, _DIGITS)
    return f"{value:.{digits}g}" if digits else f"below {value + error:.1g}"
