"""The calibration of X-rays with approximate poses that show markers at unknown positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from ...errors import GeometryError
from ...geometry import View
from ...geometry.coverage import convergence
from ...geometry.rigid import Array
from ...xray.fiducials import Fiducial, find_fiducials
from .adjustment import Scene, adjusted, joined
from .bundle import Bundle, Priors, bundled
from .camera import Intrinsics, Pose
from .detection import as_shadows
from .findings import calibrated_intrinsics, left_out, residual_warnings, view_finding
from .labelling import Labelling, Verdict, label
from .phantom import MIN_FIDUCIALS, Phantom
from .result import FiducialCalibration
from .settings import FiducialSettings
from .shots import CENTRE_SD, Shot
from .structure import Structure, structures

DIAMETERS_MM = (1.5, 6.0)
"""Diameters of markers, where they are not stated."""
MAX_PAIRS = 6
"""Number of pairs of views from which positions are computed."""
MIN_LABELLED = 3
"""Fewest views that must show the markers of a pair, its own included."""
MAX_POSE_CHANGE = 5.0
"""Change of a pose, in standard deviations of the approximate poses, above which its labels are not accepted."""
NAME = "markers"


@dataclass(frozen=True, eq=False)
class _Task:
    """Shots, their approximate views, shadows and what is known."""

    shots: Sequence[Shot]
    views: Sequence[View]
    shadows: Sequence[list[Fiducial]]
    priors: Priors
    settings: FiducialSettings


def calibrate_with_markers(
    shots: Sequence[Shot], views: Sequence[View], settings: FiducialSettings | None = None
) -> FiducialCalibration:
    """The poses of X-rays, improved by markers that several of them show, in the frame of the approximate poses.

    views: the approximate view of each shot. Lengths come from `known_distance_mm` or else from the approximate poses.
    Raises GeometryError where no positions of markers explain at least MIN_LABELLED views.
    """
    settings = settings or FiducialSettings()
    middle = convergence(views)
    task = _Task(shots, views, _shadows(shots, views, middle, settings), _priors(shots, views, settings), settings)
    phantom, verdicts = _best_labels(task, middle)
    labelled = {n: one.labelling for n, one in enumerate(verdicts) if one.labelling is not None}
    bundle = bundled(shots, phantom, task.shadows, labelled, task.priors)
    bundle, scale = _scaled(bundle, settings)
    findings = []
    for n, shot in enumerate(shots):
        place = bundle.place(n)
        if place is None:
            findings.append(left_out(shot, task.shadows[n], verdicts[n].reason))
        else:
            findings.append(view_finding(shot, task.shadows[n], phantom.labels, bundle, place, settings))
    return FiducialCalibration(
        tuple(findings),
        calibrated_intrinsics(bundle),
        phantom.labels,
        bundle.scene.positions,
        scale,
        f"{len(phantom)} {NAME}",
        tuple(residual_warnings(bundle, shots[0].size)),
    )


def _shadows(
    shots: Sequence[Shot], views: Sequence[View], middle: Array, settings: FiducialSettings
) -> list[list[Fiducial]]:
    """The markers found in all views at once, so that only shadows of one size and contrast count."""
    size = settings.diameter_mm
    diameters = DIAMETERS_MM if size is None else (0.8 * size, 1.25 * size)
    images, masks = [shot.image for shot in shots], [shot.mask for shot in shots]
    pixels = [view.pixel_size(middle) for view in views]
    return find_fiducials(images, masks, pixels, diameters)


def _priors(shots: Sequence[Shot], views: Sequence[View], settings: FiducialSettings) -> Priors:
    """The approximate poses and the mean intrinsics of views of one size."""
    if len({view.size for view in views}) > 1:
        raise GeometryError("the X-rays have different sizes, expected one; calibrate each size on its own")
    width, _ = views[0].size
    K = np.mean([view.K for view in views], axis=0)
    intrinsics = Intrinsics(
        float(K[0, 0]),
        (float(K[0, 2]), float(K[1, 2])),
        views[0].size,
        float(K[1, 1] / K[0, 0]),
        focal_sd=settings.focal_tolerance,
        centre_sd=CENTRE_SD * width,
    )
    poses = {n: Pose.of(view) for n, view in enumerate(views)}
    rotation = float(np.deg2rad(settings.rotation_tolerance_deg))
    return Priors(intrinsics, np.inf, poses, rotation, settings.translation_tolerance_mm)


def _best_labels(task: _Task, middle: Array) -> tuple[Phantom, list[Verdict]]:
    """The positions from a pair of views that explain most shadows of all views, and the labels of these."""
    pixels = [as_shadows(one).pixels for one in task.shadows]
    best: tuple[int, Phantom, list[Verdict]] | None = None
    most = sum(len(one) >= MIN_FIDUCIALS for one in task.shadows)
    pairs = structures(task.views, pixels, middle, task.settings.translation_tolerance_mm)
    for structure in islice(pairs, MAX_PAIRS):
        phantom = _phantom(structure, task, pixels)
        if phantom is None:
            continue
        verdicts = [_label(phantom, n, task) for n in range(len(task.shots))]
        explained = sum(len(one.labelling) for one in verdicts if one.labelling)
        if best is None or explained > best[0]:
            best = (explained, phantom, verdicts)
        if sum(one.labelling is not None for one in verdicts) >= 0.9 * most:
            break
    if best is None or sum(one.labelling is not None for one in best[2]) < MIN_LABELLED:
        counts = [len(one) for one in task.shadows]
        raise GeometryError(
            f"no positions of markers explain {MIN_LABELLED} of {len(task.shots)} X-rays ({min(counts)} to "
            f"{max(counts)} round shadows in each); expected at least {MIN_FIDUCIALS} metal balls in every X-ray and "
            "poses that are right within --rotation-tolerance-deg and --translation-tolerance-mm; for a phantom give "
            "--phantom"
        )
    return best[1], best[2]


def _phantom(structure: Structure, task: _Task, pixels: Sequence[Array]) -> Phantom | None:
    """The markers of a pair of views after an adjustment of its poses; None where they cannot label other views."""
    if len(structure.first) < MIN_FIDUCIALS:
        return None
    numbers = np.arange(len(structure.first))
    first, second = structure.views
    prior = task.priors.of(structure.views)
    assert prior is not None
    seen = joined([(numbers, pixels[first][structure.first]), (numbers, pixels[second][structure.second])])
    start = Scene(task.priors.intrinsics, prior.poses, structure.positions, np.zeros(len(numbers)), np.inf, prior)
    scene = adjusted(start, seen).scene
    kept = np.linalg.norm(scene.residuals(seen), axis=1).reshape(2, -1).max(axis=0) < 1.0
    try:
        return Phantom(scene.positions[kept], name=NAME)
    except GeometryError:
        return None


def _label(phantom: Phantom, n: int, task: _Task) -> Verdict:
    """The labels of a view if its pose is near the approximate one."""
    verdict = label(
        phantom, as_shadows(task.shadows[n], task.shots[n].mask), task.priors.intrinsics, task.settings.seed
    )
    one = verdict.labelling
    if one is None or task.priors.poses is None:
        return verdict
    return (
        verdict
        if _is_near(one, task.priors.poses[n], phantom, task.priors)
        else Verdict(None, "its labels would move the view far from its approximate pose")
    )


def _is_near(one: Labelling, pose: Pose, phantom: Phantom, priors: Priors) -> bool:
    middle = phantom.positions.mean(axis=0)
    turn = np.arccos(np.clip((np.trace(one.pose.rotation @ pose.rotation.T) - 1) / 2, -1, 1))
    shift = one.pose.rotation @ middle + one.pose.translation - pose.rotation @ middle - pose.translation
    # The pair's own errors are in the positions, so that both count.
    limit = np.sqrt(2) * MAX_POSE_CHANGE
    return bool(turn <= limit * priors.rotation_sd and np.linalg.norm(shift) <= limit * priors.translation_sd)


def _scaled(bundle: Bundle, settings: FiducialSettings) -> tuple[Bundle, str]:
    """The bundle with lengths from the known distance, and in words where lengths come from."""
    positions = bundle.scene.positions
    gaps = np.linalg.norm(positions[:, None] - positions, axis=-1)
    if settings.known_distance_mm is None:
        return bundle, f"from the approximate poses; the two furthest markers are {gaps.max():.1f} mm apart"
    factor = settings.known_distance_mm / float(gaps.max())
    middle = positions.mean(axis=0)
    poses = []
    for pose in bundle.scene.poses:
        seen = factor * (pose.rotation @ middle + pose.translation)
        poses.append(Pose(pose.rotation, seen - pose.rotation @ middle))
    scene = replace(bundle.scene, positions=middle + factor * (positions - middle), poses=tuple(poses))
    scaled = replace(bundle, result=replace(bundle.result, scene=scene))
    return scaled, f"from the known distance of {settings.known_distance_mm:g} mm between the two furthest markers"
