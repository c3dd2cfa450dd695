"""The distortion of an image intensifier that the phantom itself shows, where there are no shots of a grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...xray import XRay
from ...xray.distortion import Distortion
from .adjustment import Scene, adjusted, joined
from .camera import BEND_ORDER, Intrinsics, Pose, bent
from .phantom import Phantom
from .reading import ShotImages
from .result import FiducialCalibration
from .systematic import pattern

BEND_SD = 0.02
"""Standard deviation of each term of the distortion, in halves of the image."""
MIN_SHADOWS = 60
"""Fewest shadows of fiducials from which a distortion is computed."""
LATTICE = 24
"""Number of points along each side of the image at which the distortion is sampled."""


@dataclass(frozen=True, eq=False)
class SelfDistortion:
    """A distortion, and the largest shift in px that it makes where fiducials were seen."""

    distortion: Distortion
    largest: float


def self_distortion(calibration: FiducialCalibration, phantom: Phantom, nominal: Intrinsics) -> SelfDistortion | None:
    """The distortion that the residuals of a calibration show; None where they follow no pattern.

    nominal: the intrinsics before the calibration, with their uncertainty.
    """
    numbers = {label: n for n, label in enumerate(phantom.labels)}
    kept = [finding for finding in calibration.findings if finding.view is not None]
    parts = []
    for finding in kept:
        used = [one for one in finding.fiducials if one.found is not None]
        parts.append((np.array([numbers[one.label] for one in used]), np.array([one.found for one in used])))
    if sum(len(part[0]) for part in parts) < MIN_SHADOWS:
        return None
    seen = joined(parts)
    lens = replace(calibration.intrinsics, focal_sd=nominal.focal_sd, aspect_sd=nominal.aspect_sd)
    lens = replace(lens, centre=nominal.centre, centre_sd=nominal.centre_sd)
    poses = tuple(Pose.of(finding.view) for finding in kept if finding.view is not None)
    scene = adjusted(Scene(lens, poses, phantom.positions, phantom.radii), seen).scene
    if pattern(seen.pixel, scene.residuals(seen), nominal.size) is None:
        return None
    bend = adjusted(replace(scene, intrinsics=lens, bend_sd=BEND_SD), seen).scene.bend
    assert bend is not None
    width, height = nominal.size
    x, y = np.meshgrid(np.linspace(0, width - 1, LATTICE), np.linspace(0, height - 1, LATTICE))
    ideal = np.stack([x.ravel(), y.ravel()], axis=1)
    distortion = Distortion.fitted(ideal, bent(ideal, nominal.size, bend), nominal.size, BEND_ORDER, float(width))
    shift = np.linalg.norm(bent(seen.pixel, nominal.size, bend) - seen.pixel, axis=1)
    return SelfDistortion(distortion, float(shift.max()))


def undistorted_by(images: ShotImages, found: SelfDistortion) -> ShotImages:
    """The X-rays without a distortion, and the record that says so."""
    xrays = []
    for xray in images.xrays:
        image, mask = found.distortion.undistort(xray.image, xray.mask)
        xrays.append(XRay(xray.view, image, mask, xray.values))
    record = {"order": BEND_ORDER, "from": "the phantom", "largest_px": round(found.largest, 3)}
    return replace(images, xrays=tuple(xrays), distortion=record)
