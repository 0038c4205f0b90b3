"""One result as a document for programs: JSON, and JSON lines."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, islice
from typing import Any

from mfact.core import Array, NetworkResult, Result
from mfact.report.labels import FIRST_NAMES, timeless

SCHEMA = "mfact-result/1"
NETWORK_SCHEMA = "mfact-network-result/1"

Either = Result | NetworkResult

TEXTS = 4096  # of numbers or lines that are made at once: a trace may have millions


def finite(value: Any) -> Any:
    """The value with each number that JSON cannot hold (nan, inf) as None.

    >>> finite({"a": [1.0, float("nan")], "b": float("inf")})
    {'a': [1.0, None], 'b': None}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


def document(result: Either, *, timing: bool, factors: bool) -> dict[str, Any]:
    """The whole result as JSON values under the schema "mfact-result/1", of a network
    "mfact-network-result/1", but for each column of the trace what gives its values.

    timing: False leaves out what a clock measured. factors: False leaves out U and V, of a network
    the weights, and its masks and maps of shared ones.
    """
    made: dict[str, Any] = {
        "schema": NETWORK_SCHEMA if isinstance(result, NetworkResult) else SCHEMA,
        "outcome": result.outcome.name,
        "sentence": result.outcome.sentence,
        "exit_code": result.outcome.exit_code,
        "message": result.message,
        **_model(result),
        "problem": result.problem,
        "settings": result.settings,
        "summary": result.summary if timing else timeless(result.summary),
        "claims": [{**vars(claim)} for claim in result.claims],
        "trace": {name: partial(column_of, result.trace, name) for name in result.trace},
        "provenance": result.provenance if timing else timeless(result.provenance),
    }
    if factors:
        made |= _factors(result)
    cleaned: dict[str, Any] = finite(made)
    return cleaned


def _model(result: Either) -> dict[str, Any]:
    """What was fitted: the shapes of a factorization, how many names its rows and columns have and
    the first of them, or the layers of a network.
    """
    if isinstance(result, NetworkResult):
        return {"network": result.network}
    shape = {"M": [result.U.shape[0], result.V.shape[0]], "rank": result.U.shape[1]}
    named = {
        side: {"count": len(names), "first": names[:FIRST_NAMES]}
        for side, names in vars(result.names).items()
        if names is not None
    }
    return {"shape": shape, **({"names": named} if named else {})}


def _factors(result: Either) -> dict[str, Any]:
    if isinstance(result, NetworkResult):
        named = {"weights": result.weights, **({"ties": result.ties} if result.ties else {})}
        return {key: {n: each.tolist() for n, each in held.items()} for key, held in named.items()}
    mean = {} if result.mean is None else {"mean": result.mean.tolist()}
    return {"factors": {"U": result.U.tolist(), "V": result.V.tolist(), **mean}}


def json_text(value: Any) -> str:
    """One JSON document, ASCII, with a final line end."""
    return _quiet(json.dumps(finite(value), indent=1, allow_nan=False)) + "\n"


def json_pieces(result: Either, *, timing: bool = True, factors: bool = True) -> Iterator[str]:
    """The document as JSON, in pieces: a column of the trace at a time."""
    made = document(result, timing=timing, factors=factors)
    encoder = json.JSONEncoder(indent=1, allow_nan=False, default=lambda column: [*column()])
    return gathered(map(_quiet, chain(encoder.iterencode(made), "\n")))


def jsonl_pieces(result: Either, *, timing: bool = True) -> Iterator[str]:
    """One JSON object a line, in pieces: each recorded row, then the result without factors."""
    yield from jsonl_rows(result.trace)
    yield jsonl_result(result, timing=timing)


def jsonl_rows(trace: Mapping[str, Array]) -> Iterator[str]:
    """The rows of a trace, each a line of type "row"."""
    rows = zip(*(column_of(trace, name) for name in trace), strict=True)
    return gathered(_line("row", dict(zip(trace, row, strict=True))) for row in rows)


def jsonl_result(result: Either, *, timing: bool = True) -> str:
    """The line of type "result", without trace and factors."""
    made = document(result, timing=timing, factors=False)
    return _line("result", {name: value for name, value in made.items() if name != "trace"})


def _line(kind: str, value: Mapping[str, Any]) -> str:
    return _quiet(json.dumps({"type": kind, **value}, allow_nan=False)) + "\n"


def gathered(texts: Iterable[str]) -> Iterator[str]:
    """The texts, many in one: each that is written costs a call."""
    waiting = iter(texts)
    while piece := "".join(islice(waiting, TEXTS)):
        yield piece


def _quiet(text: str) -> str:
    """The same JSON, without a command to a CI server that reads along."""
    return text.replace("##", "#\\u0023")


def column_of(trace: Mapping[str, Array], name: str) -> Iterator[Any]:
    """The entries of a trace column; step numbers as integers where they are finite."""
    values = trace[name]
    for start in range(0, len(values), TEXTS):
        for value in values[start : start + TEXTS].tolist():
            yield int(value) if name == "step" and math.isfinite(value) else finite(value)
