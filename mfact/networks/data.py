"""Points X and targets Y: from files, generated, or given, and checked against the loss."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mfact.core import Array
from mfact.errors import DataError, SettingsError
from mfact.host.threads import working
from mfact.matrices.missing import Found, instead, store
from mfact.matrices.source import MatrixSource, open_matrix
from mfact.matrices.sparse import as_dense
from mfact.matrices.values import check_fits, check_kind, check_shape, new_matrix
from mfact.words import by


class Points(NamedTuple):
    """X, m×d, a point a row, in C order; Y, m×p, or of softmax m labels as int64."""

    X: Array
    Y: Array


@dataclass(frozen=True)
class PointFiles:
    """X and Y in files that have been looked at and not yet read.

    columns: whether points are columns. A vector of labels is one value a point in either case.
    """

    X: MatrixSource
    Y: MatrixSource
    columns: bool = False

    @property
    def count(self) -> int:
        """m, the number of points."""
        return self.X.shape[self.columns]

    @property
    def inputs(self) -> int:
        """d, the number of features of a point."""
        return self.X.shape[not self.columns]

    @property
    def _turned(self) -> bool:
        return self.columns and self.Y.shape != (self.count, 1)

    def read(self, loss: str, outputs: int, dtype: str = "float64") -> Points:
        """X and Y as checked() leaves them.

        Raises what the readers and checked() raise; DataError for unequal lengths before a read.
        """
        _check_lengths(self.count, self.Y.shape[self._turned])
        with instead(partial(_without, self.columns)):
            X = self.X.read(dtype)
        with instead(partial(_without, self._turned)):
            Y = self.Y.read()
        return checked(X.T if self.columns else X, Y.T if self._turned else Y, loss, outputs, dtype)


def open_points(X: str, Y: str, *, columns: bool = False, follow_links: bool = False) -> PointFiles:
    """Look at two files, or two datasets of one, as DATA.h5:/X and DATA.h5:/Y.

    X is m×d, or m×C×H×W, each point folded to a row; Y m×p, or m. Raises what open_matrix says.
    """
    # With its points last, what is not 2-D would be folded on the wrong side.
    x = open_matrix(X, follow_links=follow_links, points=not columns)
    return PointFiles(x, open_matrix(Y, follow_links=follow_links, points=True), columns)


def checked(X: ArrayLike, Y: ArrayLike, loss: str, outputs: int, dtype: str = "float64") -> Points:
    """X and Y for a network of p outputs and a loss, copied only where they are not so already.

    X: a point a row, m×d; further dimensions are folded. Y: "squared" m×p; "logistic" −1 and 1,
    m×p; "softmax" labels 0 … p − 1, m or m×1. For p = 1, m numbers are m×1. What is sparse becomes
    dense, where it fits in memory.

    Raises DataError for what does not fit, or is not finite; MemoryPlanError; SettingsError for
    softmax of p = 1.
    """
    points = _array(X, "X", dtype)
    targets = _array(Y, "Y", "float64" if loss == "softmax" else dtype)
    _check_lengths(len(points), len(targets))
    if loss == "softmax":
        return Points(points, _labels(targets, outputs))
    if targets.shape[1] != outputs:
        raise DataError(
            f"Y is {by(targets.shape)}, and the outputs of the network are {outputs}",
            f"end the layers with {targets.shape[1]}, or give class labels to --loss softmax",
        )
    if loss == "logistic" and not (found := np.abs(targets) == 1).all():
        zeros = ((targets == 0) | (targets == 1)).all()
        raise DataError(
            "Y holds labels 0 and 1, and the logistic loss takes −1 and 1"
            if zeros
            else f"Y has {_first(targets, ~found)}, and labels of the logistic loss are −1 and 1",
            "give 2Y − 1" if zeros else "give one of them for each point and output",
        )
    return Points(points, targets)


def generated(
    kind: str, targets: str, scale: float, points: int, inputs: int, outputs: int, seed: int,
    loss: str, dtype: str = "float64",
) -> Points:  # fmt: skip
    """Random X and Y; X is drawn first, so that it is the same whatever the targets are.

    kind: "uniform", entries of U[−½, ½], or "gaussian", N(0, 1). targets, times scale: "gaussian",
    N(0, 1); "linear", XTᵀ, T of N(0, 1/d); "network", W₂ max(W₁xᵢ, 0), 10p neurons, W₁ of N(0, 2/d)
    and W₂ of N(0, 1/(10p)). On gaussian points all three have variance scale². The logistic loss
    takes their signs, softmax the largest of each point's p.

    Raises MemoryPlanError; SettingsError for softmax of p = 1.

    >>> X, Y = generated("uniform", "linear", 1.0, 5, 3, 2, seed=0, loss="softmax")
    >>> X.shape, Y
    ((5, 3), array([1, 0, 1, 1, 0]))
    """
    hidden = 10 * outputs
    needed = points * (inputs + outputs + hidden * (targets == "network")) + hidden * inputs
    check_fits(8 * 2 * needed, f"{points} points of {inputs} features")
    rng = np.random.default_rng(seed)
    shape = (points, inputs)
    X = rng.random(shape) - 0.5 if kind == "uniform" else rng.standard_normal(shape)
    with working(1):  # more of them sum in another order
        if targets == "gaussian":
            Y = rng.standard_normal((points, outputs))
        elif targets == "linear":
            Y = X @ rng.standard_normal((inputs, outputs)) / np.sqrt(inputs)
        else:
            first = rng.standard_normal((inputs, hidden)) * np.sqrt(2 / inputs)
            Y = np.maximum(X @ first, 0) @ rng.standard_normal((hidden, outputs)) / np.sqrt(hidden)
    if loss == "softmax":
        return checked(X, Y.argmax(axis=1), loss, outputs, dtype)
    Y = np.where(Y < 0, -1.0, 1.0) if loss == "logistic" else scale * Y
    return checked(X, Y, loss, outputs, dtype)


def _array(values: ArrayLike, name: str, dtype: str) -> Array:
    """m×d in C order and in dtype, finite."""
    A = as_dense(values, name, np.dtype(dtype).itemsize)
    check_kind(A.dtype, name)
    A = A.reshape(check_shape(A.shape, name, points=True))
    same = A.dtype == dtype and A.flags.c_contiguous and A.flags.aligned
    out = A if same else new_matrix(A.shape, np.dtype(dtype), "C", name)
    with instead(partial(_without, False)):
        store(A, out, lambda index: (index[0], index[1]), name)
    return out


def _without(columns: bool, found: Found) -> str:
    """What to do where some points have values that are no numbers."""
    count, hit = (found.shape[1], found.columns) if columns else (found.shape[0], found.rows)
    if hit == count:
        return "fill missing values first, for no point is whole"
    those = f"the {hit} points that have" if hit > 1 else "the point that has"
    return f"fill missing values first, or leave {those} them out of X and Y alike"


def _check_lengths(points: int, targets: int) -> None:
    if points != targets:
        raise DataError(
            f"X has {points} points, and Y has {targets}",
            "give Y one row for each point of X; where points are columns, say --points columns",
        )


def _labels(Y: Array, outputs: int) -> Array:
    if outputs < 2:
        raise SettingsError(
            "softmax of one output is always 1", "end the layers with 2, or give --loss logistic"
        )
    if Y.shape[1] != 1:
        raise DataError(
            f"Y is {by(Y.shape)}, and softmax takes one label for each point",
            "give the number of each point's class, as Y.argmax(axis=1)",
        )
    labels = Y[:, 0]
    wrong = ~((labels >= 0) & (labels < outputs) & (labels == np.floor(labels)))
    if wrong.any():
        most = f", or end the layers with {labels.max() + 1:.0f}"
        whole = (labels >= 0).all() and (labels == np.floor(labels)).all()
        raise DataError(
            f"Y has {_first(Y, wrong[:, None])}, and the classes of {outputs} outputs are 0 …"
            f" {outputs - 1}",
            f"number them so{most if whole else ''}",
        )
    return labels.astype(np.int64)


def _first(A: Array, wrong: Array) -> str:
    row, column = np.unravel_index(int(np.argmax(wrong)), A.shape)
    where = f"row {row}, column {column}" if A.shape[1] > 1 else f"point {row}"
    return f"{A[row, column]:g} at {where} (counted from 0)"
