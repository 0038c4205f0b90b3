"""What is said of entries that are no finite numbers, put together by NumPy from the matrix."""

import numpy as np
import pytest

from mfact.errors import DataError

BAD = (np.nan, np.inf, -np.inf)


def holed(shape, seed, share):
    """A random matrix of which so large a share is no number."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(shape) < share, rng.choice(BAD, shape), rng.standard_normal(shape))


def sentence(M, label, sparse=False):
    """The whole line."""
    bad = ~np.isfinite(M)
    rows, columns = bad.any(axis=1), bad.any(axis=0)
    row, column = map(int, np.argwhere(bad)[0])
    held = "a value that is not finite,"
    if bad.sum() > 1:
        held = (
            f"{bad.sum()} values that are not finite, in {rows.sum()} of {len(rows)} rows and "
            f"{columns.sum()} of {len(columns)} columns; the first is"
        )
    way = "fill missing values first, "
    if sparse:
        way = "fill or remove missing values first; entries left out count as zeros"
    elif rows.all() and columns.all():
        way += "for no row and no column is whole"
    elif rows.mean() < columns.mean():
        way += f"or keep the {_lines(~rows, 'row')}, "
        way += "M[numpy.isfinite(M).all(axis=1)]"
    else:
        way += f"or keep the {_lines(~columns, 'column')}, "
        way += "M[:, numpy.isfinite(M).all(axis=0)]"
    where = f"at row {row}, column {column} (counted from 0)"
    return f"{label} has {held} {M[row, column]}, {where}: {way}"


def _lines(kept, what):
    return f"one whole {what}" if kept.sum() == 1 else f"{kept.sum()} whole {what}s"


def refusal_of(act):
    """The line in which act is refused."""
    with pytest.raises(DataError) as caught:
        act()
    assert str(caught.value).isprintable()
    return str(caught.value)
