"""From a CT to the case that a C-arm would record."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import IXGSNotice, SettingsError
from ..formats import Case
from ..geometry import Grid, View
from ..geometry.coverage import check_views
from ..rendering.joseph import project_volume
from ..volume import Volume
from ..volume.images import read_image
from ..xray import XRay
from .attenuation import all_tissue, bone_enhanced, check_hounsfield
from .contrast_agent import without_contrast_agent
from .poses import poses
from .radiographs import noisy, stored
from .region import means, slabs
from .settings import SimulationSettings

CT = str | os.PathLike[str] | tuple[np.ndarray, Grid]
TRUTH_STEP_PER_MM = 2.0**-18
"""Attenuation to whose multiples the truth is rounded so that files compress: a fifth of one HU."""


@dataclass(frozen=True, eq=False)
class Simulation:
    """Radiographs of a CT, and the true attenuation.

    training: the case to reconstruct from, with noise.
    test: views between those, without noise, as a reference for renders.
    truth: the attenuation in the region; each voxel is the mean over its box.
    """

    training: Case
    test: Case
    truth: Volume
    settings: SimulationSettings


def simulate(ct: CT, settings: SimulationSettings | None = None) -> Simulation:
    """The radiographs of a CT along a C-arm's trajectory and the true attenuation in the region.

    ct: the path of an image file or a DICOM series, or its Hounsfield units [k, j, i] with their grid.
    settings: by default those of `SimulationSettings`.
    HU are converted to attenuation voxel by voxel, before anything is averaged, so that truth and radiographs show the
    same object. Rays are infinitely thin and end at the centres of the pixels.
    Warns of values that do not look like HU and of a region beyond the CT. Raises SettingsError for a region without
    attenuation, GeometryError for a C-arm inside the region, and what `read_image` raises.
    """
    settings = SimulationSettings() if settings is None else settings
    body = _attenuation(ct, settings)
    center = body.grid.center if settings.center is None else np.array(settings.center)
    region = Grid.centered(center, np.full(3, settings.size), settings.spacing)
    training, test = poses(settings, center)
    check_views(training, region)
    _check_inside(region, body.grid)
    truth, line_integrals = _observed(body, region, [*training, *test], settings.crop)
    count = len(training)
    if settings.photons:
        generator = np.random.default_rng([settings.seed, 1])  # another stream than that of random poses
        line_integrals[:count] = [noisy(image, settings.photons, generator) for image in line_integrals[:count]]
    return Simulation(
        Case(_xrays(training, line_integrals[:count]), region, settings.name),
        Case(_xrays(test, line_integrals[count:]), region, f"{settings.name} (test)"),
        truth,
        settings,
    )


def _attenuation(ct: CT, settings: SimulationSettings) -> Volume:
    """The whole CT as attenuation on its own lattice."""
    (values, grid), name = (ct, "CT") if isinstance(ct, tuple) else (read_image(ct), Path(ct).name)
    if settings.tissue == "all":
        check_hounsfield(values, -1000.0, name)
        return Volume(all_tissue(values), grid)
    check_hounsfield(values, settings.bone_threshold, name)
    if settings.contrast_agent:
        values = without_contrast_agent(values, grid)
    return Volume(bone_enhanced(values, settings.bone_threshold, settings.bone_softness), grid)


def _observed(body: Volume, region: Grid, views: list[View], crop: bool) -> tuple[Volume, list[np.ndarray]]:
    """The mean attenuation in each voxel of the region, and the noise-free line integrals of each view."""
    truth = np.zeros(region.shape)
    images = [np.zeros(view.size[::-1]) for view in views]

    def expose(scene: Volume) -> None:
        for image, view in zip(images, views, strict=True):
            image += project_volume(scene.values, scene.grid, view)

    for layers, fine in slabs(body, region):
        truth[layers] = means(fine, truth[layers].shape)
        if crop:
            expose(fine)
    if not truth.max() > 0:
        raise SettingsError(
            f"the region of {_words(region)} holds no attenuation; the CT's centre is at "
            f"{np.round(body.grid.center, 1).tolist()}, its size {np.round(body.grid.size, 1).tolist()} mm: move center"
        )
    if not crop:
        expose(body)
    return Volume(np.rint(truth / TRUTH_STEP_PER_MM) * TRUTH_STEP_PER_MM, region), images


def _xrays(views: list[View], line_integrals: list[np.ndarray]) -> tuple[XRay, ...]:
    images = [stored(image) for image in line_integrals]
    return tuple(XRay(view, image, np.ones(image.shape, bool)) for view, image in zip(views, images, strict=True))


def _check_inside(region: Grid, ct: Grid) -> None:
    if not ct.contains(region.corners()).all():
        warnings.warn(
            f"the region of {_words(region)} reaches beyond the CT, where nothing attenuates; move its center "
            "or make it smaller",
            IXGSNotice,
            stacklevel=3,
        )


def _words(region: Grid) -> str:
    """A description of the region for messages."""
    return f"{region.size[0]:g} mm around {np.round(region.center, 1).tolist()} (LPS mm)"
