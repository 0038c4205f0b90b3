"""A child process: how much memory a reduced run takes beyond M, as one line of JSON.

Usage: python memory.py D1 D2
"""

from __future__ import annotations

import json
import sys

from contestants import SEED, matrix, mfact_solve
from measure import peak_above


def main(d1: int, d2: int) -> None:
    from mfact.run.solve import solve
    from mfact.settings import RunSettings

    problem = matrix(d1, d2, 10, 0.5, 5.0, known=False)
    # What a first run loads and sets up once (libraries, buffers of BLAS) is not the run's.
    small = matrix(60, 50, 10, 0.5, 5.0)
    mfact_solve(small, "reduced")
    allocated, resident = peak_above(lambda: mfact_solve(problem, "reduced"))
    asked = RunSettings(
        rank=10, engine="reduced", schedule="constant", start_scale=problem.start_scale, seed=SEED
    )
    columns = int(solve(problem.M, asked).summary["basis_size"])
    print(
        json.dumps(
            {
                "allocated": allocated,
                "resident": resident,
                "columns": columns,
                "basis_bytes": 8 * columns * (d1 + d2),
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
