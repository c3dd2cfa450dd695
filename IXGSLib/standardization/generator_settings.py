"""The shape of the generator, as training chooses it and weights record it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from ..checks import Limits, check_ranges

_LIMITS: dict[str, Limits] = {
    "width": (1, 128),
    "levels": (3, 12),
    "group": (1, 1024),
    "scale": (1e-3, 1e3),
}


@dataclass(frozen=True)
class GeneratorSettings:
    """The generator's architecture and unit; raises SettingsError for a value out of range."""

    width: int = 48
    """Channels of the generator's first level; 20 MB of weights hold at most 62."""
    levels: int = 5
    """Number of times the image is halved; image sides must be multiples of 2 to this power."""
    group: int = 16
    """Channels that are normalised together."""
    scale: float = 2.0
    """Line integral that the network's output counts as one."""

    def __post_init__(self) -> None:
        check_ranges(self, _LIMITS)

    @property
    def multiple(self) -> int:
        """The sides of images must be multiples of this many pixels."""
        return 2**self.levels

    @classmethod
    def part_of(cls, settings: dict[str, Any]) -> GeneratorSettings:
        """The generator's part of the settings of a training; other names are ignored."""
        return cls(**{each.name: settings[each.name] for each in fields(GeneratorSettings) if each.name in settings})
