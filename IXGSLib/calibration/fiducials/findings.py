"""From adjusted views to the result: residuals, views that are left out, warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...geometry.rigid import Array
from ...xray.fiducials import Fiducial
from .bundle import Bundle, common_radius, with_positions_held
from .camera import Intrinsics, project
from .labelling import INLIER_PX, inside
from .result import FiducialFinding, ViewFinding
from .settings import FiducialSettings
from .shots import Shot
from .systematic import pattern

MAX_FOCAL_SD = 0.02
"""Relative standard deviation of the calibrated focal length from which a warning is given."""
MAX_FOCAL_CHANGE = 0.05
"""Relative difference between the stated and the calibrated focal length from which a warning is given."""
MAX_RADIUS_RATIO = 1.6
"""Ratio of measured to stated radii of the fiducials from which a warning is given."""


def view_finding(
    shot: Shot,
    shadows: Sequence[Fiducial],
    labels: Sequence[str],
    bundle: Bundle,
    place: int,
    settings: FiducialSettings,
) -> ViewFinding:
    """The finding of a view in the bundle, which is left out where its residuals or fiducials do not suffice."""
    scene, found = bundle.scene, bundle.found[place]
    pose = scene.poses[place]
    expected, depth = project(scene.intrinsics, pose, scene.positions, scene.radii)
    reduced = common_radius(found, depth) or 1.0
    fiducials = tuple(
        _fiducial(labels[n], expected[n], found.get(n), reduced / depth[n])
        for n in sorted({*np.flatnonzero(inside(expected, shot.size, shot.mask)).tolist(), *found})
    )
    rms = _rms([each.residual for each in fiducials if each.residual is not None])
    reason = _shortcoming(len(found), rms, settings)
    sd = bundle.result.pose_sd[place]
    return ViewFinding(
        shot.id,
        None if reason else pose.view(scene.intrinsics, shot.id, shot.pixel_spacing),
        reason,
        rms,
        fiducials,
        _unmatched(shadows, expected),
        float(np.rad2deg(np.linalg.norm(sd[:3]))),
        float(np.linalg.norm(sd[3:])),
    )


def left_out(shot: Shot, shadows: Sequence[Fiducial], reason: str) -> ViewFinding:
    """The finding of a view that could not be labelled."""
    return ViewFinding(shot.id, None, reason, unmatched=_places(shadows))


def _fiducial(label: str, expected: Array, found: Fiducial | None, radius: float) -> FiducialFinding:
    place = None if found is None else (found.x, found.y)
    width = radius if found is None else found.radius
    return FiducialFinding(label, (float(expected[0]), float(expected[1])), place, float(width), found is not None)


def _shortcoming(count: int, rms: float, settings: FiducialSettings) -> str:
    """Why an adjusted view is not accepted; empty if it is."""
    if count < settings.min_fiducials:
        return f"{count} fiducials fit, expected at least {settings.min_fiducials}"
    if rms > settings.max_rms_px:
        return f"residuals of {rms:.2f} px, expected at most {settings.max_rms_px:g} px"
    return ""


def _unmatched(shadows: Sequence[Fiducial], expected: Array) -> Array:
    places = _places(shadows)
    if not len(places):
        return places
    return places[np.linalg.norm(places[:, None] - expected, axis=-1).min(axis=1) > INLIER_PX]


def _places(shadows: Sequence[Fiducial]) -> Array:
    return np.array([(one.x, one.y) for one in shadows], dtype=np.float64).reshape(-1, 2)


def _rms(values: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if len(values) else float("nan")


def calibrated_intrinsics(bundle: Bundle) -> Intrinsics:
    """The intrinsics with their standard deviations after the adjustment."""
    focal_sd, aspect_sd, *centre_sd = bundle.result.intrinsics_sd
    return replace(
        bundle.scene.intrinsics,
        focal_sd=float(focal_sd),
        aspect_sd=float(aspect_sd),
        centre_sd=float(np.max(centre_sd)),
    )


def residual_warnings(bundle: Bundle, size: tuple[int, int]) -> list[str]:
    """A warning of residuals that follow a pattern across the image."""
    seen, residuals = with_positions_held(bundle)
    amount = pattern(seen.pixel, residuals, size)
    if amount is None:
        return []
    return [
        f"the residuals follow a pattern of {amount:.2f} px across the image, as distorted images cause it; give shots "
        "of a grid plate with --grid if the detector is an image intensifier, else check the phantom's positions"
    ]


def focal_warnings(intrinsics: Intrinsics, nominal: Intrinsics, stated: bool) -> list[str]:
    """Warnings of a focal length that is uncertain, or unlike the stated one."""
    if intrinsics.focal_sd > MAX_FOCAL_SD:
        return [
            f"the focal length is only known to {100 * intrinsics.focal_sd:.1f} % ({intrinsics.focal:.0f} px); state "
            "--source-detector-mm and --detector-pixel-mm, or take shots at steeper angles to the "
            "phantom"
        ]
    change = intrinsics.focal / nominal.focal - 1
    if stated and abs(change) > MAX_FOCAL_CHANGE:
        return [
            f"the calibrated focal length is {intrinsics.focal:.0f} px, {100 * change:+.0f} % from the stated "
            f"{nominal.focal:.0f} px; check the source-detector distance, the pixel size and the phantom's depth"
        ]
    return []


def radius_warnings(bundle: Bundle) -> list[str]:
    """A warning of balls that are larger or smaller in the X-rays than stated, as a wrong scale would make them."""
    scene = bundle.scene
    ratios = []
    for place, found in enumerate(bundle.found):
        _, depth = project(scene.intrinsics, scene.poses[place], scene.positions, scene.radii)
        ratios += [
            one.radius * depth[n] / (scene.intrinsics.focal * scene.radii[n])
            for n, one in found.items()
            if scene.radii[n] > 0
        ]
    ratio = float(np.median(ratios)) if ratios else 1.0
    if 1 / MAX_RADIUS_RATIO <= ratio <= MAX_RADIUS_RATIO:
        return []
    return [
        f"the fiducials look {ratio:.2g} times as large as stated; check their diameter and the unit of the phantom's "
        "positions"
    ]


def missing_warnings(bundle: Bundle, labels: Sequence[str]) -> list[str]:
    """A warning of fiducials that no view uses though the views show most others."""
    used = {n for found in bundle.found for n in found}
    unused = [labels[n] for n in range(len(labels)) if n not in used]
    if not unused:
        return []
    return [
        f"fiducials {', '.join(unused)} of {len(labels)} are in no X-ray where they should be, and were not used; "
        "check their positions"
    ]
