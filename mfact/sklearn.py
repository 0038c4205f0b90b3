"""Matrix factorization as an estimator of scikit-learn: U is the transformed data, V the fit."""

from __future__ import annotations

import math
import numbers
from dataclasses import replace
from decimal import Decimal
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
    """Least squares factorization X ≈ UVᵀ by gradient descent, or another method; X may be sparse,
    and stays so.

    n_components: r, the number of columns of U and V; 0.95 or "95%": the fewest that explain so
        much of ‖X‖²; "auto": up to the gap of the singular values, refused where there is none.
    center: what is taken off X first, without filling it in: "none", its "mean", the means of its
        "columns", as PCA does, or of its "rows". Below, X is what is left.
    objective: "plain", ½‖UVᵀ − X‖²; "balanced" adds ⅛‖UᵀU − VᵀV‖², all norms Frobenius.
    method: the update rule; "gradient-descent", or one of `mfact help methods`.
    schedule: of the step sizes; "constant", or one of `mfact help schedules`.
    step_size: η of "constant" and "power", in units of 1/X by gradient descent; None: the
        usual one of the method.
    init: where V and U begin: "gaussian", "balanced", "unbalanced" or "spectral".
    tol: on the gap to the best approximation, relative to its weakest component.
    max_iter: step limit; at the limit ConvergenceWarning tells what to do.
    random_state: seed of the start, a RandomState, or None for another each time.

    Fitted: components_, Vᵀ, n_components×n_features, neither orthogonal nor in an order;
    n_components_; singular_values_, σ_i(UVᵀ), descending, and explained_variance_ratio_,
    σ_i(UVᵀ)²/‖X‖²: at the optimum with centred columns those of PCA; mean_, which comes off new
    samples, n_features means or 1, else None: with "rows" each has its own; n_iter_, steps taken;
    reconstruction_err_, ‖X − UVᵀ‖_F; n_features_in_, feature_names_in_; result_, as mfact.Result.

    Raises ValueError, in a sentence with a way out, for what cannot run.

    >>> X = np.outer([1.0, 2.0, 3.0], [1.0, -1.0])
    >>> model = MatrixFactorization(1, random_state=0).fit(X)
    >>> bool(np.allclose(model.inverse_transform(model.transform(X)), X, atol=1e-4))
    True
    """

    def __init__(
        self,
        n_components: int | float | str = 2,
        *,
        center: str = "none",
        objective: str = "plain",
        method: str = "gradient-descent",
        schedule: str = "constant",
        step_size: float | None = None,
        init: str = "gaussian",
        tol: float = 1e-10,
        max_iter: int = 100_000,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.center = center
        self.objective = objective
        self.method = method
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
        self.n_components_ = len(self.components_)
        self._by_rows = record.problem.get("center") == "rows"
        self.mean_ = None if self._by_rows else record.mean
        with working(1):
            self.singular_values_ = np.sum(self.result_.balanced()[1] ** 2, axis=0)
        self.explained_variance_ratio_ = (self.singular_values_ / record.problem["norm"]) ** 2
        self.n_iter_ = record.summary.get("iterations", math.inf)
        self.reconstruction_err_ = math.sqrt(2.0 * record.summary["loss"])
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Learn V from X, and give the U that fits X best; y is ignored."""
        return self.fit(X).transform(X)

    def transform(self, X: Any) -> Any:
        """The U with the least ‖X − UVᵀ‖_F for this V: X V (VᵀV)⁻¹, n_samples×n_components."""
        check_is_fitted(self)
        X = self._valid(X, reset=False)
        return self._left(X, *self._term(X))

    def inverse_transform(self, X: Any) -> Array:
        """UVᵀ + mean_, n_samples×n_features, of U; of "rows" without the means, which U lacks."""
        check_is_fitted(self)
        product = np.asarray(X) @ self.components_
        return product if self.mean_ is None else product + self.mean_

    def score(self, X: Any, y: Any = None) -> float:
        """1 − ‖X − UVᵀ‖²/‖X‖² for the best U, the share of X that V explains; 1 where X = 0, or
        rounding. X is less the mean_: scores of different centres are shares of different matrices.
        """
        check_is_fitted(self)
        X = self._valid(X, reset=False)
        a, b = self._term(X)
        rounding = math.sqrt(max(X.shape)) * np.finfo(np.float64).eps
        with looked_at(held(X, "float64")) as target:
            norm = target.residual_norm(a, b) if a.size else target.norm
            if norm <= rounding * np.linalg.norm(a) * np.linalg.norm(b):
                return 1.0
            U, V = np.hstack([self._left(X, a, b), a]), np.hstack([self.components_.T, b])
            return 1.0 - (target.residual_norm(U, V) / norm) ** 2

    @property
    def _n_features_out(self) -> int:
        return self.n_components_

    def _settings(self) -> RunSettings:
        """The options of the run. A forecast beyond the limits is no refusal: a warning follows."""
        named = {NAMES.get(name, name): value for name, value in self.get_params().items()}
        seed = self.random_state
        if not isinstance(seed, numbers.Integral):
            seed = int(check_random_state(seed).randint(2**31 - 1))
        named |= {"rank": _wished(self.n_components), "seed": seed}
        return RunSettings(**named, force=True)

    def _term(self, X: Any) -> tuple[Array, Array]:
        """(a, b) of the abᵀ to take off X: a column each, and none where nothing is."""
        samples, features = X.shape
        if self._by_rows:
            return np.asarray(X.mean(axis=1)).reshape(-1, 1), np.ones((features, 1))
        if self.mean_ is None:
            return np.ones((samples, 0)), np.ones((features, 0))
        return np.ones((samples, 1)), np.broadcast_to(self.mean_, features)[:, None]

    @working(1)
    def _left(self, X: Any, a: Array, b: Array) -> Array:
        """(X − abᵀ) V (VᵀV)⁻¹, X as it is."""
        inverse = np.linalg.pinv(self.components_)
        return np.asarray(X @ inverse) - a @ (b.T @ inverse)

    def _valid(self, X: Any, *, reset: bool) -> Any:
        # One sample is the mean of each column, and one feature that of each row: nothing is left.
        least = {"columns": "ensure_min_samples", "rows": "ensure_min_features"}
        more = {name: 2 for center, name in least.items() if reset and self.center == center}
        return validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=reset, **more)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        return replace(tags, input_tags=replace(tags.input_tags, sparse=True))


def _wished(components: Any) -> Any:
    """The rank of a run that so many components are: of a number between 0 and 1 the share.

    >>> _wished(0.95), _wished(0.999), _wished(3), _wished("auto")
    ('95%', '99.9%', 3, 'auto')
    """
    if isinstance(components, float | np.floating) and 0 < components < 1:
        return f"{Decimal(f'{100 * components:.12g}'):f}%"
    return components
