"""Run files: one HDF5 file holds all that is known at the end of a run."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from mfact.core import Array, Claim, Ended, Outcome, Result, Verdict
from mfact.host.atomic import replace_file
from mfact.host.provenance import repeatable
from mfact.storage.documents import plain
from mfact.storage.door import claim_dataset, require_run, under
from mfact.storage.images import make_image, read_image
from mfact.storage.names import restored, stored
from mfact.storage.reading import looking_through

FORMAT_VERSION = 2


def write_run(path: str | os.PathLike[str], result: Result, *, reproducible: bool = False) -> None:
    """Write the run file of `result`, atomically and verified.

    Datasets /U (d1×r), /V (d2×r), /trace/<column> (1-D), /claims/<index>-<name> (the
    claim's numbers, float64), /modes/<name> (of a run that recorded them), /names/rows and
    /names/columns (JSON as uint8, where M has names) and the root
    attribute `mfact_run`, one JSON string with the rest, in which a number that is not
    finite is null. Plain h5py reads it.

    reproducible: leave out clock, host and paths (see mfact.host.provenance.repeatable), so
        that equal runs give equal bytes.

    Raises StorageError, one line; an existing file at `path` is then untouched.

    >>> import tempfile
    >>> result = Result(Outcome.CONVERGED, "", np.eye(2), np.eye(2), {}, {}, {}, {"loss": 0.0})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_run(f"{folder}/run.h5", result)
    ...     read_run(f"{folder}/run.h5").summary
    {'loss': 0.0}
    """
    replace_file(path, run_image(result, reproducible=reproducible))


def run_image(result: Result, *, reproducible: bool = False) -> bytes:
    """The bytes of the run file of `result`; the arguments and errors of `write_run`."""
    if reproducible:
        result = repeatable(result)
    arrays, document = told(result)
    arrays = {"U": result.U, "V": result.V, **arrays}
    arrays |= {f"modes/{name}": values for name, values in result.modes.items()}
    arrays |= stored(result.names)
    if result.mean is not None:
        arrays["mean"] = result.mean
    return make_image("run", FORMAT_VERSION, arrays, document)


def told(result: Ended) -> tuple[dict[str, Array], dict[str, Any]]:
    """What run files of all kinds hold: trace/…, claims/…, and the document."""
    arrays = {f"trace/{column}": values for column, values in result.trace.items()}
    claims = []
    for index, claim in enumerate(result.claims):
        numbers = plain(claim.numbers, where=f"claim {claim.name}")
        claims.append({**dataclasses.asdict(claim), "numbers": numbers})
        if numbers:
            # JSON has no infinity; the dataset holds every number as a float64 too.
            values = np.array([_as_float(value) for value in claim.numbers.values()])
            arrays[claim_dataset(index, claim.name)] = values
    return arrays, {
        "outcome": result.outcome.name,
        "outcome_sentence": result.outcome.sentence,
        "message": result.message,
        "problem": plain(result.problem, where="problem"),
        "settings": plain(result.settings, where="settings"),
        "summary": plain(result.summary, where="summary"),
        "claims": claims,
        "provenance": plain(result.provenance, where="provenance"),
    }


def read_run(path: str | os.PathLike[str]) -> Result:
    """The Result that `write_run` stored, arrays and claim numbers bit for bit.

    In problem, settings, summary and provenance a number that was not finite is None, and
    a tuple is a list. A file of format 1 is given the names and the gap of this one (see
    mfact.storage.format_1).

    Raises StorageError, one line, when the file is missing, not a run file of mfact, of a
    newer format version, damaged, changed since it was written, or holds at some place what no
    run has there (see mfact.storage.door).
    """
    arrays, document, version = read_image(path, "run", FORMAT_VERSION)
    with looking_through(path, "a run file", "run `mfact solve` again"):
        require_run(arrays, document)
        names = restored(arrays, (len(arrays["U"]), len(arrays["V"])))
    result = Result(
        U=arrays["U"],
        V=arrays["V"],
        modes=under("modes", arrays),
        names=names,
        mean=arrays.get("mean"),
        **ended(arrays, document),
    )
    if version == 1:
        from mfact.storage.format_1 import from_format_1

        return from_format_1(result)
    return result


def ended(arrays: Mapping[str, Array], document: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that told() told, read back from what has been looked through."""
    return {
        "outcome": Outcome[document["outcome"]],
        "message": document["message"],
        "trace": under("trace", arrays),
        "problem": document["problem"],
        "settings": document["settings"],
        "summary": document["summary"],
        "claims": tuple(
            _claim(facts, arrays.get(claim_dataset(index, facts["name"])))
            for index, facts in enumerate(document["claims"])
        ),
        "provenance": document["provenance"],
    }


def _as_float(value: Any) -> float:
    try:
        return math.nan if value is None else float(value)
    except OverflowError:  # an integer beyond the floats; the JSON text has it in full
        return math.inf if value > 0 else -math.inf


def _claim(facts: Mapping[str, Any], values: Array | None) -> Claim:
    """The claim, with the numbers that JSON could not hold taken from the dataset."""
    exact = [] if values is None else values.tolist()
    numbers = {
        name: exact[place] if number is None else number
        for place, (name, number) in enumerate(facts["numbers"].items())
    }
    return Claim(**{**facts, "verdict": Verdict(facts["verdict"]), "numbers": numbers})
