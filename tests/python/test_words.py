"""No flag is left in what Python says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import mfact.python.words as module
from mfact.python.words import Words, said

PACKAGE = Path(__file__).parents[2] / "mfact"
BELOW = [p for p in PACKAGE.rglob("*.py") if p.relative_to(PACKAGE).parts[0] not in ("cli",)]
FLAG = re.compile(r"(?<![\w-])--?[a-z]")


def sentences():
    """Each text of the rooms below the command line that names a flag."""
    for path in BELOW:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = [p.value if isinstance(p, ast.Constant) else "7" for p in node.values]
                yield "".join(parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_no_text_of_the_library_keeps_a_flag():
    named = [text for text in sentences() if "--" in text and FLAG.search(text)]
    assert len(named) > 40
    left = [text for text in named if re.search(r"(?<![\w-])--[a-z]", said(text))]
    assert left == []


@pytest.mark.parametrize(
    ("typed", "python"),
    [
        ("use --schedule constant", 'use schedule="constant"'),
        ("pass -r 12 or less", "pass rank=12 or less"),
        ("choose -r from 1 to 12", "choose rank from 1 to 12"),
        ("raise --max-iter", "raise max_iter"),
        ("raise --patience or loosen --tol", "raise patience or loosen tol"),
        ("or run it all the same with --force", "or run it all the same with force=True"),
        ("--engine direct --no-optimum", 'engine="direct", optimum=False'),
        ("is within --tol 1e-10.", "is within tol=1e-10."),
        ("--max-time is 3 s", "max_time is 3 s"),
        ("--method is 'newton': choose", "method is 'newton': choose"),
        ("no meaning with --start balanced", 'no meaning with start="balanced"'),
        ("--start no/file.npz is neither", 'start="no/file.npz" is neither'),
        ("--every or --checkpoint-every writes", "every or checkpoint_every writes"),
        ("--solver ode, or a balanced start", 'solver="ode", or a balanced start'),
        ("name one with --dataset; it has /a", "name one with dataset=; it has /a"),
        ("give --rank or --spectrum", "give rank or spectrum"),
        ("run `mfact solve` again", "run mfact.solve again"),
        ("--max-iter 1000…0000 (4201 digits)", "max_iter 1000…0000 (4201 digits)"),
        ("x--y.npy -z 3", "x--y.npy -z 3"),
    ],
)  # fmt: skip
def test_flags_become_arguments(typed, python):
    assert said(typed) == python


def test_options_may_have_other_names():
    words = Words({"rank": "n_components", "optimum": "best"})
    assert words("use -r 3, or --no-optimum") == "use n_components=3, or best=False"


def test_each_option_is_known():
    assert {"rank", "schedule", "seeds", "solver", "balance_weight"} <= module.OPTIONS.keys()
