"""Matrix factorization as an estimator of scikit-learn: U is the transformed data, V the fit."""

from __future__ import annotations

import math
import numbers
from dataclasses import replace
from typing import Any, Self

import numpy as np

from mfact.core import Array
from mfact.errors import MfactError, MissingPackageError
from mfact.host.threads import working
from mfact.python.door import warn
from mfact.python.result import Result
from mfact.python.words import Words
from mfact.run.looking import looked_at
from mfact.run.solve import solve
from mfact.settings import RunSettings
from mfact.targets.door import held
from mfact.words.foreign import OPTIONS

try:
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise MissingPackageError(
        "mfact.sklearn needs scikit-learn 1.6 or later", "pip install 'mfact[sklearn]'"
    ) from error

NAMES = {name: OPTIONS[name] for name in ("n_components", "init", "random_state")}
"""What scikit-learn calls options of a run, and what mfact does."""

_said = Words({ours: theirs for theirs, ours in NAMES.items()})


class MatrixFactorization(
    # scikit-learn ships no types.
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """Least squares factorization X ≈ UVᵀ by gradient descent; X may be sparse, and stays so.

    n_components: r, the number of columns of U and V.
    objective: "plain", ½‖UVᵀ − X‖²; "balanced" adds ⅛‖UᵀU − VᵀV‖², all norms Frobenius.
    schedule: of the step sizes; "constant", or one of `mfact help schedules`.
    step_size: η of "constant" and "power", in units of 1/X; None: from σ₁.
    init: where V and U begin: "gaussian", "balanced", "unbalanced" or "spectral".
    tol: on the gap to the best approximation, relative to its weakest component.
    max_iter: step limit; at the limit ConvergenceWarning tells what to do.
    random_state: seed of the start, a RandomState, or None for another each time.

    Fitted: components_, Vᵀ, n_components×n_features; n_iter_, steps taken; reconstruction_err_,
    ‖X − UVᵀ‖_F; n_features_in_, feature_names_in_; result_, the run as mfact.Result.

    Raises ValueError, in a sentence with a way out, for what cannot run.

    >>> X = np.outer([1.0, 2.0, 3.0], [1.0, -1.0])
    >>> model = MatrixFactorization(1, random_state=0).fit(X)
    >>> bool(np.allclose(model.inverse_transform(model.transform(X)), X, atol=1e-4))
    True
    """

    def __init__(
        self,
        n_components: int = 2,
        *,
        objective: str = "plain",
        schedule: str = "constant",
        step_size: float | None = None,
        init: str = "gaussian",
        tol: float = 1e-10,
        max_iter: int = 100_000,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.objective = objective
        self.schedule = schedule
        self.step_size = step_size
        self.init = init
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn V from X, n_samples×n_features; y is ignored."""
        X = self._valid(X, reset=True)
        sources = {} if self.step_size is None else {"step_size": "argument"}
        try:
            record = solve(X, self._settings(), sources=sources)
        except MfactError as error:
            raise ValueError(str(error.put(_said))) from error
        if record.outcome.exit_code != 0:
            text = _said(f"{record.outcome.sentence}: {record.message}")
            warn(text, ConvergenceWarning)
        self.result_ = Result(record)
        self.components_ = record.V.T
        self.n_iter_ = record.summary.get("iterations", math.inf)
        self.reconstruction_err_ = math.sqrt(2.0 * record.summary["loss"])
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Learn V from X, and give the U that fits X best; y is ignored."""
        return self.fit(X).transform(X)

    def transform(self, X: Any) -> Any:
        """The U with the least ‖X − UVᵀ‖_F for this V: X V (VᵀV)⁻¹, n_samples×n_components."""
        check_is_fitted(self)
        return self._left(self._valid(X, reset=False))

    def inverse_transform(self, X: Any) -> Array:
        """UVᵀ, n_samples×n_features, of U, n_samples×n_components."""
        check_is_fitted(self)
        return np.asarray(X) @ self.components_

    def score(self, X: Any, y: Any = None) -> float:
        """1 − ‖X − UVᵀ‖²/‖X‖² for the best U, the share of X that V explains; 1 where X = 0."""
        check_is_fitted(self)
        X = self._valid(X, reset=False)
        with looked_at(held(X, "float64")) as target:
            if target.norm == 0:
                return 1.0
            left = target.residual_norm(self._left(X), np.ascontiguousarray(self.components_.T))
            return 1.0 - (left / target.norm) ** 2

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def _settings(self) -> RunSettings:
        """The options of the run. A forecast beyond the limits is no refusal: a warning follows."""
        named = {NAMES.get(name, name): value for name, value in self.get_params().items()}
        seed = self.random_state
        if not isinstance(seed, numbers.Integral):
            seed = int(check_random_state(seed).randint(2**31 - 1))
        return RunSettings(**{**named, "seed": seed}, force=True)

    @working(1)
    def _left(self, X: Any) -> Array:
        return np.asarray(X @ np.linalg.pinv(self.components_))

    def _valid(self, X: Any, *, reset: bool) -> Any:
        return validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=reset)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        return replace(tags, input_tags=replace(tags.input_tags, sparse=True))
