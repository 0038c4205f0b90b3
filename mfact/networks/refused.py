"""Layers of other tools that keep no law known here, each refused by its name."""

from __future__ import annotations

import re

from mfact.errors import SettingsError
from mfact.words import shown

_CONTRAST = {
    "tanh": "tanh", "sigmoid": "sigmoid", "logistic": "sigmoid", "gelu": "gelu", "silu": "silu",
    "swish": "silu", "mish": "silu", "elu": "elu", "selu": "elu", "celu": "elu",
    "softplus": "softplus", "relu6": "relu6", "hardtanh": "relu6", "hardsigmoid": "relu6",
    "hardswish": "relu6",
}  # fmt: skip
"""Activations with no degree, and what of --show-broken is like them."""

_LAYERS = {
    "bn": "batch normalization", "batchnorm": "batch normalization",
    "batchnorm1d": "batch normalization", "batchnorm2d": "batch normalization",
    "ln": "layer normalization", "layernorm": "layer normalization",
    "gn": "group normalization", "groupnorm": "group normalization",
    "instancenorm": "instance normalization", "rmsnorm": "normalization", "norm": "normalization",
    "attn": "attention", "attention": "attention", "mha": "attention",
    "multiheadattention": "attention", "transformer": "attention",
    "dropout": "dropout", "res": "a residual connection", "residual": "a residual connection",
    "skip": "a residual connection", "lstm": "recurrence", "gru": "recurrence",
    "rnn": "recurrence",
}  # fmt: skip

_PADDING = re.compile(r"c[0-9]+.*p[0-9]+(?:[=v:]|c(?=[0-9.]))-?(?P<value>[0-9.]+)[a-z0-9.]*")


def named(word: str) -> str:
    """The name in a word, without its sizes, in lower case.

    >>> named("c16k3ReLU"), named("Batch-Norm"), named("relu6")
    ('relu', 'batchnorm', 'relu6')
    """
    plain = re.sub(r"[^a-z0-9]", "", word.lower())
    return re.sub(r"^c?[0-9]+(?:[ksp][0-9]+)*", "", plain)


def refuse_by_name(word: str) -> None:
    """Raise SettingsError where a word names something that is not taken; nothing for others.

    >>> refuse_by_name("100tanh")
    Traceback (most recent call last):
    mfact.errors.SettingsError: '100tanh' has the activation tanh, which does not scale, so that no
    law stands across it: take ReLU, leaky ReLU, the square or none; --show-broken tanh runs it as a
    contrast
    """
    name = named(word)
    if name in ("softmax", "logsoftmax"):
        raise SettingsError(
            f"{shown(word)} is part of the loss here", "leave it out, and give --loss softmax"
        )
    if name in _CONTRAST:
        raise SettingsError(
            f"{shown(word)} has the activation {name}, which does not scale, so that no law stands"
            " across it",
            "take ReLU, leaky ReLU, the square or none;"
            f" --show-broken {_CONTRAST[name]} runs {_as_contrast(name)}",
        )
    if name in _LAYERS:
        raise SettingsError(
            f"{shown(word)} is {_LAYERS[name]}, of which no law is audited here", "leave it out"
        )
    if padding := _PADDING.fullmatch(word.lower()):
        refuse_padding(padding["value"], word)


def refuse_padding(value: object, word: str) -> None:
    """Refuse padding with another constant than zero, which is a bias that does not scale."""
    raise SettingsError(
        f"{shown(word)} pads with {shown(value)}, a constant that does not scale, so that no law"
        " stands across it",
        "pad with zeros",
    )


def _as_contrast(name: str) -> str:
    like = _CONTRAST[name]
    return "it as a contrast" if like == name else f"{like}, which is like it, as a contrast"
