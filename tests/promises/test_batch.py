"""mfact in shell loops and Makefiles: exit codes that stop them, and streams that stay clean."""

from __future__ import annotations

import re

import numpy as np
import pytest
from children import Child, shell
from matrices import of_kind

from mfact.storage.runs import read_run

GOOD = ["solve", "a.npy", "-r", 2, "--schedule", "constant", "--seed", 1]


@pytest.fixture
def folder(tmp_path):
    for name, kind in (("a", "noisy"), ("b", "tie"), ("c", "rank two")):
        np.save(tmp_path / f"{name}.npy", of_kind(kind))
    return tmp_path


def test_quiet_is_silent_but_for_errors(folder):
    child = Child(folder, *GOOD, "-q")
    assert (child.wait(), child.printed(), child.said()) == (0, "", "")
    assert read_run(folder / "a.run.h5").outcome.name == "GLOBAL_OPTIMUM"
    child = Child(folder, *GOOD, "-q", "-o", "no/such/folder.h5")
    assert child.wait() == 1
    assert child.printed() == ""
    assert child.said().count("\n") == 1


def test_quiet_leaves_a_document_that_was_asked_for(folder):
    child = Child(folder, *GOOD, "-q", "--format", "json")
    assert child.wait() == 0
    assert child.printed().startswith("{")
    assert child.said() == ""


def test_verbose_says_more_on_standard_error_only(folder):
    plain = Child(folder, *GOOD, "--no-timing")
    assert plain.wait() == 0
    page, notes = plain.printed(), plain.said()
    assert notes == "wrote a.run.h5\n"
    child = Child(folder, *GOOD, "--no-timing", "-v")
    assert child.wait() == 0
    assert child.printed() == page
    lines = child.said().splitlines()
    assert re.match(r"loaded in ", lines[0])
    assert re.match(r"memory plan: ", lines[1])
    assert lines[-1] == "wrote a.run.h5"


def test_the_log_file_takes_all_and_appends(folder):
    for more in ([], ["-q"], ["--max-iter", 3, "--force"], ["-r", 99]):
        Child(folder, *GOOD, *more, "--log-file", "log").wait()
    lines = (folder / "log").read_text().splitlines()
    stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} ")
    assert all(stamp.match(line) for line in lines)
    said = [stamp.sub("", line) for line in lines]
    # Of a run that is refused there is none.
    assert sum(line.startswith("memory plan: ") for line in said) == 3
    assert said.count("wrote a.run.h5") == 3
    assert any(line.startswith("reached the iteration limit") for line in said)
    assert sum("rank 99" in line for line in said) >= 1


def test_the_log_file_holds_warnings_and_is_no_reason_to_fail(folder):
    child = Child(folder, *GOOD, "--log-file", "/dev/full")
    assert child.wait() == 0
    child = Child(folder, *GOOD, "--log-file", "no/log")
    assert child.wait() == 1
    assert "cannot write the log file" in child.said()


@pytest.mark.slow
def test_a_shell_loop_stops_at_the_first_that_does_not_converge(folder):
    loop = (
        "for m in a b c; do mfact solve $m.npy -r 2 --schedule constant --seed 1 -q"
        " --max-iter 50 --force {} || exit $?; echo $m; done"
    )
    done = shell(folder, loop.format(""))
    assert (done.returncode, done.stdout, done.stderr) == (3, "a\n", "")
    assert (folder / "b.run.h5").exists()  # its result is written all the same
    assert not (folder / "c.run.h5").exists()
    done = shell(folder, loop.format("--exit-zero"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "a\nb\nc\n", "")


def test_exit_zero_forgives_a_limit_and_nothing_else(folder):
    codes = {
        "limit": ["--max-iter", 3, "--force"],
        "diverged": ["--step-size", 50],
        "usage": ["--rank", 99],
        "data": ["--start", "no-such-file.npz"],
    }
    found = {
        name: tuple(
            Child(folder, *GOOD, *args, "-q", *more).wait() for more in ([], ["--exit-zero"])
        )
        for name, args in codes.items()
    }
    assert found == {"limit": (3, 0), "diverged": (4, 4), "usage": (2, 2), "data": (2, 2)}


# make deletes the target of a run that it interrupts before the run has written its result: so
# the result goes to another file first, which is also where a run at its limit is to be found.
MAKEFILE = """\
MATRICES := $(wildcard data/*.npy)
.DELETE_ON_ERROR:
all: $(MATRICES:data/%=out/%.run.h5)
out/%.run.h5: data/%
\t@mkdir -p $(@D)
\tmfact solve $< -r 2 --schedule constant --seed 1 -q $(MORE) -o $@.part
\t@mv $@.part $@
"""


@pytest.fixture
def project(folder):
    (folder / "data").mkdir()
    for name in "abc":
        (folder / f"{name}.npy").rename(folder / "data" / f"{name}.npy")
    (folder / "Makefile").write_text(MAKEFILE)
    return folder


@pytest.mark.slow
def test_make_turns_each_matrix_into_a_run_file_once(project):
    done = shell(project, "make")
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in (project / "out").glob("*.h5")) == [
        f"{name}.npy.run.h5" for name in "abc"
    ]
    again = shell(project, "make")
    assert "Nothing to be done" in again.stdout
    np.save(project / "data" / "b.npy", of_kind("noisy", seed=2))
    assert shell(project, "make").stdout.count("mfact solve") == 1


@pytest.mark.slow
def test_make_stops_at_a_run_that_does_not_converge_and_keeps_no_target(project):
    done = shell(project, "make MORE='--max-iter 50 --force'")
    assert done.returncode == 2
    assert re.search(r"\*\*\* .*out/b\.npy\.run\.h5\] Error 3", done.stderr)
    assert not (project / "out" / "b.npy.run.h5").exists()
    assert (project / "out" / "b.npy.run.h5.part").exists()
    # What make leaves is made again, and with --exit-zero all of it.
    assert shell(project, "make MORE='--max-iter 50 --force --exit-zero'").returncode == 0


@pytest.mark.slow
def test_make_that_is_interrupted_stops_and_goes_on_later(project):
    """The run that the signal ended leaves its result as the part that it is, and no target."""
    np.save(project / "data" / "a.npy", np.random.default_rng(1).standard_normal((300, 200)))
    script = (
        "timeout -s INT 3 make MORE='-r 9 --engine direct --step-size 1e-6 --tol 0 --no-optimum"
        " --force --max-iter 100000000'"
    )
    done = shell(project, script)
    assert done.returncode == 124
    written = sorted(path.name for path in (project / "out").iterdir())
    assert written == ["a.npy.run.h5.part", "a.npy.run.h5.part.checkpoint"]
    # A matrix that can be fitted takes its place, and all others follow.
    cut = read_run(project / "out" / written[0])
    np.save(project / "data" / "a.npy", of_kind("noisy"))
    assert cut.outcome.name == "INTERRUPTED"
    assert shell(project, "make").returncode == 0
