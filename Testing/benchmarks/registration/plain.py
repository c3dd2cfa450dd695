"""Plain alternatives: the intensities of each vertebra, by general optimisers of libraries, from several starts.

In the volume: SimpleITK registers the CT around a vertebra to a coarse algebraic reconstruction. In the images: SciPy's
Powell method maximises the correlation of digitally reconstructed radiographs of the vertebra with the X-rays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import distance_transform_edt
from scipy.optimize import minimize

from IXGSLib.formats import Case
from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import Array, apply, inverse
from IXGSLib.reconstruction.algebraic import sirt
from IXGSLib.registration.adjustment import turned
from IXGSLib.registration.pictures import pictures
from IXGSLib.rendering.joseph import project_volume
from IXGSLib.simulation.attenuation import bone_enhanced
from IXGSLib.xray.reduction import reduced
from Testing.benchmarks.registration.patients import Patient

RIM_MM = 5.0
TRIES = ((0, 0, 0), (0, 0, 8), (0, 0, -8), (8, 0, 0), (-8, 0, 0))
"""Shifts of the starts in mm; the best result counts."""
VOLUME_SPACING = 2.5
UNITS = np.array([0.05, 0.05, 0.05, 3.0, 3.0, 3.0])
"""Radians and mm that Powell's method counts as one."""
EVALUATIONS, REDUCTION = 200, 4


def in_volume(patient: Patient, case: Case, start: Array, labels: Mapping[str, int]) -> dict[str, Array]:
    """(4, 4) world_from_ct of each vertebra by SimpleITK."""
    grid = case.grid.with_spacing(VOLUME_SPACING)
    target = _image(sirt(pictures(case, "auto"), grid), grid)
    return {name: _registered(patient, label, target, start) for name, label in labels.items()}


def _registered(patient: Patient, label: int, target: sitk.Image, start: Array) -> Array:
    attenuation, near, grid = part_of(patient, label)
    moving, mask = _image(attenuation, grid), _image(near.astype(np.uint8), grid)
    best: tuple[float, Array] = (np.inf, start)
    for shift in TRIES:
        transform = sitk.Euler3DTransform()
        pose = start.copy()
        pose[:3, 3] += shift
        back = inverse(pose)
        transform.SetCenter(apply(pose, patient.center(label)).tolist())
        transform.SetMatrix(back[:3, :3].ravel().tolist())
        center = np.array(transform.GetCenter())
        transform.SetTranslation((apply(back, center) - center).tolist())
        method = sitk.ImageRegistrationMethod()
        method.SetMetricAsCorrelation()
        method.SetMetricMovingMask(mask)
        method.SetInterpolator(sitk.sitkLinear)
        method.SetOptimizerAsRegularStepGradientDescent(2.0, 0.02, 100)
        method.SetOptimizerScalesFromPhysicalShift()
        method.SetShrinkFactorsPerLevel([4, 2, 1])
        method.SetSmoothingSigmasPerLevel([4, 2, 1])
        method.SetInitialTransform(transform, inPlace=True)
        try:
            method.Execute(target, moving)
        except RuntimeError:  # the vertebra left the volume
            continue
        if method.GetMetricValue() < best[0]:
            best = (method.GetMetricValue(), inverse(_matrix(transform)))
    return best[1]


def in_images(patient: Patient, case: Case, start: Array, labels: Mapping[str, int]) -> dict[str, Array]:
    """(4, 4) world_from_ct of each vertebra by Powell's method."""
    xrays = [reduced(xray, REDUCTION // 2) for xray in pictures(case, "auto")]
    return {name: _searched(patient, label, xrays, start) for name, label in labels.items()}


def _searched(patient: Patient, label: int, xrays: list, start: Array) -> Array:
    attenuation, _, grid = part_of(patient, label)
    center = apply(start, patient.center(label))

    def pose_of(change: Array, shift: tuple[float, float, float]) -> Array:
        return turned(start, change * UNITS + (0, 0, 0, *shift), center)

    def dissimilarity(change: Array, shift: tuple[float, float, float]) -> float:
        pose = pose_of(change, shift)
        moved = Grid(grid.shape, grid.spacing, apply(pose, grid.origin), pose[:3, :3] @ grid.direction)
        losses = []
        for xray in xrays:
            image = project_volume(attenuation, moved, xray.view)
            seen = (image > 0) & xray.mask
            enough = seen.sum() > 100
            losses.append(1 - np.corrcoef(image[seen], xray.image[seen])[0, 1] if enough else 1.0)
        return float(np.mean(losses))

    found = []
    for shift in TRIES:
        options = {"maxfev": EVALUATIONS, "xtol": 0.02}
        result = minimize(dissimilarity, np.zeros(6), (shift,), method="Powell", options=options)
        found.append((result.fun, pose_of(result.x, shift)))
    return min(found, key=lambda each: each[0])[1]


def part_of(patient: Patient, label: int) -> tuple[np.ndarray, np.ndarray, Grid]:
    """The attenuation of a vertebra with a rim, where it is, and the grid of this part of the CT."""
    inside = np.argwhere(patient.labels == label)
    rim = np.ceil(RIM_MM / patient.grid.spacing[::-1]).astype(int)
    low, high = np.maximum(inside.min(axis=0) - rim, 0), inside.max(axis=0) + rim + 1
    window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    own = patient.labels[window] == label
    near = distance_transform_edt(~own, sampling=patient.grid.spacing[::-1]) <= RIM_MM
    near &= (patient.labels[window] == 0) | own
    attenuation = np.where(near, bone_enhanced(patient.hounsfield[window]), 0).astype(np.float32)
    origin = apply(patient.grid.world_from_index, low[::-1])
    return attenuation, near, replace(patient.grid, shape=attenuation.shape, origin=origin)


def _image(values: np.ndarray, grid: Grid) -> sitk.Image:
    image = sitk.GetImageFromArray(values)
    image.SetOrigin(grid.origin.tolist())
    image.SetSpacing(grid.spacing.tolist())
    image.SetDirection(grid.direction.ravel().tolist())
    return image


def _matrix(transform: sitk.Transform) -> Array:
    matrix = np.eye(4)
    corners = np.array([transform.TransformPoint(point) for point in [(0.0, 0.0, 0.0), *np.eye(3).tolist()]])
    matrix[:3, :3], matrix[:3, 3] = (corners[1:] - corners[0]).T, corners[0]
    return matrix
