"""The field left open by the blades or the iris of a collimator."""

from __future__ import annotations

import numpy as np

from ..geometry import View
from .imaging_settings import ImagingSettings


def exposed(view: View, settings: ImagingSettings, pixel: float) -> np.ndarray:
    """(height, width) float32: fraction of the beam that reaches each pixel of `pixel` mm, with a linear penumbra."""
    width, height = view.size
    if settings.field == "open":
        return np.ones((height, width), np.float32)
    y, x = (np.indices((height, width), np.float32) - (np.array([[[height]], [[width]]]) - 1) / 2) * pixel
    half = settings.field_size * min(width, height) * pixel / 2
    if settings.field == "round":
        inside = half - np.hypot(x, y)
    else:
        turn = np.deg2rad(settings.field_angle)
        inside = half - np.maximum(
            np.abs(x * np.cos(turn) + y * np.sin(turn)), np.abs(y * np.cos(turn) - x * np.sin(turn))
        )
    opened = np.clip(inside / max(settings.field_penumbra, 1e-6) + 0.5, 0, 1)
    return (settings.leakage + (1 - settings.leakage) * opened).astype(np.float32)
