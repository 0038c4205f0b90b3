"""The names that the options list are those of what there is."""

from __future__ import annotations

from mfact.networks import settings
from mfact.networks.activations import BROKEN
from mfact.networks.losses import LOSSES


def test_losses_and_broken_activations_are_those_there_are():
    assert tuple(LOSSES) == settings.LOSSES
    assert tuple(BROKEN) == settings.BROKEN
