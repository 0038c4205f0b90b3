"""Many broken files of matrices: python tests/fuzz/many.py --files 100000 --seed 1.

What pytest's fuzz tests do in few, in a process that holds little, so that its children are cheap.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # beside the folder that this is in

from fuzz_files import seeds
from fuzz_worker import JOBS, Tally, fuzz


def main() -> int:
    """1 where a file crashed, hung or ended in a traceback."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1806)
    parser.add_argument("--jobs", type=int, default=JOBS, help="processes at a time")
    asked = parser.parse_args()
    began = time.monotonic()

    def told(tally: Tally) -> None:
        rate = tally.tries / (time.monotonic() - began) * 60
        print(f"\r{tally.tries} files, {rate:.0f} a minute", end="", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as folder:
        whole = seeds(Path(folder))
        tally = fuzz(whole, asked.seed, asked.files, Path(folder), jobs=asked.jobs, told=told)
    print(f"\nseed {asked.seed}: {tally}")
    for number, name, what in tally.failures:
        print(f"--- file {number}, of {name}\n{what}")
    return int(bool(tally.failures))


if __name__ == "__main__":
    sys.exit(main())
