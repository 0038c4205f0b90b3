"""When a run ends: tolerances, limits, divergence, and points that no longer move."""

from mfact.stopping.network_rules import NetworkRules
from mfact.stopping.rules import Rules, Stop, StopRules
from mfact.stopping.watch import StopWatch

__all__ = ["NetworkRules", "Rules", "Stop", "StopRules", "StopWatch"]
