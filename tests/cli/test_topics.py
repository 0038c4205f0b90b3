"""mfact help: topics and claims, in any case, by name or the beginning of one."""

from __future__ import annotations

import pytest

from mfact import __version__
from mfact.cli.topics import descriptions, names
from mfact.trace import COLUMNS

LEMMA = "-i\n  ‖D_t‖_F ≤ ε for all t. Needs --schedule theorem-3.1, a small gaussian start,"


def test_the_topics_are_listed(mfact):
    code, out, err = mfact("help")
    assert (code, err) == (0, "")
    width = max(map(len, descriptions()))
    assert out.splitlines() == [f"{name:{width}}  {what}" for name, what in descriptions().items()]


@pytest.mark.parametrize("name", descriptions())
def test_a_topic_is_printed(mfact, name):
    code, out, err = mfact("help", name.title())
    assert (code, err) == (0, "")
    assert out.startswith(f"{descriptions()[name]}\n\n")


def test_what_changed_in_this_version_is_told(mfact):
    assert f"\n{__version__}\n" in mfact("help", "changes")[1]


@pytest.mark.parametrize(
    ("asked", "beginning", "count"),
    [
        ("lemma-3.1-i", f"lemma-3.1{LEMMA}", 1),
        ("LEMMA-3.1-I", f"lemma-3.1{LEMMA}", 1),
        ("lemma-3.1", f"lemma-3.1{LEMMA}", 3),
        ("theorem-3.1", "theorem-3.1\n  the limit of the run has ‖UVᵀ − M‖_F ≤ ε. Needs", 1),
        ("Momentum-law", "momentum-law\n  D_{t+1} − D_t = −2η_tP_t + η_t²D(u_t), P_t = ", 1),
        ("nesterov-law", "nesterov-law\n  D_{t+1} − D_t = −2η_tμP_t + η_t²D(d_t), ", 1),
        ("log-det-law", "log-det-law\n  log det(UᵀU + λI) − log det(VᵀV + λI), ", 1),
        ("no-law", "no-law\n  adam keeps none: ", 1),
        ("theorem-3.2", "theorem-3.2-ratio\n  c_0 ≤ ", 2),
        ("stored-gap", "stored-gap\n  the stored gap is that of the factors\n", 1),
        ("require", "require\n  --require 'gap<1e-8' (also ", 1),
        ("require gap<1e-8", "require gap<1e-8\n  --require 'gap<1e-8' (also ", 1),
        ("size_U", f"size_U\n  {COLUMNS['size_U'].words}. A diff compares each column ", 1),
        ("step", "step\n  both recorded common steps\n", 1),
        ("inconclusive", "inconclusive\n  it could not be decided: ", 1),
        ("hypotheses not met", "hypotheses not met\n  it says nothing of this run; ", 1),
    ],
)
def test_a_claim_is_explained(mfact, asked, beginning, count):
    code, out, err = mfact("help", *asked.split())
    assert (code, err) == (0, "")
    assert out.startswith(beginning)
    assert len(out.rstrip().split("\n\n")) == count
    assert max(map(len, out.splitlines())) <= 80
    assert mfact("help", asked)[1] == out


def test_a_word_that_is_a_topic_and_a_claim_is_both(mfact):
    _, out, _ = mfact("help", "settings")
    assert out.startswith(descriptions()["settings"])
    assert out.endswith("\n\nsettings\n  both had the same settings; a difference is told, and is"
                        " none\n")  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("zebra", f"choose from {', '.join(descriptions())}"),
        ("Bach", "did you mean 'batch'?"),
        ("lema-3.2", "did you mean 'lemma-3.2'?"),
        ("solve", "did you mean 'mfact solve --help'?"),
        ("column", "choose from"),
        ("lemma-", "did you mean 'lemma-3.2'?"),
    ],
)
def test_what_is_neither_is_told_the_nearest(mfact, asked, told):
    code, out, err = mfact("help", asked)
    assert (code, out) == (2, "")
    assert err.startswith(f"mfact help: no topic or claim '{asked}': {told}")
    assert err.endswith("; see 'mfact help --help'\n")


def test_topics_and_claims_are_completed_and_explained(mfact, process):
    done = process(env={"_MFACT_COMPLETE": "bash_complete", "COMP_WORDS": "mfact help S"})
    assert done.stdout.split() == [
        f"plain,{name}".encode() for name in names() if name.startswith("s")
    ]
    assert {"settings", "sweep", "stored-gap", "step"} <= set(names())
    for name in names():
        assert mfact("help", name)[0] == 0
