"""How X-rays are standardised, as one value that library, command line and panel share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ..checks import check_choice, check_range, check_ranges
from ..errors import SettingsError
from ..formats.standardization import DEFAULT_LIMITS

Method = Literal["auto", "none", "classical", "pix2pix"]


@dataclass(frozen=True)
class StandardizationSettings:
    """How X-rays are standardised; raises SettingsError for a value out of range."""

    method: Method = "auto"
    """auto uses pix2pix for intensities and none for line integrals; classical needs no weights."""
    weights: Path | None = None
    """Weights of pix2pix (.safetensors); by default those that come with IXGS."""
    fiducials: bool = True
    """Whether metal fiducials are found, inpainted and masked."""
    fiducial_diameter_mm: tuple[float, float] = (2.0, 6.0)
    """Diameters of the smallest and the largest fiducial."""
    min_distribution_score: float = DEFAULT_LIMITS["min_distribution_score"]
    """In-distribution score of pix2pix below which a view is reported; 90 % of other patients' views are above 1."""
    change_limit: float = DEFAULT_LIMITS["change_limit"]
    """Difference from the X-ray, in line integrals, above which bone counts as added or removed."""

    def __post_init__(self) -> None:
        check_choice("method", self.method, get_args(Method))
        low, high = self.fiducial_diameter_mm
        for diameter in (low, high):
            check_range("fiducial_diameter_mm", diameter, 0.5, 30)
        if not low < high:
            raise SettingsError(f"fiducial_diameter_mm is {low:g} {high:g}, expected the smaller diameter first")
        check_ranges(self, {"min_distribution_score": (0, 100), "change_limit": (0.01, 10, "in line integrals")})
        if self.weights is not None and self.method in ("none", "classical"):
            raise SettingsError(f"weights for method {self.method}, which uses none; omit them or use pix2pix")

    def as_dict(self) -> dict[str, Any]:
        """The settings as JSON; only the file name of the weights, since folders may name people."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        weights = None if self.weights is None else Path(self.weights).name
        return {**values, "fiducial_diameter_mm": list(self.fiducial_diameter_mm), "weights": weights}
