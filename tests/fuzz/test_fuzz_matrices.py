"""Broken files are opened in child processes: each is read, or refused in one line."""

import os
import re
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from fuzz_checks import broken_contents, outcome, require_survival
from fuzz_files import Seed, seeds
from fuzz_worker import MEMORY, broken_file, fuzz, try_file
from hypothesis import given
from hypothesis import strategies as st

from mfact.errors import MfactError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> list[Seed]:
    return seeds(tmp_path_factory.mktemp("seeds"))


@pytest.mark.timeout(0)  # the long profile takes as long as it takes; each file has its alarm
def test_broken_files_are_read_or_refused(whole, tmp_path, capsys):
    require_survival(whole, tmp_path, capsys, "matrices")


@given(data=st.data())
def test_files_broken_where_hypothesis_likes(whole, tmp_path_factory, data):
    seed = data.draw(st.sampled_from(whole))
    path = tmp_path_factory.mktemp("broken") / "file"
    path.write_bytes(data.draw(broken_contents(seed)))
    found = outcome(path, data.draw(st.sampled_from(seed.datasets)))
    assert found in ("read", "refused", "contained")


def test_the_whole_files_are_read(whole, tmp_path):
    """Each kind has a dataset that is read, so that its reader is really reached."""
    found = {}
    for seed in whole:
        path = tmp_path / seed.name
        path.write_bytes(seed.content)
        outcomes = {try_file(path, dataset) for dataset in seed.datasets}
        assert outcomes <= {"read", "refused"}
        found[seed.name.replace("-latest", "").replace("-earliest", "")] = "read" in outcomes
    unread = {name for name, read in found.items() if not read}
    assert unread == {"object.npy", "named-files.h5"}


def test_the_files_are_the_same_in_any_process_and_at_any_time(whole, tmp_path):
    script = (
        "import sys; from pathlib import Path; from hashlib import sha256; "
        "from fuzz_files import seeds; print(*[sha256(seed.content).hexdigest() for seed in "
        "seeds(Path(sys.argv[1]))], sep='\\n')"
    )
    here = Path(__file__).parent
    told = subprocess.run(
        [sys.executable, "-c", script, tmp_path], check=True, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": f"{here}:{here.parent}"},
    ).stdout.split()  # fmt: skip
    assert told == [sha256(seed.content).hexdigest() for seed in whole]


def test_children_side_by_side_find_what_one_does(whole, tmp_path, monkeypatch):
    monkeypatch.setattr("fuzz_worker.FILES_A_CHILD", 7)

    def broken(path, dataset):
        size = path.stat().st_size
        if size % 29 == 3:
            os.kill(os.getpid(), signal.SIGSEGV)
        assert size % 31 != 5
        return "read"

    one, three = (fuzz(whole, 5, 90, tmp_path, broken, jobs) for jobs in (1, 3))
    for tally in (one, three):
        assert tally.tries == 90 == tally.read + len(tally.failures)
    assert one.crashes == three.crashes != []
    assert [number for number, *_ in one.tracebacks] == [number for number, *_ in three.tracebacks]
    assert list(tmp_path.iterdir()) == []


def test_the_script_tells_its_tally_and_ends_with_0():
    script = Path(__file__).parent / "many.py"
    done = subprocess.run(
        [sys.executable, script, "--files", "30", "--seed", "2"], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert re.fullmatch(
        r"\nseed 2: 30 files: \d+ read, \d+ refused, .* 0 tracebacks\n", done.stdout
    )


def test_the_same_number_is_the_same_file(whole):
    one, other = (broken_file(whole, 1, 17) for _ in range(2))
    assert one == other
    assert broken_file(whole, 1, 18)[1] != one[1]


class TestTheFuzzerItself:
    """A crash, a hang and a traceback are each seen, and laid at the right file."""

    @pytest.fixture
    def seed(self):
        return [Seed("whole", b"content")]

    def _fuzz(self, monkeypatch, seed, tmp_path, act):
        tries = iter(range(100))

        def broken(path, dataset):
            return act() if next(tries) == 3 else "read"

        monkeypatch.setattr("fuzz_worker.try_file", broken)
        monkeypatch.setattr("fuzz_worker.SECONDS_A_FILE", 1)
        return fuzz(seed, 1, 7, tmp_path)

    def test_a_crash(self, monkeypatch, seed, tmp_path):
        tally = self._fuzz(
            monkeypatch, seed, tmp_path, lambda: os.kill(os.getpid(), signal.SIGSEGV)
        )
        # The child that follows counts from zero again, so its fourth try would be the seventh.
        assert [number for number, _, _ in tally.crashes] == [3]
        assert (tally.tries, tally.read) == (7, 6)

    def test_a_hang(self, monkeypatch, seed, tmp_path):
        tally = self._fuzz(monkeypatch, seed, tmp_path, signal.pause)
        assert [number for number, _, _ in tally.hangs] == [3]
        assert (tally.tries, tally.read) == (7, 6)

    def test_a_traceback(self, monkeypatch, seed, tmp_path):
        tally = self._fuzz(monkeypatch, seed, tmp_path, lambda: 1 / 0)
        assert "ZeroDivisionError" in tally.tracebacks[0][2]
        assert (tally.tries, tally.read, len(tally.failures)) == (7, 6, 1)

    def test_memory_beyond_the_limit(self, monkeypatch, seed, tmp_path):
        tally = self._fuzz(monkeypatch, seed, tmp_path, lambda: np.empty(2 * MEMORY, "u1"))
        assert "MemoryError" in tally.tracebacks[0][2]
        assert (tally.tries, tally.read, len(tally.failures)) == (7, 6, 1)

    def test_an_error_of_two_lines(self, monkeypatch, tmp_path):
        def two_lines(*args, **options):
            raise MfactError("one\ntwo")

        monkeypatch.setattr("fuzz_worker.open_matrix", two_lines)
        with pytest.raises(AssertionError, match="more than one line"):
            try_file(tmp_path, None)
