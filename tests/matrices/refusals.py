"""Holding the error of a bad input to one line with a way out."""

import re

import pytest

from mfact.matrices.source import open_matrix


def refusal(spec, kind, pattern, read=False, **options):
    """Open (and read) spec, and hold the error to one line with a way out; return it."""
    with pytest.raises(kind) as caught:
        _open(str(spec), read, options)
    message = str(caught.value)
    assert message.isprintable()
    assert caught.value.way_out
    assert re.search(pattern, message), message
    return caught.value


def _open(spec, read, options):
    source = open_matrix(spec, **options)
    if read:
        source.read()
