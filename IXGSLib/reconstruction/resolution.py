"""The settings of a run, resolved from the preset, the number of views, the user's changes and soft tissue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import SettingsError
from .settings import NAMES, Preset, ReconstructionSettings, settings_for

MAX_STEPS_FACTOR = 1.5
"""Largest factor by which few views raise the steps and the weights of the priors."""

TYPED = "set for this run"
TISSUE = "soft tissue fills the region"

NAMES_OF_0_1 = {
    "initialization": "cloud.initialization",
    "gaussians": "cloud.gaussians",
    "gaussians_per_view": "cloud.gaussians_per_view",
    "background_gaussians": "cloud.background_gaussians",
    "most_gaussians": "cloud.max_gaussians",
    "background_margin": "cloud.background_margin",
    "initial_overlap": "cloud.initial_overlap",
    "smallest_scale": "cloud.min_scale",
    "largest_scale": "cloud.max_scale",
    "largest_aspect": "cloud.max_aspect",
    "steps": "schedule.steps",
    "coarse_steps": "schedule.coarse_steps",
    "refit_steps": "schedule.refit_steps",
    "held_out": "schedule.held_out",
    "patience": "schedule.patience",
    "check_every": "schedule.check_every",
    "preview_every": "schedule.preview_every",
    "seed": "schedule.seed",
    "position_rate": "rates.position",
    "scale_rate": "rates.scale",
    "rotation_rate": "rates.rotation",
    "density_rate": "rates.density",
    "final_rate": "rates.final",
    "noise": "loss.noise_exponent",
    "ssim_weight": "loss.ssim_weight",
    "tv_weight": "loss.tv_weight",
    "tv_knee": "loss.tv_knee",
    "tv_every": "loss.tv_every",
    "tv_size": "loss.tv_size",
    "gap_weight": "loss.gap_weight",
    "gap": "loss.gap",
    "control_every": "control.every",
    "split_fraction": "control.split_fraction",
    "faintest_share": "control.min_density",
    "dense_gaussians": "tissue.max_gaussians",
    "dense_steps": "tissue.max_steps",
    "dense_tv_weight": "tissue.tv_weight",
    "dense_tv_knee": "tissue.tv_knee",
    "trunk_attenuation": "tissue.body_attenuation",
    "trunk_weight": "tissue.body_weight",
}
"""The flat names in settings files and scenes of version 0.1, and their present names."""


@dataclass(frozen=True)
class ResolvedSettings:
    """The settings of a run, and why some differ from those of the preset.

    reasons: by dotted name; they include every setting that the user set, even to the value of the preset.
    """

    settings: ReconstructionSettings
    reasons: Mapping[str, str]


def resolve(
    base: Preset | ReconstructionSettings,
    views: int | None,
    changes: Mapping[str, Any] | None = None,
    *,
    tissue: bool = False,
) -> ResolvedSettings:
    """The settings for a case with a number of views, None if it is not known yet.

    base: a preset, which is adapted to few views, or settings that are used as they are. changes: values by dotted name
    (`cloud.gaussians`), which are always used as they are. tissue: whether soft tissue fills the region; then its group
    of settings applies. Raises SettingsError for unknown names and for values that do not fit together.
    """
    changes = checked_changes(changes or {})
    reasons: dict[str, str] = {}
    if isinstance(base, ReconstructionSettings):
        found = base
    elif views is None:
        found = settings_for(base)
    else:
        preset = settings_for(base)
        limit = {name: value for name, value in changes.items() if name == "cloud.gaussians_per_view"}
        adapted = few_views_values(preset.updated(limit), views)
        reasons |= dict.fromkeys(adapted, f"adapted to {views} views")
        found = preset.updated(adapted)
    found = found.updated(changes)
    reasons |= dict.fromkeys(changes, TYPED)
    if tissue:
        adapted = {name: value for name, value in tissue_values(found, set(changes)).items() if found[name] != value}
        reasons |= dict.fromkeys(adapted, TISSUE)
        found = found.updated(adapted)
    return ResolvedSettings(found, reasons)


def few_views_values(settings: ReconstructionSettings, views: int) -> dict[str, Any]:
    """The changes for a case with few views, by dotted name: fewer Gaussians, more steps and stronger priors.

    Steps and weights of the priors grow with the square root of the factor by which the number of Gaussians shrinks, up
    to MAX_STEPS_FACTOR: the time of a step decreases more slowly than the number of Gaussians.
    """
    cloud, schedule, loss, tissue = settings.cloud, settings.schedule, settings.loss, settings.tissue
    share = cloud.gaussians_per_view * views / cloud.gaussians
    if share >= 1:
        return {}
    more = min(share**-0.5, MAX_STEPS_FACTOR)
    return {
        "cloud.gaussians": max(1, int(share * cloud.gaussians)),
        "cloud.max_gaussians": max(1, int(share * cloud.max_gaussians)),
        "schedule.steps": int(more * schedule.steps),
        "schedule.coarse_steps": int(more * schedule.coarse_steps),
        "schedule.refit_steps": int(more * schedule.refit_steps),
        "loss.tv_weight": more * loss.tv_weight,
        "loss.gap_weight": more * loss.gap_weight,
        "tissue.max_gaussians": max(1, int(share * tissue.max_gaussians)),
        "tissue.max_steps": int(more * tissue.max_steps),
    }


def tissue_values(settings: ReconstructionSettings, typed: set[str]) -> dict[str, Any]:
    """The changes for a region full of soft tissue, by dotted name; typed: names of settings that stay as they are.

    The priors for soft tissue replace those for bone, the gap penalty is left out, and Gaussians and steps are limited
    to what the noisy X-rays can determine.
    """
    cloud, schedule, tissue = settings.cloud, settings.schedule, settings.tissue
    gaussians = cloud.gaussians
    if "cloud.gaussians" not in typed:
        gaussians = min(gaussians, tissue.max_gaussians)
    share = 1.0 if "schedule.steps" in typed else min(1.0, tissue.max_steps / max(schedule.steps, 1))
    values = {
        "cloud.gaussians": gaussians,
        "cloud.max_gaussians": min(cloud.max_gaussians, gaussians + cloud.background_gaussians),
        "schedule.steps": int(share * schedule.steps),
        "schedule.coarse_steps": int(share * schedule.coarse_steps),
        "schedule.refit_steps": int(share * schedule.refit_steps),
        "loss.tv_weight": tissue.tv_weight,
        "loss.tv_knee": tissue.tv_knee,
        "loss.gap_weight": 0.0,
    }
    return {name: value for name, value in values.items() if name not in typed}


def checked_changes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Changed settings by dotted name, from JSON: nested groups, dotted names or the flat names of version 0.1.

    Raises SettingsError for a name that does not exist and for a value of the wrong type.
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        nested = isinstance(value, Mapping)
        for each, inner in ((f"{name}.{key}", inner) for key, inner in value.items()) if nested else ((name, value),):
            found[NAMES_OF_0_1.get(each, each)] = inner
    unknown = sorted(set(found) - set(NAMES))
    if unknown:
        raise SettingsError(f"unknown settings {', '.join(unknown)}, expected some of {', '.join(NAMES)}; correct them")
    example = ReconstructionSettings()
    for name, value in found.items():
        if not _is_like(value, example[name]):
            raise SettingsError(f"{name} is {value!r}, expected a value such as {example[name]!r}; correct it")
    return found


def _is_like(value: Any, example: Any) -> bool:
    """Whether a value has the type of an example; whole numbers may stand for floats, None for an automatic count."""
    if example is None:
        return value is None or (isinstance(value, int) and not isinstance(value, bool))
    if isinstance(example, float):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return type(value) is type(example)
