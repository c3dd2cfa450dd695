"""How a C-arm takes and displays its images, as one checked value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ..checks import Limits, check_choice, check_range, check_ranges
from ..errors import SettingsError

Field = Literal["square", "round", "open"]
Metal = Literal["titanium", "steel"]
Implant = Literal["screws", "wires", "balls"]
OPTIONAL_LIMITS: dict[str, Limits] = {"kvp": (50.0, 125.0, "kV"), "quanta": (1e-3, 1e9, "per mm2")}
"""Smallest and largest value of each number that may be None."""
LIMITS: dict[str, Limits] = {
    "aluminium": (0.0, 20.0, "mm"),
    "copper": (0.0, 2.0, "mm"),
    "screen": (0.001, 10.0, "g/cm2"),
    "saturation": (1.0, 1e9),
    "electronic_noise": (0.0, 1e6),
    "focal_spot": (0.0, 5.0, "mm"),
    "mtf50": (0.05, 100.0, "per mm"),
    "scatter": (0.0, 10.0),
    "scatter_width": (1.0, 500.0, "mm"),
    "glare": (0.0, 0.9),
    "glare_width": (1.0, 500.0, "mm"),
    "field_size": (0.1, 1.5),
    "field_angle": (-180.0, 180.0, "degrees"),
    "field_penumbra": (0.0, 50.0, "mm"),
    "leakage": (0.0, 0.1),
    "table": (0.0, 100.0, "mm"),
    "gamma": (0.1, 10.0),
    "edge_amount": (0.0, 10.0),
    "edge_width": (0.01, 50.0, "mm"),
    "bits": (8, 16),
    "bone_threshold": (-1000.0, 10_000.0, "HU"),
    "bone_softness": (0.1, 1000.0, "HU"),
    "seed": (0, 2**63),
}
"""Smallest and largest value of each number, with its unit."""


@dataclass(frozen=True)
class ImagingSettings:
    """Beam, patient table, implants, detector and display of one radiograph.

    Raises SettingsError for a value out of range.
    """

    kvp: float | None = 80.0
    """Tube voltage of a tungsten anode, kV; None: monochromatic at 70 keV."""
    aluminium: float = 3.0
    """Aluminium filtration, mm."""
    copper: float = 0.1
    """Copper filtration, mm."""
    screen: float = 0.2
    """Caesium iodide scintillator of the detector, g/cm2."""
    quanta: float | None = 2000.0
    """Detected quanta per mm2 behind the patient, held by automatic exposure control; None: no noise."""
    saturation: float = 60.0
    """Signal at which the detector saturates, as a multiple of that behind the patient."""
    electronic_noise: float = 4.0
    """Standard deviation per pixel, in detected quanta."""
    focal_spot: float = 0.6
    """Width of the focal spot, mm."""
    mtf50: float = 1.2
    """Frequency at which the modulation transfer of the detector is one half, 1/mm."""
    scatter: float = 0.6
    """Scatter-to-primary ratio behind 20 cm of water in a wide field: about 0.6 with a grid, 2 without."""
    scatter_width: float = 45.0
    """Standard deviation of the wide part of the scatter kernel, mm on the detector."""
    glare: float = 0.05
    """Fraction of the light in veiling glare: 0.02 for flat panels, 0.15 for image intensifiers."""
    glare_width: float = 25.0
    """Decay length of veiling glare, mm on the detector."""
    field: Field = "square"
    """The collimated field: blades, an iris, or the open detector."""
    field_size: float = 0.95
    """Width of the field as a fraction of the detector's."""
    field_angle: float = 0.0
    """Rotation of the blades, degrees."""
    field_penumbra: float = 1.5
    """Width of the field's penumbra, mm on the detector."""
    leakage: float = 0.002
    """Fraction of the beam that the collimator transmits."""
    table: float = 15.0
    """Thickness of the table behind the patient, mm of water; 0: none."""
    implants: tuple[Implant, ...] = ()
    """Pedicle screws with rods, K-wires or ball fiducials, placed at random around the isocentre."""
    metal: Metal = "titanium"
    """Metal of the implants."""
    logarithmic: bool = True
    """Display the logarithm of the signal."""
    window: tuple[float, float] = (1.0, 99.5)
    """Percentiles that are shown black and white."""
    gamma: float = 1.0
    """Gamma exponent of the displayed picture."""
    edge_amount: float = 0.5
    """Weight of the unsharp mask."""
    edge_width: float = 2.0
    """Width of the unsharp mask as a standard deviation, mm on the detector."""
    inverted: bool = True
    """Show dense tissue bright, as in radiography; otherwise dark, as in fluoroscopy."""
    bits: int = 8
    """Bit depth of the displayed picture."""
    bone_threshold: float = 200.0
    """HU at the midpoint of the clean target's logistic step."""
    bone_softness: float = 30.0
    """Width of that step, HU."""
    seed: int = 0
    """Random seed of noise and implant positions."""

    def __post_init__(self) -> None:
        check_ranges(self, LIMITS)
        for name, limits in OPTIONAL_LIMITS.items():
            if getattr(self, name) is not None:
                check_range(name, getattr(self, name), *limits)
        check_choice("field", self.field, get_args(Field))
        check_choice("metal", self.metal, get_args(Metal))
        for name in self.implants:
            if name not in get_args(Implant):
                raise SettingsError(f"implants holds {name!r}, expected some of {', '.join(get_args(Implant))}")
        low, high = self.window
        if not 0 <= low < high <= 100:
            raise SettingsError(f"window is {self.window}, expected two rising percentiles from 0 to 100")
