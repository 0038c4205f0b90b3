"""The seed of a run that was given none."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from mfact.networks.settings import NetworkSettings
from mfact.settings import RunSettings

S = TypeVar("S", RunSettings, NetworkSettings)


def with_seed(settings: S) -> S:
    """The same settings with a seed drawn where none was given."""
    if settings.seed is not None:
        return settings
    return replace(settings, seed=int(np.random.SeedSequence().generate_state(1)[0]))
