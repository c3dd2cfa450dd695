"""Settings, levels and metrics of a study in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..evaluation.labels import LABELS, Label, label
from .statistics import Mean

SETTINGS = {
    "views": "Views",
    "trajectory": "Trajectory",
    "span": "Span, °",
    "tilt": "Tilt, °",
    "pose_error": "Pose error, mm",
    "refine_poses": "Poses refined",
    "standardization": "Standardisation",
    "dose": "Relative dose",
    "c_arm": "C-arm",
    "implants": "Implants",
    "finding": "Finding",
    "preset": "Preset",
    "initialization": "Start",
    "seed": "Seed",
    "size": "Region, mm",
    "spacing": "Voxel, mm",
    "pixels": "Detector pixels",
}
"""Titles of settings, by the names in `Condition`."""
METRICS = {
    "finding_kept": Label("Finding kept", "", "Contrast to the surroundings as a fraction of that in the truth."),
    "implant_contrast": Label(
        "Implant contrast", "", "Contrast of the metal as a multiple of the attenuation of bone."
    ),
}
"""Labels of the metrics that only studies have."""
LEVELS: dict[Any, str] = {True: "yes", False: "no", None: "all", "fdk": "FDK"}


def setting(name: str) -> str:
    return SETTINGS.get(name, name)


def level(value: Any) -> str:
    """The value of a setting in words."""
    if isinstance(value, bool) or value is None:
        return LEVELS[value]
    if isinstance(value, str):
        return LEVELS.get(value, value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def condition(values: Mapping[str, Any], names: Sequence[str]) -> str:
    """Some settings of a run in one line."""
    return ", ".join(f"{setting(name).split(',')[0].lower()} {level(values.get(name))}" for name in names)


def metric(name: str) -> Label:
    return LABELS.get(name) or METRICS.get(name) or label(name)


def metric_title(name: str) -> str:
    found = metric(name)
    return f"{found.name}, {found.unit}" if found.unit else found.name


def number(value: float | None) -> str:
    if value is None or np.isnan(value):
        return "–"
    text = f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
    return text.replace("-", "−")


def signed(value: float) -> str:
    return number(value) if value < 0 else f"+{number(value)}"


def with_interval(mean: Mean | None, show: Any = number) -> str:
    """A mean and its interval, such as '0.913 (0.887 to 0.939)'."""
    if mean is None:
        return "–"
    return f"{show(mean.mean)} ({show(mean.low)} to {show(mean.high)})" if mean.has_interval else show(mean.mean)
