"""When a run ends: tolerances, limits, divergence, and points that no longer move."""

from mfact.stopping.rules import Stop, StopRules
from mfact.stopping.watch import StopWatch

__all__ = ["Stop", "StopRules", "StopWatch"]
