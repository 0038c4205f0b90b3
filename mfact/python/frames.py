"""Numbers as pandas has them, where pandas is there."""

from __future__ import annotations

from typing import Any

from mfact.errors import MissingPackageError


def framed(values: Any) -> Any:
    """Columns by name, or rows, as a pandas DataFrame.

    Raises MissingPackageError without pandas.
    """
    try:
        import pandas
    except ImportError as error:
        raise MissingPackageError("a frame needs pandas", "pip install pandas") from error
    return pandas.DataFrame(values)
