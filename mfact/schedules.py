"""Step sizes: each schedule is a formula in the step number."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from mfact.core import Array
from mfact.errors import SettingsError

DEFAULT_EPS = 0.1
"""ε of theorem-3.1 and certified where none is given, in units of ‖M‖_F."""

DECAYING = 0.6
"""Of the usual constant step: the first of steps that decay."""


@dataclass(frozen=True)
class Constant:
    """The same step size at every step.

    eta_t = size; gradient descent converges for size < 1/sigma_1, because the
    sharpness at a balanced optimum is 2 sigma_1.

    Raises SettingsError unless size is positive and finite.
    Source: Du, Hu, Lee 2018, Section 3.2; the limit is mfact, derived.

    >>> Constant(0.5)(7)
    0.5
    """

    size: float
    name: str = "constant"
    eps: float | None = None

    def __post_init__(self) -> None:
        _require_positive("step size", self.size)

    def __call__(self, step: int) -> float:
        return self.size

    def steps(self, start: int, count: int) -> Array:
        return np.full(count, self.size)

    @property
    def least(self) -> float:
        return self.size

    def scaled(self, unit: float) -> Constant:
        return replace(self, size=self.size * unit)

    def steps_for(self, flow_time: float) -> float:
        return math.log10(max(flow_time / self.size, 1.0))


@dataclass(frozen=True)
class PowerDecay:
    """Step sizes that shrink like a power of the step number.

    eta_t = first / (t + 1)**power. The sum of eta diverges for power <= 1, so
    that the run can reach any distance; the sum of eta**2, which bounds the drift, is finite for
    power > 1/2.

    Raises SettingsError unless first > 0 and 0 < power <= 1.
    Source: Du, Hu, Lee 2018, Theorem 3.1 and footnote 11.

    >>> PowerDecay(first=0.5, power=1.0)(4)
    0.1
    """

    first: float
    power: float
    name: str = "power"
    eps: float | None = None
    least = 0.0

    def __post_init__(self) -> None:
        _require_positive("first step size", self.first)
        if not 0 < self.power <= 1:
            raise SettingsError(
                f"the decay exponent is {self.power}", "it must be above 0 and at most 1"
            )

    def __call__(self, step: int) -> float:
        return self.first / float((step + 1) ** self.power)

    def steps(self, start: int, count: int) -> Array:
        # One by one through the same scalar power: numpy's vectorized pow may differ in the
        # last digit with the array's length, and a resumed run must repeat the same numbers.
        first, power = self.first, self.power
        return np.array([first / float((t + 1) ** power) for t in range(start, start + count)])

    def scaled(self, unit: float) -> PowerDecay:
        return replace(self, first=self.first * unit)

    def steps_for(self, flow_time: float) -> float:
        """log₁₀ T such that Σ_{t<T} η_t = flow_time.

        Σ_{k≤T} k^{−p} = C(p) + (T^{1−p} − 1)/(1 − p) + O(T^{−p}), with C(p) = ζ(p) + 1/(1 − p)
        and C(1) = 0.5772…, so that ln T = ln(1 + (1 − p)(x − C)) / (1 − p), x = flow_time/first:
        for p = 1, T = e^{x − 0.577}; for p < 1, T = [(1 − p)(x − ζ(p))]^{1/(1−p)}.
        Source: mfact, derived.

        >>> round(PowerDecay(0.5, 0.55).steps_for(0.5 * sum(k**-0.55 for k in range(1, 1001))), 3)
        3.0
        """
        q = 1 - self.power
        inside = flow_time / self.first - sum_constant(self.power)
        if q * inside <= -1:
            return 0.0
        return max((math.log1p(q * inside) / q if q else inside) / math.log(10), 0.0)


def sum_constant(power: float) -> float:
    """C(p) = lim Σ_{k≤N} k^{−p} − (N^{1−p} − 1)/(1 − p), by Euler–Maclaurin at N = 1000.

    >>> round(sum_constant(1.0), 12), round(sum_constant(0.5) - 2, 9)
    (0.577215664902, -1.460354509)
    """
    n, q = 1000.0, 1 - power
    total = float(np.sum(np.arange(1.0, n + 1) ** -power))
    integral = math.expm1(q * math.log(n)) / q if q else math.log(n)
    return float(total - integral - 0.5 * n**-power + power / 12 * n ** (-power - 1))


def theorem_3_1(eps: float, rank: int, norm: float) -> PowerDecay:
    """The step sizes of Theorem 3.1.

    eta_t = sqrt(eps / r) / (100 (t + 1) m^{3/2}), m = norm = ‖M‖_F, 0 < eps < m in units of M.

    Raises SettingsError for eps outside (0, m).
    Source: Du, Hu, Lee 2018, Theorem 3.1.

    >>> round(theorem_3_1(eps=0.04, rank=1, norm=1.0)(1), 6)
    0.001
    """
    _require_eps(eps, norm, "theorem-3.1")
    return PowerDecay(math.sqrt(eps / rank) / (100 * norm**1.5), 1.0, "theorem-3.1", eps)


def theorem_3_2(c_step: float, sigma_1: float) -> Constant:
    """The constant step of Theorem 3.2: eta = c_step / sigma_1, for rank 1.

    Source: Du, Hu, Lee 2018, Theorem 3.2.

    >>> theorem_3_2(0.1, 2.0)(0)
    0.05
    """
    _require_positive("c_step", c_step)
    return Constant(c_step / sigma_1, "theorem-3.2")


def certified_step(eps: float, norm: float) -> float:
    """The largest step for which the proof below works: min(1/(12m), ε/(2m²)).

    norm: m = ‖M‖_F. eps: 0 < ε ≤ m. Units of 1/M.

    Claim: let 0 < ε ≤ m, f_0 ≤ ⅔m², ‖D_0‖_F ≤ ε/3, and 0 < η_t ≤ min(1/(12m), ε/(2m²)). Then
    for all t: ‖D_t‖_F ≤ ε and f_{t+1} ≤ f_t − (η_t/2)‖∇f_t‖². M may have any rank.
    Proof, by induction on t. Let f_t ≤ f_0 and ‖D_t‖_F ≤ ε.
    1. ρ = ‖R‖_F ≤ √(4/3) m ≤ 1.155m and p = ‖UVᵀ‖_F ≤ m + ρ ≤ 2.155m.
       With a = ‖UᵀU‖_F: p² = tr(UᵀU VᵀV) = a² − ⟨UᵀU, D⟩ ≥ a² − aε, so
       a ≤ (ε + √(ε² + 4p²))/2 ≤ 2.713m; the same for V. So b² = max(‖U‖₂², ‖V‖₂²) ≤ 2.713m.
    2. The Hessian's form ‖dU Vᵀ + U dVᵀ‖² + 2⟨R, dU dVᵀ⟩ is at most ‖U‖₂² + ‖V‖₂² + ‖R‖₂ times
       ‖(dU, dV)‖². On the segment of the step, ‖ηG_U‖₂ ≤ ηρb ≤ 0.0963b, so there
       ‖U‖₂², ‖V‖₂² ≤ 1.0963² b² ≤ 3.261m and ‖R‖₂ ≤ ρ(1 + 2ηb² + η²ρb²) ≤ 1.703m, hence
       L ≤ 8.23m < 12m ≤ 1/η, and f_{t+1} ≤ f_t − η(1 − ηL/2)‖∇f‖² ≤ f_t − (η/2)‖∇f‖².
    3. By the ledger ‖D_{t+1} − D_0‖_F ≤ Σ η²‖∇f‖² ≤ 2 η_max (f_0 − f_{t+1}) ≤ (ε/m²)(⅔m²),
       so ‖D_{t+1}‖_F ≤ ε/3 + 2ε/3 = ε. ∎
    Source: mfact, derived.

    >>> certified_step(0.1, 1.0)
    0.05
    """
    return min(1 / (12 * norm), eps / (2 * norm**2))


def certified(eps: float, norm: float) -> Constant:
    """The constant step for which decrease and balance are proved for all t; see certified_step.

    Raises SettingsError for eps outside (0, m).

    >>> certified(eps=0.1, norm=1.0)(0)
    0.05
    """
    _require_eps(eps, norm, "certified")
    return Constant(certified_step(eps, norm), "certified", eps)


def schedule(
    name: str,
    *,
    usual: float,
    sigma_1: float,
    norm: float,
    rank: int,
    step_size: float | None = None,
    delta: float = 0.05,
    eps: float | None = None,
    c_step: float = 0.1,
) -> Constant | PowerDecay:
    """The step sizes of that name.

    usual: the constant one by default; DECAYING of it is the first where they decay. norm: ‖M‖_F.
    delta: power = ½ + delta. eps: in units of M.

    Raises SettingsError where there are none.

    >>> schedule("constant", usual=0.125, sigma_1=4.0, norm=5.0, rank=1)(0)
    0.125
    """
    if name == "constant":
        return Constant(step_size or usual)
    if name == "power":
        return PowerDecay(step_size or DECAYING * usual, 0.5 + delta)
    if name == "theorem-3.2":
        return theorem_3_2(c_step, sigma_1 or 1.0)
    if norm == 0:
        raise SettingsError(
            f"--schedule {name} needs 0 < ε < ‖M‖_F, and M is zero", "use --schedule constant"
        )
    eps = DEFAULT_EPS * norm if eps is None else eps
    return theorem_3_1(eps, rank, norm) if name == "theorem-3.1" else certified(eps, norm)


def _require_positive(what: str, value: float) -> None:
    if not (value > 0 and math.isfinite(value)):
        raise SettingsError(f"the {what} is {value}", "it must be positive and finite")


def _require_eps(eps: float, norm: float, schedule: str) -> None:
    if not 0 < eps < norm:
        raise SettingsError(
            f"--schedule {schedule} needs 0 < ε < ‖M‖_F = {norm:.6g}, and ε is {eps:.6g}",
            f"pass --eps {0.1 * norm:.3g}",
        )
