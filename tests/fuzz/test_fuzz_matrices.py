"""Broken files are opened in child processes: each is read, or refused in one line."""

import os
import signal

import pytest
from fuzz_checks import broken_contents, outcome, require_survival
from fuzz_files import Seed, seeds
from fuzz_worker import broken_file, fuzz, try_file
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
