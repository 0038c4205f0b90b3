"""Step number and flow time of decaying step sizes, far beyond what an integer step can count."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, expm1, inf, log1p
from typing import NamedTuple

from mfact.errors import SettingsError

LARGEST = 709.0  # of which exp is a number


class Rates(NamedTuple):
    """η, η'/η and η''/η at one moment; primes are derivatives by the step number."""

    eta: float
    first: float
    second: float


@dataclass(frozen=True)
class Clock:
    """η(t) = first / (t + 1)^power as a function of a real t, and its integral s(t).

    s(t) = ∫_0^t η = first·((t + 1)^{1−p} − 1)/(1 − p), or first·ln(t + 1) for p = 1. The step
    number is carried as count = ln(t + 1), so that t may be 10^50000.

    first: η_0 > 0, in units of 1/M. power: p in [0, 1].
    Raises SettingsError outside these ranges.
    Source: mfact, derived.

    >>> clock = Clock(first=0.5, power=1.0)
    >>> round(clock.time(clock.count(99.0)), 6)
    2.302585
    """

    first: float
    power: float

    def __post_init__(self) -> None:
        if not self.first > 0.0 or not 0.0 <= self.power <= 1.0:
            raise SettingsError(
                f"steps {self.first:g}/(t+1)^{self.power:g} cannot be fast-forwarded",
                "take a positive first step and a power between 0 and 1",
            )

    @staticmethod
    def count(step: float) -> float:
        """ln(t + 1)."""
        return log1p(step)

    def time(self, count: float) -> float:
        """s at ln(t + 1) = count, infinite where it is past the largest number."""
        slack = 1.0 - self.power
        if slack * count > LARGEST:
            return inf
        return self.first * (expm1(slack * count) / slack if slack else count)

    def count_at(self, time: float) -> float:
        """ln(t + 1) at flow time s, the inverse of `time`."""
        slack = 1.0 - self.power
        scaled = time / self.first
        return log1p(slack * scaled) / slack if slack else scaled

    def rates(self, time: float) -> Rates:
        """η, η'/η = −p/(t+1) and η''/η = p(p+1)/(t+1)² at flow time s."""
        count = self.count_at(time)
        inverse = exp(-count)
        p = self.power
        return Rates(self.first * exp(-p * count), -p * inverse, p * (p + 1.0) * inverse * inverse)

    def sum_minus_integral(self, time: float) -> float:
        """−η/2 + η'/12 − η'''/720: its change from s(a) to s(b) is Σ_{a≤t<b} η(t) − ∫_a^b η.

        Source: the Euler–Maclaurin formula.
        """
        eta, first, second = self.rates(time)
        third = -second * (self.power + 2.0) * exp(-self.count_at(time))
        return eta * (-0.5 + first / 12.0 - third / 720.0)
