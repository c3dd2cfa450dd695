"""How a C-arm takes and shows its pictures, as one checked value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import SettingsError

Field = Literal["square", "round", "open"]
Metal = Literal["titanium", "steel"]
Implant = Literal["screws", "wires", "balls"]
RANGES = {
    "kvp": (50.0, 125.0),
    "aluminium": (0.0, 20.0),
    "copper": (0.0, 2.0),
    "screen": (0.001, 10.0),
    "quanta": (1e-3, 1e9),
    "saturation": (1.0, 1e9),
    "electronic_noise": (0.0, 1e6),
    "focal_spot": (0.0, 5.0),
    "mtf50": (0.05, 100.0),
    "scatter": (0.0, 10.0),
    "scatter_width": (1.0, 500.0),
    "glare": (0.0, 0.9),
    "glare_width": (1.0, 500.0),
    "field_size": (0.1, 1.5),
    "field_angle": (-180.0, 180.0),
    "field_penumbra": (0.0, 50.0),
    "leakage": (0.0, 0.1),
    "table": (0.0, 100.0),
    "gamma": (0.1, 10.0),
    "edge_amount": (0.0, 10.0),
    "edge_width": (0.01, 50.0),
    "bits": (8, 16),
    "bone_threshold": (-1000.0, 10_000.0),
    "bone_softness": (0.1, 1000.0),
    "seed": (0, 2**63),
}
"""The least and the largest value of each setting that is a number."""


@dataclass(frozen=True)
class ImagingSettings:
    """Beam, patient table, implants, detector and display of one radiograph.

    Raises SettingsError for a value out of its range.
    """

    kvp: float | None = 80.0
    """Tube voltage of a tungsten anode, kV; None: 70 keV alone."""
    aluminium: float = 3.0
    """Filtration, mm."""
    copper: float = 0.1
    """Filtration, mm."""
    screen: float = 0.2
    """Caesium iodide of the detector, g/cm2."""
    quanta: float | None = 2000.0
    """Detected per mm2 behind the patient, which automatic exposure provides; None: no noise at all."""
    saturation: float = 60.0
    """Largest signal that the detector can tell, as a multiple of the one behind the patient."""
    electronic_noise: float = 4.0
    """Standard deviation in each pixel, detected quanta."""
    focal_spot: float = 0.6
    """Width of the focal spot, mm."""
    mtf50: float = 1.2
    """Frequency at which the detector's modulation transfer is one half, 1/mm."""
    scatter: float = 0.6
    """Scatter-to-primary ratio behind 20 cm of water in a wide field: about 0.6 with a grid, 2 without."""
    scatter_width: float = 45.0
    """Standard deviation of the scatter kernel's wide part on the detector, mm."""
    glare: float = 0.05
    """Part of the light that veiling glare spreads: 0.02 for flat panels, 0.15 for image intensifiers."""
    glare_width: float = 25.0
    """Decay length of veiling glare on the detector, mm."""
    field: Field = "square"
    """The collimated field: blades, an iris, or the open detector."""
    field_size: float = 0.95
    """Width of the field as a part of the detector's."""
    field_angle: float = 0.0
    """By which the blades are turned, degrees."""
    field_penumbra: float = 1.5
    """Width of the field's soft edge on the detector, mm."""
    leakage: float = 0.002
    """Part of the beam that the collimator lets through."""
    table: float = 15.0
    """Thickness of the table behind the patient, mm of water; 0: none."""
    implants: tuple[Implant, ...] = ()
    """Pedicle screws with rods, K-wires, ball fiducials, placed at random around the isocentre."""
    metal: Metal = "titanium"
    """Of the implants."""
    logarithmic: bool = True
    """Show the logarithm of the signal."""
    window: tuple[float, float] = (1.0, 99.5)
    """Percentiles of the field that become black and white."""
    gamma: float = 1.0
    """Exponent on the windowed picture."""
    edge_amount: float = 0.5
    """Weight of the unsharp mask."""
    edge_width: float = 2.0
    """Standard deviation of the unsharp mask, mm on the detector."""
    inverted: bool = True
    """Dense is bright, as in radiography; otherwise dark, as in fluoroscopy."""
    bits: int = 8
    """Depth of the picture that is shown."""
    bone_threshold: float = 200.0
    """HU at which the clean target's logistic step is at one half."""
    bone_softness: float = 30.0
    """Logistic width of that step, HU."""
    seed: int = 0
    """Of the noise and of the implants' places."""

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if value is None and name in ("kvp", "quanta"):
                continue
            if not low <= value <= high:
                raise SettingsError(f"{name} is {value}, expected a number from {low:g} to {high:g}")
        for name, kinds in (("field", Field), ("metal", Metal)):
            if getattr(self, name) not in get_args(kinds):
                raise SettingsError(
                    f"{name} is {getattr(self, name)!r}, expected one of {', '.join(get_args(kinds))}; correct it"
                )
        for name in self.implants:
            if name not in get_args(Implant):
                raise SettingsError(
                    f"implants holds {name!r}, expected some of {', '.join(get_args(Implant))}; correct it"
                )
        low, high = self.window
        if not 0 <= low < high <= 100:
            raise SettingsError(f"window is {self.window}, expected two rising percentiles from 0 to 100")
