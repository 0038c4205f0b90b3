"""The door of Python: every public function lists its options, and speaks of arguments."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar, cast

from mfact.errors import MfactError, UnknownOptionError
from mfact.foreign import OPTIONS, meant
from mfact.options import Option
from mfact.python.words import said

F = TypeVar("F", bound=Callable[..., Any])

_INSTEAD = dict.fromkeys(("output", "out"), "Result.save writes the run file")
"""What is no option in Python, and how it is done."""


def spoken(
    options: Mapping[str, Option[Any]] | None = None, kinds: type | None = None
) -> Callable[[F], F]:
    """Decorate a public function: with its signature in full, and its errors in Python's words.

    options: by name, those that it takes as `**options`; they join the signature and the docstring.
    kinds: the TypedDict of them.
    """

    def decorate(function: F) -> F:
        signature = _signature(function, options or {}, kinds)
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
        door.__doc__ = _docstring(function, options or {})
        return cast(F, door)

    return decorate


def warn(text: str, category: type[Warning]) -> None:
    """Warn the line of the user's that called into mfact, however deep it is by now."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_globals.get("__name__", "").startswith("mfact."):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)


def _signature(
    function: Callable[..., Any], options: Mapping[str, Option[Any]], kinds: type | None
) -> inspect.Signature:
    """Its own parameters, and after those that may stand in place the options."""
    own = inspect.signature(function)
    kept = [each for each in own.parameters.values() if each.kind is not each.VAR_KEYWORD]
    placed = [each for each in kept if each.kind is not each.KEYWORD_ONLY]
    written = {} if kinds is None else kinds.__annotations__
    more = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=options[name].default,
            annotation=kind.__forward_arg__,
        )
        for name, kind in written.items()
    ]
    return own.replace(parameters=[*placed, *more, *(p for p in kept if p not in placed)])


def _docstring(function: Callable[..., Any], options: Mapping[str, Option[Any]]) -> str:
    """Its own, and a line for each option, before the examples."""
    own, mark, examples = inspect.cleandoc(function.__doc__ or "").partition("\n\n>>>")
    told = "\n".join(option.told(name).strip() for name, option in options.items())
    return f"{own}\n\n{told}{mark}{examples}" if told else f"{own}{mark}{examples}"


def _unknown(function: str, word: str, known: list[str]) -> UnknownOptionError:
    sentence = f"{function}() has no option {word!r}"
    if word in _INSTEAD:
        return UnknownOptionError(sentence, _INSTEAD[word])
    ours = meant(word, known, OPTIONS)
    if ours is None:
        return UnknownOptionError(sentence, f"help({function}) lists those that it has")
    if OPTIONS.get(word) == ours:
        return UnknownOptionError(sentence, f"mfact calls it {ours!r}")
    return UnknownOptionError(sentence, f"did you mean {ours!r}?")
