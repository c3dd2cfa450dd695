"""How X-rays are standardised, as one value that library, command line and panel share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ..errors import SettingsError

Method = Literal["auto", "none", "classical", "pix2pix"]


@dataclass(frozen=True)
class StandardizationSettings:
    """Every choice of a standardisation; raises SettingsError for a value out of its range."""

    method: Method = "auto"
    """auto takes pix2pix for intensities and none for line integrals; classical needs no weights."""
    weights: Path | None = None
    """Weights of pix2pix (.safetensors); None: those that come with IXGS."""
    fiducials: bool = True
    """Find metal balls, paint them over and mask them."""
    ball_diameter: tuple[float, float] = (2.0, 6.0)
    """Of the smallest and the largest metal ball, mm."""
    likeness_limit: float = 1.0
    """Likeness to the training of pix2pix below which a view is warned of; 90 % of other patients' are above 1."""
    change_limit: float = 0.25
    """Difference from the raw X-ray, in line integrals, from which bone counts as added or removed."""

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise SettingsError(f"method is {self.method!r}, expected one of {', '.join(get_args(Method))}; correct it")
        low, high = self.ball_diameter
        if not 0.5 <= low < high <= 30:
            raise SettingsError(f"ball_diameter is {low:g} to {high:g} mm, expected a range within 0.5 to 30 mm")
        if not 0 <= self.likeness_limit <= 100:
            raise SettingsError(f"likeness_limit is {self.likeness_limit:g}, expected a number from 0 to 100")
        if not 0.01 <= self.change_limit <= 10:
            raise SettingsError(f"change_limit is {self.change_limit:g}, expected line integrals from 0.01 to 10")
        if self.weights is not None and self.method in ("none", "classical"):
            raise SettingsError(f"weights for method {self.method}, which takes none; leave them out or take pix2pix")

    def as_dict(self) -> dict[str, Any]:
        """For JSON; of the weights the name alone, since folders may name people."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        weights = None if self.weights is None else Path(self.weights).name
        return {**values, "ball_diameter": list(self.ball_diameter), "weights": weights}
