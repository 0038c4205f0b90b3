"""What every fuzz test asks: many broken files, in child processes, and those of hypothesis.

MFACT_FUZZ sets how many (default: a short profile), MFACT_FUZZ_SEED which ones.
"""

from __future__ import annotations

import os

from fuzz_files import Seed
from fuzz_worker import attempt, fuzz, run_in_child
from hypothesis import strategies as st

TRIES = int(os.environ.get("MFACT_FUZZ", "200"))
SEED = int(os.environ.get("MFACT_FUZZ_SEED", "1806"))


def require_survival(whole, folder, capsys, what, *trial):
    """Each of TRIES files is read, or refused in one line. trial: how one is opened."""
    tally = fuzz(whole, SEED, TRIES, folder, *trial)
    with capsys.disabled():
        print(f"\nfuzz of {what}, seed {SEED}: {tally}")
    assert tally.tries == TRIES
    # A mutator that only makes rubbish, or nothing at all, would prove little.
    assert tally.read > TRIES // 20
    assert tally.refused > TRIES // 20
    assert tally.failures == []


@st.composite
def broken_contents(draw, seed: Seed):
    """Hypothesis picks the places and the bytes, so that it can shrink what fails."""
    places = st.integers(0, len(seed.content) - 1)
    content = bytearray(seed.content)
    for at, byte in draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)):
        content[at] = byte
    return bytes(content[: draw(st.one_of(st.none(), places))])


def outcome(path, dataset, *trial):
    """What became of a file in a child process, which ended by itself."""
    lines, status = run_in_child(lambda report: report(attempt(path, dataset, *trial)))
    assert status == 0
    return lines[0]
