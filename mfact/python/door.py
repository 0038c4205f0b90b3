"""The door of Python: every public function lists its options, and speaks of arguments."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from textwrap import fill
from typing import Any, Protocol, TypeVar, cast

from mfact.core import Outcome
from mfact.errors import ConvergenceWarning, MatrixWarning, MfactError, UnknownOptionError
from mfact.options import Option
from mfact.python.words import said
from mfact.words.foreign import OPTIONS, way_out


class _Ended(Protocol):
    @property
    def outcome(self) -> Outcome: ...

    @property
    def message(self) -> str: ...


F = TypeVar("F", bound=Callable[..., Any])
E = TypeVar("E", bound=_Ended)
Taken = Mapping[str, tuple[str, Option[Any]]]
"""The options that a function takes by name: the type of each, and itself."""

_WIDTH = 96  # of a docstring that help() moves in by four

_UNFINISHED = (3, 4)
"""Exit codes of the outcomes that are warned of: a limit or a rest too early, divergence."""

_INSTEAD = dict.fromkeys(("output", "out"), "Result.save writes the run file")
"""What is no option in Python, and how it is done."""


def spoken(
    options: Mapping[str, Option[Any]] | None = None, kinds: type | None = None
) -> Callable[[F], F]:
    """Decorate a public function: with its signature in full, and its errors in Python's words.

    options: by name; kinds: the TypedDict of those that it takes as `**options`, which join the
    signature and the docstring.
    """
    taken = {
        name: (kind.__forward_arg__, (options or {})[name])
        for name, kind in ({} if kinds is None else kinds.__annotations__).items()
    }

    def decorate(function: F) -> F:
        signature = _signature(function, taken)
        name = f"mfact.{function.__name__}"

        @wraps(function)
        def door(*given: Any, **named: Any) -> Any:
            for word in named:
                if word not in signature.parameters:
                    raise _unknown(name, word, [*signature.parameters])
            try:
                return function(*given, **named)
            except MfactError as error:
                told = error.put(said).with_traceback(error.__traceback__)
                raise told from error.__cause__

        door.__signature__ = signature  # type: ignore[attr-defined]  # what inspect looks for
        door.__doc__ = _docstring(function, taken)
        return cast(F, door)

    return decorate


def warn(text: str, category: type[Warning]) -> None:
    """Warn the line of the user's that called into mfact, however deep it is by now."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_globals.get("__name__", "").startswith("mfact."):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)


def ended(result: E) -> E:
    """The same, with a warning where the run did not end well."""
    if result.outcome.exit_code in _UNFINISHED:
        warn(f"{result.outcome.sentence}: {result.message}", ConvergenceWarning)
    return result


def told(text: str) -> None:
    """A warning of what went wrong while a run went on."""
    warn(said(text), RuntimeWarning)


def noted(notes: Iterable[str]) -> None:
    """A warning of each choice that was made on the way to a matrix."""
    for text in dict.fromkeys(notes):
        warn(said(text), MatrixWarning)


def _signature(function: Callable[..., Any], taken: Taken) -> inspect.Signature:
    """Its own parameters, and after those that may stand in place the options."""
    own = inspect.signature(function)
    kept = [each for each in own.parameters.values() if each.kind is not each.VAR_KEYWORD]
    placed = [each for each in kept if each.kind is not each.KEYWORD_ONLY]
    more = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=kind
        )
        for name, (kind, option) in taken.items()
    ]
    return own.replace(parameters=[*placed, *more, *(p for p in kept if p not in placed)])


def _docstring(function: Callable[..., Any], taken: Taken) -> str:
    """Its own, and before the examples what each option is."""
    own, mark, examples = inspect.cleandoc(function.__doc__ or "").partition("\n\n>>>")
    told = [option.told(name).strip() for name, (_, option) in taken.items()]
    folded = "\n".join(
        fill(line, _WIDTH, subsequent_indent="    ", break_on_hyphens=False) for line in told
    )
    return f"{own}\n\n{folded}{mark}{examples}" if told else f"{own}{mark}{examples}"


def _unknown(function: str, word: str, known: list[str]) -> UnknownOptionError:
    sentence = f"{function}() has no option {word!r}"
    if word in _INSTEAD:
        return UnknownOptionError(sentence, _INSTEAD[word])
    found = way_out(word, {name: repr(name) for name in known}, OPTIONS)
    return UnknownOptionError(sentence, found or f"help({function}) lists those that it has")
