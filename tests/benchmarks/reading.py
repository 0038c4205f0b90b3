"""What it costs to read a matrix from a text file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import scipy.io
import scipy.sparse
from measure import Rounds
from table import Goal, Work, seconds

from mfact.matrices.source import open_matrix

ENTRIES = 2_000_000
SCIPY = "scipy.io.mmread, tocsr"


def matrix_market(rounds: Rounds) -> Work:
    """A sparse matrix of 17 digits a number, as CSR: against SciPy, which checks less."""
    shape = (100_000, 50_000)
    M = scipy.sparse.random_array(shape, density=ENTRIES / (shape[0] * shape[1]), rng=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "M.mtx"
        scipy.io.mmwrite(path, M)

        readers: dict[str, Callable[[], object]] = {
            "mfact": lambda: open_matrix(str(path)).read(),
            SCIPY: lambda: scipy.io.mmread(path, spmatrix=False).tocsr(),
        }
        taken = rounds.in_turn(readers)
        size = path.stat().st_size / 2**20
    least = {name: min(times) for name, times in taken.items()}
    return Work(
        f"A MatrixMarket file of {ENTRIES:,} entries",
        f"{size:.0f} MiB, in the cache; wall time, the least of {rounds.count} rounds in turn.",
        ("reader", "seconds"),
        [(name, seconds(value)) for name, value in least.items()],
        dict(taken),
        [Goal(f"mfact, of {SCIPY}", least["mfact"] / least[SCIPY], 3, 2)],
    )
