"""How the network that estimates bone from all X-rays is trained."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from ..checks import Limits, check_ranges
from ..errors import SettingsError
from ..prior.network_settings import BoneNetworkSettings

_LIMITS: dict[str, Limits] = {
    "steps": (1, 100_000_000),
    "rate": (0, 1),
    "constant_part": (0, 1),
    "warm_up": (0, 1_000_000),
    "averaging": (0, 0.999999),
    "patch": (4, 512, "voxels"),
    "unknown_units": (0, 1),
    "seed": (0, 2**31),
    "log_every": (1, 1_000_000),
    "checkpoint_every": (1, 1_000_000),
    "validation_series": (1, 1_000_000),
}
UNRELATED_SETTINGS = ("log_every", "checkpoint_every", "validation_series")
"""Settings that may change when a training is continued, since the network does not depend on them."""


@dataclass(frozen=True)
class PriorTrainingSettings(BoneNetworkSettings):
    """The network and how it is trained; raises SettingsError for a value out of range."""

    steps: int = 10_000
    """Training steps; the learning rate reaches zero after the last."""
    rate: float = 2e-3
    """Learning rate of AdamW: constant at first, then decreasing linearly to zero."""
    constant_part: float = 0.6
    """Fraction of the steps at the full learning rate."""
    warm_up: int = 100
    """Steps over which the learning rate rises from zero."""
    averaging: float = 0.998
    """Decay of the moving average of the weights; the average is the network that is used."""
    patch: int = 48
    """Voxels along each side of the part of the region that a step computes."""
    unknown_units: float = 0.15
    """Fraction of the steps in which X-rays are given without units."""
    seed: int = 0
    """Random seed."""
    log_every: int = 50
    """Steps between rows of the log."""
    checkpoint_every: int = 400
    """Steps between checkpoints, before which the network is validated."""
    validation_series: int = 24
    """Maximum number of series of held-out patients that are scored."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, _LIMITS)
        if self.patch % self.multiple:
            raise SettingsError(f"patch is {self.patch} voxels, expected a multiple of {self.multiple}; change it")

    def network(self) -> BoneNetworkSettings:
        """The settings of the network alone."""
        return BoneNetworkSettings(**{each.name: getattr(self, each.name) for each in fields(BoneNetworkSettings)})

    def about(self) -> dict[str, Any]:
        """The settings that the trained weights depend on, as JSON."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name not in UNRELATED_SETTINGS}

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        falling = (self.steps - step) / max(self.steps * (1 - self.constant_part), 1)
        return self.rate * min(1.0, (step + 1) / max(self.warm_up, 1), falling)
