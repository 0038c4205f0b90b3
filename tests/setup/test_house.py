"""The rooms keep to themselves: what no import contract can say."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import mfact
from mfact.core import Result
from mfact.run.progress import Chosen, Finish, Plan, Progress

ROOT = Path(__file__).parents[2]
FILES = {str(path.relative_to(ROOT)): path for path in sorted(ROOT.glob("mfact/**/*.py"))}
OUTSIDE = [name for name in FILES if not name.startswith("mfact/engines/")]


def tree(name):
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


def imported(name):
    """The modules of mfact that a file imports."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mfact"):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("mfact"))


@pytest.mark.parametrize("folder", ["mfact", "tests"])
def test_no_file_is_long(folder):
    long = {
        str(path.relative_to(ROOT)): count
        for path in ROOT.glob(f"{folder}/**/*.py")
        if (count := path.read_text(encoding="utf-8").count("\n")) > 250
    }
    assert long == {}


def test_the_top_level_is_small():
    assert len(list((ROOT / "mfact").glob("*.py"))) <= 12


def test_the_direct_engine_knows_core_and_measures_only():
    """The day it names a target or a method, a branch has crept in."""
    assert set(imported("mfact/engines/direct.py")) <= {"mfact.core", "mfact.engines.measures"}


@pytest.mark.parametrize("name", OUTSIDE)
def test_nobody_outside_asks_which_engine_it_is(name):
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance":
            kinds = ast.unparse(node.args[1])
            assert "Engine" not in kinds, f"line {node.lineno}"
        if isinstance(node, ast.Compare):
            said = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
            assert not {"direct", "reduced"} & {each for each in said if isinstance(each, str)}, (
                f"line {node.lineno}: an engine's name"
            )
            text = ast.unparse(node)
            assert not re.search(r"coordinates is (not )?None", text), f"line {node.lineno}"


@pytest.mark.parametrize("kind", [Plan, Chosen, Progress, Finish, Result])
def test_a_run_is_made_of_values(kind):
    assert kind.__dataclass_params__.frozen
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(object.__new__(kind), dataclasses.fields(kind)[0].name, None)


def test_no_room_has_the_name_of_a_public_function():
    """A module imported after a function of its name would take the function's place."""
    for found in pkgutil.walk_packages(mfact.__path__, "mfact."):
        importlib.import_module(found.name)
    result = mfact.solve(np.diag([2.0, 1.0]), mfact.RunSettings(rank=1, seed=1))
    assert result.outcome.exit_code == 0
    assert isinstance(mfact.__version__, str)
    for name in (*mfact.__all__, "diff"):
        assert f"mfact/{name}.py" not in FILES
        assert not (ROOT / "mfact" / name).exists()


LENT = {
    "ctx.default_map", "error.filename", "element.attrib", "element.text",
    "door.__signature__", "door.__doc__",
}  # fmt: skip
"""What libraries ask to be written into: click's context, an OSError, an XML element, a function
that stands for another one.
"""


@pytest.mark.parametrize("name", FILES)
def test_nobody_writes_into_what_another_owns(name):
    for node in ast.walk(tree(name)):
        written = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AugAssign | ast.AnnAssign):
            written = [node.target]
        for target in written:
            if isinstance(target, ast.Attribute):
                text = ast.unparse(target)
                own = isinstance(target.value, ast.Name) and target.value.id in ("self", "cls")
                lent = text in LENT or text.startswith("SubElement(")
                assert own or lent, f"line {node.lineno}: {text}"


def test_no_test_patches_what_is_private():
    for path in ROOT.glob("tests/**/*.py"):
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"""(?:setattr|patch\.object)\([^()"']+,\s*["'](_[a-z]\w*)["']""", text)
        assert not found, f"{path.name}: {found}"
