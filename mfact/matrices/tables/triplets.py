"""Lists of the entries of a sparse matrix: rows, columns and values, which are no N×3 matrix."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mfact.errors import DataError
from mfact.matrices.tables.cells import cells, is_number, unquoted
from mfact.matrices.tables.dialect import Dialect
from mfact.matrices.tables.lines import Line
from mfact.words import shown

_ROWS = ("user", "customer", "reviewer", "row", "source", "from", "src", "i", "u", "cell", "doc")
_COLUMNS = (
    "item", "movie", "product", "book", "artist", "song", "track", "game", "anime", "business",
    "column", "col", "target", "to", "tonode", "dst", "j", "v", "gene", "word", "term",
)  # fmt: skip
_VALUES = ("rating", "weight", "count", "score", "value")
_ID = re.compile(r"id|.*[_ .-]id|.*[a-z]I[dD]", re.DOTALL)
_LIBSVM = re.compile(r"[-+.\deE,]+(?:[ \t]+(?:qid|\d+):[-+.\deE]+)*[ \t]*(?:#.*)?")
_COLONS = re.compile(r"\d+::\d+(?:::[-+.\deE]+){1,2}")
_LISTED = ("edges", "row, column and value")
_DIGITS = 19
_FEW = 6  # entries in order
_MANY = 50  # entries in no order
_TIME = 100_000_000  # seconds since 1970, in 1973


def require_no_list(dialect: Dialect, lines: list[Line], header: str, label: str) -> None:
    """Raise DataError where a table of 2 to 4 columns looks like a list of entries.

    By its names (user, item, …), by times in the fourth column, or by two first columns of whole
    numbers of which no pair comes twice, in an order that a matrix is written in or with many
    repeated. lines: many. header: the comment before the rows, "" without.
    """
    if dialect.names or not 2 <= dialect.width <= 4:
        return
    lines = [line for line in lines if line.number > dialect.head]
    rows = [cells(line.text, dialect.separator) for line in lines]
    pairs = [(_whole(row[0]), _whole(row[1])) for row in rows if len(row) == dialect.cells]
    whole = [(i, j) for i, j in pairs if i is not None and j is not None]
    if len(whole) < len(pairs):
        return
    named = are_named(dialect.header or header.lstrip("#% ").replace(",", " ").split())
    sized = dialect.width == 3 and not dialect.header and _sized(whole, rows)
    if sized:
        whole = whole[1:]
    if dialect.width == 4:
        listed = max(map(max, whole)) < _TIME and all(
            _is_time(unquoted(row[3])) for row in dialect.sample
        )
    else:
        listed = _listed(whole, known=dialect.header is not None)
    if named or sized or listed:
        raise _refusal(label, dialect, min(1, *map(min, whole)), lines[0].number * sized)


def _sized(whole: list[tuple[int, int]], rows: list[list[str]]) -> bool:
    """Whether a line of rows, columns and entries stands before the entries, as in MatrixMarket
    without its first line."""
    if len(rows) < 2 or _whole(rows[0][2]) != len(rows) - 1:
        return False
    return all(max(pair[k] for pair in whole[1:]) <= whole[0][k] for k in (0, 1))


def _is_time(cell: str) -> bool:
    """Whether it can be seconds since 1970, which nobody writes with a point."""
    return cell.isdecimal() and len(cell) < _DIGITS and int(cell) >= _TIME


def _whole(cell: str) -> int | None:
    """A whole number that is not negative, however written; None for others."""
    plain = unquoted(cell)
    if plain.isdecimal():
        return int(plain) if len(plain) < _DIGITS else None
    if not is_number(plain):
        return None
    value = float(plain)
    return int(value) if value >= 0 and value.is_integer() else None


def require_no_marks(lines: list[Line], label: str) -> None:
    """Raise DataError for lines of `1 3:0.5 7:1` and of `1::1193::5::978300760`."""
    some = [line.text for line in lines[:20]]
    if all(map(_LIBSVM.fullmatch, some)) and any(":" in line for line in some):
        raise DataError(
            f"{label} is a sparse matrix in LIBSVM's format, as {shown(some[0])}",
            f"X, y = sklearn.datasets.load_svmlight_file({label!r}), then "
            "scipy.sparse.save_npz('matrix.npz', X)",
        )
    if all(map(_COLONS.fullmatch, some)):
        valued = (0, 2, 4) if some[0].count("::") > 1 else (0, 2)
        raise _advice(label, f"delimiter=':', usecols={valued}", len(valued) == 3, 1, "")


def are_named(words: Sequence[str]) -> bool:
    """Whether names of columns are of a row, a column and an entry.

    >>> are_named(["user_id", "book_id", "rating"]), are_named(["id", "width"])
    (True, False)
    """
    if len(words) < 2:
        return False
    first, second, *others = (re.sub("[^a-z]", "", word.lower()) for word in words)
    of_row = _is_of(first, _ROWS)
    return (
        (of_row and (_is_of(second, _COLUMNS) or any(_is_of(other, _VALUES) for other in others)))
        or all(map(_ID.fullmatch, words[:2]))
    )  # fmt: skip


def _is_of(name: str, known: tuple[str, ...]) -> bool:
    return any(name == word or (len(word) > 2 and name.startswith(word)) for word in known)


def _listed(pairs: list[tuple[int, int]], known: bool) -> bool:
    """Whether pairs are those of a list of entries. known: whether their columns have other names.

    >>> _listed([(0, 0), (0, 2), (1, 1), (2, 0), (2, 1), (2, 2)], False), _listed([(5, 1)], False)
    (True, False)
    """
    if len(pairs) < _FEW or len(set(pairs)) < len(pairs):
        return False
    turned = [(j, i) for i, j in pairs]
    most = len(pairs) / 2
    for each in (pairs, turned):
        lines = [i for i, _ in each]
        if each == sorted(each) and lines[0] <= 1 and len(set(lines)) <= most:
            return True
    counts = [len({pair[k] for pair in pairs}) for k in range(2)]
    return not known and len(pairs) >= _MANY and min(counts) <= most


def of_texts(label: str, separator: str | None, head: int, size: int) -> DataError:
    """For a list of entries whose rows or columns have names."""
    between = "" if separator is None else f", delimiter={separator!r}"
    valued = "A[:, 2].astype(float)" if size > 2 else "numpy.ones(len(A))"
    return DataError(
        f"{label} looks like a list of {_LISTED[size > 2]} with names, not like a matrix",
        f"make a sparse matrix of it: A = numpy.loadtxt({label!r}, str{between}, skiprows={head}, "
        "comments=None, quotechar='\"'); i, j = (numpy.unique(A[:, k], return_inverse=True)[1] "
        f"for k in (0, 1)); scipy.sparse.save_npz('matrix.npz', scipy.sparse.coo_array(({valued}, "
        "(i, j))))",
    )


def _refusal(label: str, dialect: Dialect, base: int, sizes: int) -> DataError:
    """sizes: the number of a line of sizes before the entries, 0 without."""
    valued = dialect.width > 2
    options = [] if dialect.separator is None else [f"delimiter={dialect.separator!r}"]
    skipped = sizes or dialect.head * bool(dialect.header and not dialect.commented)
    options += [f"skiprows={skipped}"] if skipped else []
    options += ["usecols=(0, 1, 2)"] if dialect.width == 4 else []
    insist = f"; or name {label}::[fold] to take the columns as they are"
    return _advice(label, ", ".join(options), valued, base, insist)


def _advice(label: str, options: str, valued: bool, base: int, insist: str) -> DataError:
    off = f" - {base}" if base else ""
    found = f"numpy.loadtxt({label!r}{', ' * bool(options)}{options})"
    value = "v" if valued else "numpy.ones(len(i))"
    return DataError(
        f"{label} looks like a list of {_LISTED[valued]}, not like a matrix",
        f"make a sparse matrix of it: {'i, j, v' if valued else 'i, j'} = {found}.T; "
        f"scipy.sparse.save_npz('matrix.npz', scipy.sparse.coo_array(({value}, "
        f"(i.astype(int){off}, j.astype(int){off})))){insist}",
    )
