"""The settings of one run of a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from typing import Any, Literal, get_args

from ..checks import check_choice, check_range, check_whole
from ..errors import SettingsError
from ..reconstruction.resolution import checked_changes
from ..reconstruction.settings import PRESETS, Preset
from ..simulation.imaging_settings import Implant
from ..simulation.settings import Trajectory

Standardization = Literal["ideal", "raw", "classical", "network", "prior"]
Initialization = Literal["algebraic", "random", "fdk"]
Finding = Literal["none", "fracture", "lesion"]
DEGREES_PER_MM = 0.3
"""Rotation that comes with each mm of shift in a pose error: 10 mm and 3 degrees are what C-arm tags are off by."""
OF_SIMULATION = ("trajectory", "tilt", "dose", "c_arm", "implants", "finding", "size", "spacing", "pixels")
"""Settings that only simulated X-rays can have: those of a case exist already."""


@dataclass(frozen=True)
class Condition:
    """The settings of one run: how its X-rays are made, and how the volume is reconstructed from them.

    Raises SettingsError for a value out of range or of another kind.
    """

    views: int | None = None
    """Number of views; None: 25 of a CT, all of a case."""
    trajectory: Trajectory = "arc"
    """An arc that tilts to either side, a full circle without tilt, or random poses."""
    span: float | None = None
    """Range of orbital angles, degrees; None: 200 of a CT, all of a case."""
    tilt: float = 25.0
    """Largest angulation to either side, degrees."""
    pose_error: float = 0.0
    """Largest error of a pose parallel to the detector, mm, uniform along each axis; 1.5 times as much along the beam,
    and 0.3 degrees of rotation about a random axis with each mm."""
    refine_poses: bool = False
    """Refine the poses before and during the reconstruction."""
    standardization: Standardization = "ideal"
    """ideal: line integrals of bone, as a perfect standardisation would give, or a case's line integrals as they are;
    raw: X-rays of all tissue as they are; classical, network: what the methods make of those X-rays; prior: the same as
    network, reconstructed with the learnt prior."""
    dose: float = 1.0
    """Dose relative to that of the C-arm: 1 is 50 000 photons per pixel for ideal X-rays, and the quanta behind the
    patient of its model for others."""
    c_arm: str = "standard"
    """The model of the C-arm: spectrum, field, detector and display."""
    implants: Implant | Literal["none"] = "none"
    """Metal in the patient; for X-rays of all tissue."""
    finding: Finding = "none"
    """A fracture of 3 mm or a lytic lesion of 16 mm, put into a vertebral body near the centre of the region."""
    preset: Preset = "standard"
    """How much work the reconstruction does."""
    initialization: Initialization = "algebraic"
    """The start of the Gaussians: a coarse algebraic reconstruction, at random, or filtered backprojection (FDK),
    which needs a circular trajectory."""
    seed: int = 0
    """Random seed of noise, poses, pose errors and the reconstruction."""
    size: float = 160.0
    """Side length of the cubic region, mm."""
    spacing: float = 1.25
    """Voxel size of the region, mm."""
    pixels: int | None = None
    """Detector pixels along each side; None: as many as the model of the C-arm has."""
    reconstruction: tuple[tuple[str, Any], ...] = ()
    """Further settings of the reconstruction, by dotted name."""

    def __post_init__(self) -> None:
        for name, limits in _LIMITS.items():
            value = getattr(self, name)
            if value is not None:
                (check_whole if name in _WHOLE else check_range)(name, value, *limits)
        for name, choices in _CHOICES.items():
            check_choice(name, getattr(self, name), choices)
        if not isinstance(self.refine_poses, bool):
            raise SettingsError(f"refine_poses is {self.refine_poses!r}, expected true or false")
        if not isinstance(self.c_arm, str):
            raise SettingsError(f"c_arm is {self.c_arm!r}, expected the name of a model")
        if self.trajectory == "arc" and self.span in (0, 360):
            raise SettingsError(f"span is {self.span:g} for an arc, which repeats poses; use trajectory 'circular'")
        if self.implants != "none" and self.standardization == "ideal":
            raise SettingsError(
                "implants are in no ideal X-ray, which shows bone alone; use standardization raw, classical, network "
                "or prior"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Condition:
        """The condition with values by name; dotted names change settings of the reconstruction."""
        own: dict[str, Any] = {}
        changes: dict[str, Any] = {}
        for name, value in values.items():
            if "." in name:
                changes[name] = value
            else:
                own[check_name(name)] = value
        return cls(**own, reconstruction=tuple(sorted(checked_changes(changes).items())))

    def as_dict(self) -> dict[str, Any]:
        """All values for JSON; settings of the reconstruction under their dotted names."""
        values = asdict(self)
        changes = values.pop("reconstruction")
        return values | dict(changes)

    @property
    def is_realistic(self) -> bool:
        """Whether the X-rays show all tissue, as a C-arm records them."""
        return self.standardization != "ideal"


NAMES = tuple(each.name for each in fields(Condition))
_WHOLE = ("views", "seed", "pixels")
_LIMITS: dict[str, tuple[Any, ...]] = {
    "views": (2, 10_000),
    "span": (0.0, 360.0, "degrees"),
    "tilt": (0.0, 89.0, "degrees"),
    "pose_error": (0.0, 200.0, "mm"),
    "dose": (1e-6, 1e6),
    "seed": (0, 2**63),
    "size": (1.0, 5000.0, "mm"),
    "spacing": (0.01, 100.0, "mm"),
    "pixels": (8, 8192),
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "trajectory": get_args(Trajectory),
    "standardization": get_args(Standardization),
    "implants": ("none", *get_args(Implant)),
    "finding": get_args(Finding),
    "preset": tuple(PRESETS),
    "initialization": get_args(Initialization),
}


def check_name(name: str) -> str:
    """The name of a setting; raises SettingsError for one that does not exist."""
    if name not in NAMES:
        near = get_close_matches(name, NAMES, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"expected one of {', '.join(NAMES)}"
        raise SettingsError(f"no setting '{name}' of a run; {hint}")
    return name
