"""The start of an optimisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import ReconstructionError
from ..gaussians import Cloud
from ..gaussians.initialization import lattice_cloud, random_cloud, sampled_cloud
from ..geometry import Grid
from ..volume import Volume
from ..xray import XRay
from .algebraic import CoarseVolumes, coarse_volumes
from .body_model import BodyModel
from .settings import ReconstructionSettings

FILLED_SHARE = 0.3
"""Fraction of the typical attenuation above which a voxel counts as filled."""
MAX_FILLED_VOXELS = 0.5
"""Share of filled voxels from which soft tissue counts as filling the region; bone leaves most of it empty."""


@dataclass(frozen=True, eq=False)
class Findings:
    """What a coarse reconstruction shows about the region.

    typical: attenuation in 1/mm, which sets the scale of densities. tissue: whether soft tissue fills the region.
    body: the model of the body around it, if there is one.
    """

    typical: float
    tissue: bool
    body: BodyModel | None = None


@dataclass(frozen=True, eq=False)
class Start:
    """The initial cloud, its settings and the findings about the region."""

    cloud: Cloud
    settings: ReconstructionSettings
    findings: Findings


def findings_of(coarse: CoarseVolumes) -> Findings:
    """The findings of the coarse volumes; raises ReconstructionError if the region explains nothing in the X-rays."""
    if not coarse.region.any():
        raise ReconstructionError(
            "the X-rays show no attenuation that the region could explain; check that the values are line integrals "
            "(or state intensity and I0) and that region and calibration share one frame (LPS, mm)"
        )
    typical = float(np.percentile(coarse.region[coarse.region > 0], 95))
    filled = (coarse.region > FILLED_SHARE * typical).mean()
    return Findings(typical, bool(filled >= MAX_FILLED_VOXELS), coarse.body)


def coarse_start(xrays: Sequence[XRay], grid: Grid, settings: ReconstructionSettings) -> tuple[CoarseVolumes, Findings]:
    """The coarse volumes of a case, and their findings."""
    coarse = coarse_volumes(xrays, grid, settings)
    return coarse, findings_of(coarse)


def first_cloud(
    coarse: CoarseVolumes, grid: Grid, settings: ReconstructionSettings, expected: Volume | None = None
) -> Cloud:
    """The initial Gaussians of the region and its background; settings: resolved for the findings.

    expected: attenuation from which the Gaussians of the region are drawn in place of the coarse volume.
    """
    generator = np.random.default_rng((settings.schedule.seed, 0))
    cloud = settings.cloud
    if cloud.initialization == "random":
        mean = float(coarse.region.mean())
        region = random_cloud(grid, cloud.gaussians, mean, cloud.initial_overlap, generator)
    else:
        start = Volume(coarse.region, coarse.region_grid) if expected is None else expected
        region = sampled_cloud(start.values, start.grid, cloud.gaussians, cloud.initial_overlap, generator)
    if coarse.background is None:
        return region
    draw = sampled_cloud if coarse.body is None else lattice_cloud
    background = draw(
        coarse.background, coarse.background_grid, cloud.background_gaussians, cloud.initial_overlap, generator
    )
    return Cloud.concatenated(region, background)
