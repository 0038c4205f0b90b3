"""Numbers in text by SciPy's parser in C++, which is held to read all that stands there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np

DOUBTFUL = (b"n", b"N", b"\0")
"""Text with one is not for parsed(): every other spelling of nan has one of the first two, and
SciPy 1.17 does not survive a zero byte."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it the parser starts no threads, nor does BLAS."""
    from scipy.io import mminfo
    from threadpoolctl import ThreadpoolController

    # It loads the library, whose threads are limited only then.
    mminfo(BytesIO(b"%%MatrixMarket matrix array real general\n1 1\n"))
    with ThreadpoolController().select(user_api="scipy").limit(limits=1):
        yield


def parsed(text: bytes) -> Any:
    """The array or coo_array of a MatrixMarket text whose values are complex numbers, with ` nan`
    for the imaginary part of each.

    SciPy skips what follows the last number of a line, and takes 1.5x for 1.5. Nothing in a file
    passes for such an imaginary part: what is left over of a number is read in its place, which is
    a ValueError here. What SciPy does not take is a ValueError or an OverflowError.
    """
    from scipy.io import mmread

    found = mmread(BytesIO(text), spmatrix=False)
    values = found if isinstance(found, np.ndarray) else found.data
    if not np.isnan(values.imag).all():
        raise ValueError
    return found
