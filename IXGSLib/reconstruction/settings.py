"""How a reconstruction is made, as one value that library, command line and panel share."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from ..errors import SettingsError

Preset = Literal["preview", "standard", "fine"]


@dataclass(frozen=True)
class ReconstructionSettings:
    """Every choice of a reconstruction; lengths in mm, attenuation in 1/mm. Raises SettingsError when out of range."""

    # The cloud
    initialization: Literal["algebraic", "random"] = "algebraic"
    gaussians: int = 50_000
    """In the region, at the start."""
    gaussians_per_view: int = 1800
    """A preset gives a case of few views no more than this for each, for they cannot tell more of them apart."""
    dense_gaussians: int = 50_000
    """Most in a region full of soft tissue, whose X-rays are so noisy that more of them fit the noise."""
    background_gaussians: int = 12_000
    """Around the region, for what lies outside it and projects into the images; none are spent when nothing does."""
    most_gaussians: int = 62_000
    """Up to how many density control may add, all counted."""
    background_margin: float = 160.0
    """How far around the region the background may reach, mm; less where that explains the X-rays as well, half as far
    again for the trunk around a region of soft tissue."""
    trunk_attenuation: float = 0.0198
    """Of the soft tissue, bone and gas of a trunk together, 1/mm: an elliptic cylinder of it surrounds a region that
    X-rays show full of tissue; 0 expects none."""
    initial_overlap: float = 0.7
    """Standard deviation of a Gaussian at the start, in units of the distance between neighbours."""
    smallest_scale: float = 0.2
    largest_scale: float = 20.0
    largest_aspect: float = 10.0
    """Longest over shortest standard deviation of a Gaussian: the limit against needles."""

    # The schedule
    steps: int = 2000
    """With all `gaussians`; where a preset gives fewer, up to one and a half times as many, in about the same time."""
    dense_steps: int = 2000
    """Most for a region full of soft tissue, where more fit the noise."""
    coarse_steps: int = 200
    """Steps at half the image size, which come first."""
    refit_steps: int = 400
    """The last steps, which use the held-out views too."""
    held_out: int | None = None
    """Views kept back to watch the progress; None takes one in fifteen, and none below twelve views, where each is
    worth more than the watch."""
    patience: int = 6
    """Checks of the held-out views without a better one before the refit begins."""
    check_every: int = 100
    preview_every: int = 0
    """Steps between coarse volumes in the progress; 0 sends none."""
    seed: int = 0

    # Adam
    position_rate: float = 0.2
    """mm per step."""
    scale_rate: float = 0.04
    """Of the logarithm of the scale."""
    rotation_rate: float = 0.02
    density_rate: float = 0.04
    """Of the raw density."""
    final_rate: float = 0.1
    """What is left of each rate at the last step."""

    # The loss
    noise: float = 0.5
    """How fast noise grows with the line integral p, as exp(noise p), by which differences are divided: a half is that
    of quanta, which get fewer as exp(-p); 0 counts all pixels alike."""
    ssim_weight: float = 0.25
    tv_weight: float = 0.2
    tv_knee: float = 0.01
    """Difference between neighbouring voxels, as a share of the typical attenuation, beyond which total variation
    grows as a square root: that keeps edges sharp."""
    dense_tv_weight: float = 0.15
    dense_tv_knee: float = 0.025
    """The same for a region full of soft tissue, whose contrasts are weaker."""
    trunk_weight: float = 0.05
    """Weight of the squared differences from the trunk where soft tissue fills the region: too little is known of what
    lies beyond the detector to set the level within. Taken with the total variation."""
    tv_every: int = 16
    """Steps from one look at total variation to the next; each counts for all of them."""
    tv_size: int = 128
    """Voxels along each side of the random sub-grid on which it is taken; a smaller region is taken whole."""
    gap_weight: float = 0.01
    """Weight of attenuation between zero and bone, which bone-enhanced X-rays have none of; taken with the total
    variation, and only where most of the region is empty."""
    gap: float = 1.1
    """Attenuation of the softest bone as a share of the typical attenuation."""

    # Density control
    control_every: int = 100
    split_fraction: float = 0.02
    """Share of the Gaussians with the largest gradients that are cloned or split at each control."""
    faintest_share: float = 5e-4
    """Gaussians below this share of the typical attenuation are removed."""

    def __post_init__(self) -> None:
        for name, low in _LOWEST.items():
            value = getattr(self, name)
            if value is not None and not value >= low:
                raise SettingsError(f"{name} is {value}, expected at least {low}")
        for name in ("split_fraction", "final_rate", "faintest_share"):
            if getattr(self, name) > 1:
                raise SettingsError(f"{name} is {getattr(self, name)}, expected at most 1")
        if self.initialization not in ("algebraic", "random"):
            raise SettingsError(f"initialization is '{self.initialization}', expected 'algebraic' or 'random'")
        if not self.smallest_scale < self.largest_scale:
            raise SettingsError(
                f"smallest_scale {self.smallest_scale} mm is not below largest_scale {self.largest_scale} mm"
            )
        if self.coarse_steps + self.refit_steps > self.steps:
            raise SettingsError(
                f"coarse_steps {self.coarse_steps} and refit_steps {self.refit_steps} are more than steps {self.steps}"
            )

    def for_views(self, count: int) -> ReconstructionSettings:
        """The settings of a case with `count` views: these, or fewer Gaussians, more steps and stronger priors.

        Steps and the weights of the priors grow with the root of what the Gaussians shrink by, up to MOST_MORE times: a
        step costs more than its Gaussians.
        """
        share = min(1.0, self.gaussians_per_view * count / self.gaussians)
        if share == 1:
            return self
        more = min(share**-0.5, MOST_MORE)
        return replace(
            self,
            gaussians=max(1, int(share * self.gaussians)),
            dense_gaussians=max(1, int(share * self.dense_gaussians)),
            most_gaussians=max(1, int(share * self.most_gaussians)),
            steps=int(more * self.steps),
            dense_steps=int(more * self.dense_steps),
            coarse_steps=int(more * self.coarse_steps),
            refit_steps=int(more * self.refit_steps),
            tv_weight=more * self.tv_weight,
            gap_weight=more * self.gap_weight,
        )

    def for_tissue(self) -> ReconstructionSettings:
        """The settings of a region full of soft tissue: these, or no more Gaussians and steps than suit it."""
        gaussians = min(self.gaussians, self.dense_gaussians)
        share = min(1.0, self.dense_steps / max(self.steps, 1))
        return replace(
            self,
            gaussians=gaussians,
            most_gaussians=min(self.most_gaussians, gaussians + self.background_gaussians),
            steps=int(share * self.steps),
            coarse_steps=int(share * self.coarse_steps),
            refit_steps=int(share * self.refit_steps),
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ReconstructionSettings:
        """The settings of a JSON object; raises SettingsError for names that do not exist."""
        unknown = sorted(set(values) - set(cls.__dataclass_fields__))
        if unknown:
            raise SettingsError(
                f"unknown settings {', '.join(unknown)}; known are {', '.join(cls.__dataclass_fields__)}"
            )
        return cls(**values)


MOST_MORE = 1.5
"""Steps, and weights of the priors, of a case with few views to those of one with many."""

_LOWEST: dict[str, float] = {
    "gaussians": 1,
    "gaussians_per_view": 1,
    "dense_gaussians": 1,
    "background_gaussians": 0,
    "most_gaussians": 1,
    "background_margin": 0.0,
    "trunk_attenuation": 0.0,
    "initial_overlap": 0.05,
    "smallest_scale": 0.01,
    "largest_aspect": 1.0,
    "steps": 0,
    "dense_steps": 0,
    "coarse_steps": 0,
    "refit_steps": 0,
    "held_out": 0,
    "patience": 1,
    "check_every": 1,
    "preview_every": 0,
    "seed": 0,
    "position_rate": 0.0,
    "scale_rate": 0.0,
    "rotation_rate": 0.0,
    "density_rate": 0.0,
    "final_rate": 1e-6,
    "noise": 0.0,
    "ssim_weight": 0.0,
    "tv_weight": 0.0,
    "tv_knee": 1e-6,
    "dense_tv_weight": 0.0,
    "dense_tv_knee": 1e-6,
    "trunk_weight": 0.0,
    "tv_every": 1,
    "tv_size": 2,
    "gap_weight": 0.0,
    "gap": 0.01,
    "control_every": 1,
    "split_fraction": 0.0,
    "faintest_share": 0.0,
}

_STANDARD = ReconstructionSettings()

PRESETS: dict[Preset, ReconstructionSettings] = {
    "preview": replace(
        _STANDARD,
        gaussians=20_000,
        background_gaussians=6_000,
        most_gaussians=26_000,
        steps=200,
        coarse_steps=100,
        refit_steps=50,
        tv_weight=0.48,
        gap_weight=0.04,
    ),
    "standard": _STANDARD,
    "fine": replace(
        _STANDARD,
        gaussians=100_000,
        most_gaussians=120_000,
        gaussians_per_view=3600,
        steps=4000,
        coarse_steps=400,
        refit_steps=800,
    ),
}
"""Settings for a first look, for use, and for the most that the X-rays can give."""


def settings_for(preset: Preset) -> ReconstructionSettings:
    """The settings of a preset; raises SettingsError for a name that is none."""
    if preset not in PRESETS:
        raise SettingsError(f"preset '{preset}', expected one of {', '.join(PRESETS)}")
    return PRESETS[preset]
