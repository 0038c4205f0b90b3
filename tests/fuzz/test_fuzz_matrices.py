"""Broken files are opened in child processes: each is read, or refused in one line.

MFACT_FUZZ sets how many (default: a short profile), MFACT_FUZZ_SEED which ones.
"""

import json
import os
import signal

import pytest
from fuzz_files import Seed, seeds
from fuzz_worker import attempt, broken_file, fuzz, run_in_child, try_file
from hypothesis import given
from hypothesis import strategies as st

from mfact.errors import MfactError

pytestmark = pytest.mark.slow

TRIES = int(os.environ.get("MFACT_FUZZ", "200"))
SEED = int(os.environ.get("MFACT_FUZZ_SEED", "1806"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> list[Seed]:
    return seeds(tmp_path_factory.mktemp("seeds"))


@pytest.mark.timeout(0)  # the long profile takes as long as it takes; each file has its alarm
def test_broken_files_are_read_or_refused(whole, tmp_path, capsys):
    tally = fuzz(whole, SEED, TRIES, tmp_path)
    with capsys.disabled():
        print(f"\nfuzz, seed {SEED}: {tally}")
    assert tally.tries == TRIES
    # A mutator that only makes rubbish, or nothing at all, would prove little.
    assert tally.read > TRIES // 20
    assert tally.refused > TRIES // 20
    assert tally.failures == []


@given(data=st.data())
def test_files_broken_where_hypothesis_likes(whole, tmp_path_factory, data):
    """Hypothesis picks the places and the bytes, so that it can shrink what fails."""
    seed = data.draw(st.sampled_from(whole))
    places = st.integers(0, len(seed.content) - 1)
    content = bytearray(seed.content)
    for at, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)):
        content[at] = byte
    path = tmp_path_factory.mktemp("broken") / "file"
    path.write_bytes(content[: data.draw(st.one_of(st.none(), places))])
    dataset = data.draw(st.sampled_from(seed.datasets))
    lines, status, _ = run_in_child(lambda report: report(attempt(path, dataset)))
    assert (status, json.loads(lines[0])) in [(0, "read"), (0, "refused"), (0, "contained")]


def test_the_whole_files_are_read(whole, tmp_path):
    """Each kind has a dataset that is read, so that its reader is really reached."""
    unread = {"object.npy", "named-files-earliest.h5", "named-files-latest.h5"}
    for seed in whole:
        path = tmp_path / seed.name
        path.write_bytes(seed.content)
        outcomes = {try_file(path, dataset) for dataset in seed.datasets}
        assert outcomes <= {"read", "refused"}
        assert ("read" in outcomes) == (seed.name not in unread), seed.name


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

    def test_an_error_of_two_lines(self, monkeypatch, tmp_path):
        def two_lines(*args, **options):
            raise MfactError("one\ntwo")

        monkeypatch.setattr("fuzz_worker.open_matrix", two_lines)
        with pytest.raises(AssertionError, match="more than one line"):
            try_file(tmp_path, None)
