"""The update of a network's parts, by the name that --method gives it."""

from __future__ import annotations

import numpy as np

from mfact.methods.adam import AdamForm
from mfact.methods.in_place import InPlace
from mfact.methods.torch_form import TorchForm
from mfact.networks.settings import NetworkSettings


def update_of(settings: NetworkSettings) -> InPlace:
    """With the parameters that were asked for."""
    if settings.method == "adam":
        return AdamForm(settings.weight_decay)
    return TorchForm(settings.mu, settings.method == "nesterov", settings.weight_decay)


def kept_by(settings: NetworkSettings) -> int:
    """How many things of the size of the point an update keeps from step to step."""
    return len(update_of(settings).begin([np.zeros(1)]))
