"""Only targets, and the readers of files, ask how a matrix is held; the rest multiplies by it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "mfact"
MAY_ASK = {"targets", "matrices"}
NAMES = {"hasattr", "issparse", "isspmatrix", "MatrixSource", "DenseTarget", "SparseTarget"}
PARTS = {"sparse", "issparse", "tocsr", "tocsc", "tocoo", "toarray", "todense", "nnz", "indptr"}


def asked(source: str) -> list[str]:
    """What the code asks of how a matrix is held; its docstrings and annotations may name it."""
    return [ast.unparse(node) for node in ast.walk(ast.parse(source)) if asks(node)]


def asks(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        words = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        return node.func.id in NAMES or bool(node.func.id == "isinstance" and words & NAMES)
    if isinstance(node, ast.ImportFrom):
        return node.module == "scipy.sparse"
    return isinstance(node, ast.Attribute) and node.attr in PARTS


def test_no_room_but_theirs_asks():
    files = {path.relative_to(PACKAGE): path for path in PACKAGE.rglob("*.py")}
    there = {
        str(name): found
        for name, path in files.items()
        if name.parts[0] not in MAY_ASK and (found := asked(path.read_text(encoding="utf-8")))
    }
    assert there == {}
    assert asked((PACKAGE / "targets" / "holders.py").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "code",
    [
        "if hasattr(M, 'products'): pass",
        "from scipy.sparse import issparse",
        "import scipy.sparse as sp\nsp.issparse(M)",
        "M = M.toarray() if source.sparse else M",
        "isinstance(M, (Array, MatrixSource))",
        "target = DenseTarget(M)",
    ],
)
def test_a_question_is_found(code):
    assert asked(code)


def test_to_name_a_type_is_no_question():
    assert not asked("def f(M: MatrixSource) -> None:\n    from scipy.sparse.linalg import svds\n")
