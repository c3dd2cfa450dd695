"""Perceptual and structural similarity of a volume and the truth, in slices in a bone window."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import IXGSError, SettingsError
from ..volume import Volume
from ..volume.bone import ENHANCED_THRESHOLD, WATER, nominal_threshold
from ..volume.resampling import resample

WHITE = 2.5 * WATER
"""Attenuation in 1/mm that is shown white: 1500 HU, as in a CT's bone window of level 500 and width 2000."""
BLACK = 0.5 * WATER
"""Attenuation that is shown black where there is soft tissue: -500 HU; 0 where soft tissue has been suppressed."""
MIN_BONE = 0.005
"""Fraction of a slice above the bone threshold in the truth, below which it shows no anatomy and does not count."""
MIN_SIDE = 41
"""Pixels along the shorter side of a slice below which VIF is not defined."""
MODULES = {"haarpsi": "haarpsi", "vif": "vif", "gmsd": "gmsd"}
"""The module of piq that each metric is in."""
PIECE = 32
"""Slices that are compared at a time."""


@dataclass(frozen=True)
class PerceptualMetrics:
    """Means over slices of a volume and the truth, nan with a note where not defined.

    haarpsi: Reisenhofer et al., Signal Processing: Image Communication 2018; 1 for equal pictures. vif: pixel domain,
    Sheikh and Bovik, IEEE TIP 2006; 1 for equal pictures. gmsd: Xue et al., IEEE TIP 2014; 0 for equal pictures.
    """

    haarpsi: float
    vif: float
    gmsd: float
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, float | None]:
        """The metrics by name, None where not finite."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "notes"}
        return {name: float(value) if np.isfinite(value) else None for name, value in values.items()}


def compare_perceptually(volume: Volume, truth: Volume, window: tuple[float, float] | None = None) -> PerceptualMetrics:
    """HaarPSI, VIF and GMSD of all slices of the truth that show bone, along the three axes of its grid.

    volume: resampled on the grid of the truth where the grids differ. window: attenuations in 1/mm that are shown black
    and white; by default a bone window. Raises IXGSError where piq is not installed, SettingsError for an empty window.
    """
    low, high = bone_window(truth) if window is None else window
    if not low < high:
        raise SettingsError(f"window is from {low} to {high} 1/mm, expected the lower value first")
    metrics = _metrics()
    found: dict[str, list[float]] = {name: [] for name in metrics}
    pictures = [np.clip((each.values - low) / (high - low), 0, 1) for each in (resample(volume, truth.grid), truth)]
    bone = truth.values > nominal_threshold(truth)
    for axis in range(3):
        shown = np.flatnonzero(np.moveaxis(bone, axis, 0).mean(axis=(1, 2)) >= MIN_BONE)
        pair = [np.moveaxis(picture, axis, 0)[shown] for picture in pictures]
        if len(shown) and min(pair[0].shape[1:]) >= MIN_SIDE:
            for name, metric in metrics.items():
                found[name] += _values(metric, *pair)
    if not all(found.values()):
        note = f"perceptual metrics need slices with bone of at least {MIN_SIDE} x {MIN_SIDE} voxels"
        nan = float("nan")
        return PerceptualMetrics(nan, nan, nan, (note,))
    means = {name: float(np.mean(values)) for name, values in found.items()}
    return PerceptualMetrics(means["haarpsi"], means["vif"], means["gmsd"])


def bone_window(truth: Volume) -> tuple[float, float]:
    """The attenuations in 1/mm that are shown black and white."""
    return (0.0 if nominal_threshold(truth) == ENHANCED_THRESHOLD else BLACK), WHITE


def _values(metric: Callable[..., Any], first: np.ndarray, second: np.ndarray) -> list[float]:
    import torch

    values = []
    for start in range(0, len(first), PIECE):
        pair = [torch.from_numpy(np.ascontiguousarray(each[start : start + PIECE, None])) for each in (first, second)]
        values += metric(*pair, data_range=1.0, reduction="none").flatten().tolist()
    return values


def _metrics() -> dict[str, Callable[..., Any]]:
    modules = _piq()
    return {"haarpsi": modules["haarpsi"].haarpsi, "vif": modules["vif"].vif_p, "gmsd": modules["gmsd"].gmsd}


def _piq() -> dict[str, ModuleType]:
    """The modules of piq that are needed.

    `import piq` also imports torchvision and its networks, which fails where torch and torchvision are not of the same
    build, such as for the CPU and for CUDA. None of that is needed here, hence the modules are imported without the
    package around them, which is then forgotten.
    """
    if "piq" in sys.modules:
        return {name: importlib.import_module(f"piq.{module}") for name, module in MODULES.items()}
    spec = importlib.util.find_spec("piq")
    if spec is None or spec.submodule_search_locations is None:
        raise IXGSError("perceptual metrics need piq, which is not installed; pip install 'IXGSLib[perceptual]'")
    package = ModuleType("piq")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["piq"] = package
    try:
        return {name: importlib.import_module(f"piq.{module}") for name, module in MODULES.items()}
    finally:
        for name in [name for name in sys.modules if name == "piq" or name.startswith("piq.")]:
            del sys.modules[name]
