"""The settings of a reconstruction, shared by library, command line and panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Literal

from ..checks import check_choice, check_range, check_whole
from ..errors import SettingsError

Initialization = Literal["algebraic", "random", "fdk"]
Preset = Literal["preview", "standard", "fine"]

INITIALIZATIONS: tuple[Initialization, ...] = ("algebraic", "random", "fdk")

MAX_GAUSSIANS = 10_000_000
"""Most Gaussians of a run, which take 15 GB of memory."""


def number(default: Any, low: float, high: float = float("inf")) -> Any:
    """A numeric field that may take the values from `low` to `high`."""
    return field(default=default, metadata={"range": (low, high)})


class Group:
    """A group of settings; raises SettingsError when a number is out of its range."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]
            value = getattr(self, each.name)
            if "range" in each.metadata and value is not None:
                check = check_range if isinstance(each.default, float) else check_whole
                check(f"{self.name}.{each.name}", value, *each.metadata["range"])


@dataclass(frozen=True)
class CloudSettings(Group):
    """How many Gaussians there are, and how they start."""

    name: ClassVar[str] = "cloud"
    title: ClassVar[str] = "Cloud"

    initialization: Initialization = "algebraic"
    """Place the initial Gaussians by a coarse algebraic reconstruction, at random, or by filtered backprojection (FDK),
    which needs views on a full circle."""
    gaussians: int = number(50_000, 1, MAX_GAUSSIANS)
    """Number of Gaussians in the region at the start."""
    gaussians_per_view: int = number(1800, 1, MAX_GAUSSIANS)
    """Largest number of Gaussians of a preset per view: few views cannot determine more."""
    background_gaussians: int = number(12_000, 0, MAX_GAUSSIANS)
    """Number of Gaussians around the region, which model what projects into the images from outside; none are used if
    nothing does."""
    max_gaussians: int = number(62_000, 1, MAX_GAUSSIANS)
    """Largest number of Gaussians, including the background, to which density control may add."""
    background_margin: float = number(160.0, 0)
    """Largest extent of the background around the region, mm. Less is used if that explains the X-rays as well, and 1.5
    times as much for the body model around a region of soft tissue."""
    initial_overlap: float = number(0.7, 0.05)
    """Standard deviation of a Gaussian at the start, as a multiple of the distance between neighbours."""
    min_scale: float = number(0.2, 0.01)
    """Smallest standard deviation of a Gaussian along an axis, mm."""
    max_scale: float = number(20.0, 0.01)
    """Largest standard deviation of a Gaussian along an axis, mm."""
    max_aspect: float = number(10.0, 1)
    """Largest ratio of the longest to the shortest standard deviation of a Gaussian, which prevents needles."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("cloud.initialization", self.initialization, INITIALIZATIONS)
        if not self.min_scale < self.max_scale:
            raise SettingsError(
                f"cloud.min_scale is {self.min_scale} mm and cloud.max_scale {self.max_scale} mm, expected the minimum "
                "to be smaller; change one of them"
            )


@dataclass(frozen=True)
class ScheduleSettings(Group):
    """How many steps the optimisation takes, and what happens between them."""

    name: ClassVar[str] = "schedule"
    title: ClassVar[str] = "Schedule"

    steps: int = number(2000, 0)
    """Number of steps. A preset that uses fewer Gaussians because there are few views takes up to 1.5 times as many
    steps, in about the same time."""
    coarse_steps: int = number(200, 0)
    """Number of initial steps, on images of half the size."""
    refit_steps: int = number(400, 0)
    """Number of final steps, which also use the held-out views."""
    held_out: int | None = number(None, 0)
    """Number of views that are held out until the refit to monitor progress. Automatic: one in fifteen, or none with
    fewer than twelve views, which are all needed for the fit."""
    patience: int = number(6, 1)
    """Number of checks of the held-out views without improvement after which the refit begins."""
    check_every: int = number(100, 1)
    """Steps between checks of the held-out views."""
    preview_every: int = number(0, 0)
    """Steps between coarse preview volumes; 0 makes none."""
    seed: int = number(0, 0)
    """Seed of all random numbers."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.coarse_steps + self.refit_steps > self.steps:
            raise SettingsError(
                f"schedule.coarse_steps {self.coarse_steps} and schedule.refit_steps {self.refit_steps} add up to more "
                f"than schedule.steps {self.steps}; lower them, or raise schedule.steps"
            )


@dataclass(frozen=True)
class RateSettings(Group):
    """Learning rates of Adam, per step."""

    name: ClassVar[str] = "rates"
    title: ClassVar[str] = "Learning rates"

    position: float = number(0.2, 0)
    """Learning rate of positions, mm."""
    scale: float = number(0.04, 0)
    """Learning rate of the logarithms of standard deviations."""
    rotation: float = number(0.02, 0)
    """Learning rate of quaternions."""
    density: float = number(0.04, 0)
    """Learning rate of densities before the softplus."""
    final: float = number(0.1, 1e-6, 1)
    """Fraction of each learning rate that remains at the last step."""
    pose: float = number(0.0, 0)
    """Learning rate of the poses of the views, mm at the rim of the region; 0 keeps the poses as they are."""


@dataclass(frozen=True)
class LossSettings(Group):
    """How differences from the X-rays and the priors are weighted."""

    name: ClassVar[str] = "loss"
    title: ClassVar[str] = "Loss and priors"

    noise_exponent: float = number(0.5, 0)
    """Growth of noise with the line integral p: differences are divided by exp(noise_exponent p). 0.5 models quantum
    noise, 0 weights all pixels equally."""
    ssim_weight: float = number(0.25, 0)
    """Weight of 1 - SSIM."""
    tv_weight: float = number(0.2, 0)
    """Weight of total variation."""
    tv_knee: float = number(0.01, 1e-6)
    """Difference between neighbouring voxels, as a share of the typical attenuation, beyond which total variation
    grows as a square root, which keeps edges sharp."""
    tv_every: int = number(16, 1)
    """Steps between evaluations of the priors, each of which is weighted by this number of steps."""
    tv_size: int = number(128, 2)
    """Voxels along each side of the random sub-grid on which the priors are evaluated."""
    gap_weight: float = number(0.01, 0)
    """Weight of the gap penalty on attenuation between air and bone, which bone-enhanced volumes do not contain;
    evaluated together with total variation."""
    gap: float = number(1.1, 0.01)
    """Attenuation of the softest bone, as a share of the typical attenuation."""
    prior_weight: float = number(0.1, 0)
    """Weight of squared differences from the bone that is expected, in units of its expected error, where a prior is
    given; evaluated together with total variation."""


@dataclass(frozen=True)
class ControlSettings(Group):
    """When Gaussians are added and removed."""

    name: ClassVar[str] = "control"
    title: ClassVar[str] = "Density control"

    every: int = number(100, 1)
    """Steps between rounds of density control."""
    split_fraction: float = number(0.02, 0, 1)
    """Share of the Gaussians, those with the largest gradients, that are cloned or split in each round."""
    min_density: float = number(5e-4, 0, 1)
    """Density, as a share of the typical attenuation, below which a Gaussian is removed."""


@dataclass(frozen=True)
class TissueSettings(Group):
    """Settings that apply if soft tissue fills the region, whose X-rays are noisy and of low contrast."""

    name: ClassVar[str] = "tissue"
    title: ClassVar[str] = "Soft tissue"

    max_gaussians: int = number(50_000, 1, MAX_GAUSSIANS)
    """Largest number of Gaussians in the region at the start; more would fit the noise."""
    max_steps: int = number(2000, 0)
    """Largest number of steps; more would fit the noise."""
    tv_weight: float = number(0.15, 0)
    """Weight of total variation."""
    tv_knee: float = number(0.025, 1e-6)
    """Knee of total variation, as a share of the typical attenuation."""
    body_attenuation: float = number(0.0198, 0)
    """Mean attenuation of the body around the region, 1/mm, which is modelled as an elliptical cylinder of soft tissue,
    bone and gas; 0 uses no body model."""
    body_weight: float = number(0.05, 0)
    """Weight of squared differences from the body model, which stabilises the level of the region: the X-rays contain
    too little information about what lies beyond the detector."""


@dataclass(frozen=True)
class ReconstructionSettings:
    """All settings of a reconstruction; lengths in mm, attenuation in 1/mm. Raises SettingsError when out of range."""

    cloud: CloudSettings = CloudSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    rates: RateSettings = RateSettings()
    loss: LossSettings = LossSettings()
    control: ControlSettings = ControlSettings()
    tissue: TissueSettings = TissueSettings()

    def __getitem__(self, name: str) -> Any:
        """The value of a setting by its dotted name, such as `cloud.gaussians`."""
        group, _, each = name.partition(".")
        return getattr(getattr(self, group), each)

    def updated(self, values: Mapping[str, Any]) -> ReconstructionSettings:
        """The settings with changed values by dotted name; raises SettingsError when they do not fit together."""
        groups: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            group, _, each = name.partition(".")
            groups.setdefault(group, {})[each] = value
        return replace(self, **{group: replace(getattr(self, group), **each) for group, each in groups.items()})

    def flat(self) -> dict[str, Any]:
        """All values by dotted name, in the order of the groups."""
        return {name: self[name] for name in NAMES}

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """The groups as nested dictionaries, for JSON."""
        nested: dict[str, dict[str, Any]] = {}
        for name, value in self.flat().items():
            group, _, each = name.partition(".")
            nested.setdefault(group, {})[each] = value
        return nested


NAMES: tuple[str, ...] = tuple(
    f"{group.name}.{each.name}"
    for group in fields(ReconstructionSettings)
    for each in fields(group.default)  # type: ignore[arg-type]
)
"""The dotted names of all settings."""

_STANDARD = ReconstructionSettings()

PRESETS: dict[Preset, ReconstructionSettings] = {
    "preview": _STANDARD.updated(
        {
            "cloud.gaussians": 20_000,
            "cloud.background_gaussians": 6_000,
            "cloud.max_gaussians": 26_000,
            "schedule.steps": 200,
            "schedule.coarse_steps": 100,
            "schedule.refit_steps": 50,
            "loss.tv_weight": 0.48,
            "loss.gap_weight": 0.04,
        }
    ),
    "standard": _STANDARD,
    "fine": _STANDARD.updated(
        {
            "cloud.gaussians": 100_000,
            "cloud.max_gaussians": 120_000,
            "cloud.gaussians_per_view": 3600,
            "schedule.steps": 4000,
            "schedule.coarse_steps": 400,
            "schedule.refit_steps": 800,
        }
    ),
}
"""Settings for a first look, for regular use, and for the highest quality."""


def settings_for(preset: Preset) -> ReconstructionSettings:
    """The settings of a preset, for many views of bone alone; raises SettingsError for an unknown name."""
    check_choice("preset", preset, tuple(PRESETS))
    return PRESETS[preset]
