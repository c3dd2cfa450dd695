"""Whether the pose of a vertebra can be trusted, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry.coverage import widest_angle
from ..geometry.rigid import Array, apply
from ..xray import XRay
from .bones import Bone
from .edges import REACH_MM
from .motion import Motion
from .settings import MIN_VERIFIED_ANGLE_DEG, RegistrationSettings

WHOLE_SPINE_OVERLAP = 0.05
"""Fraction of the bone of a whole CT that a view must show: X-rays show a part of it."""
MAX_TURN_BETWEEN, MAX_SHIFT_BETWEEN = 15.0, 12.0
"""Motion against a neighbour in degrees and mm that no spine makes between CT and X-rays without a fracture."""


@dataclass(frozen=True)
class Evidence:
    """What is known of the pose of a vertebra; as in `VertebraPose` and `Registration`.

    least: fraction that a view must show to count. angle: degrees between the two most different views that count, 0
    without two of them.
    """

    residual: float
    edges: float
    spread: float
    least: float
    angle: float
    margin: float
    alternative: str
    motions: Sequence[Motion] = ()


def doubts(evidence: Evidence, settings: RegistrationSettings) -> tuple[str, ...]:
    """Why a pose is not verified, with numbers; empty when it is."""
    found = []
    if evidence.angle < MIN_VERIFIED_ANGLE_DEG:
        found.append(
            f"fewer than two views {MIN_VERIFIED_ANGLE_DEG:.0f}° apart show at least {100 * evidence.least:.0f} % of it"
        )
    elif not evidence.residual <= settings.max_residual:
        found.append(f"residual {evidence.residual:.2f}, expected at most {settings.max_residual:g}")
    if not evidence.edges <= settings.max_single_edge_distance:
        found.append(
            f"its edges are {evidence.edges:.1f} mm from those of the X-rays, expected at most "
            f"{settings.max_single_edge_distance:g} mm"
        )
    if evidence.margin < settings.min_margin:
        found.append(
            f"the X-rays fit {evidence.alternative} nearly as well (margin {100 * evidence.margin:.0f} %, expected at "
            f"least {100 * settings.min_margin:.0f} %)"
        )
    if not evidence.spread <= settings.max_spread:
        found.append(f"restarts end {evidence.spread:.1f} mm apart, expected at most {settings.max_spread:g} mm")
    for motion in evidence.motions:
        if motion.rotation > MAX_TURN_BETWEEN or motion.shift > MAX_SHIFT_BETWEEN:
            found.append(
                f"{motion.upper} would have moved against {motion.lower} by {motion.rotation:.0f}° and "
                f"{motion.shift:.0f} mm since the CT"
            )
    return tuple(found)


def doubts_of_all(edges: Sequence[float], settings: RegistrationSettings) -> tuple[str, ...]:
    """Why no vertebra is verified: the CT is not of this patient where the edges of its vertebrae do not fit.

    edges: distance in mm of each vertebra that is seen, nan where it has none. Their median counts: with the right CT
    soft tissue hides the edges of single vertebrae, with the CT of another patient those of single ones fit by chance.
    """
    median = float(np.median(np.nan_to_num(edges, nan=REACH_MM))) if edges else 0.0
    if median <= settings.max_edge_distance:
        return ()
    return (
        f"the edges of the vertebrae are {median:.1f} mm from those of the X-rays (median), expected at most "
        f"{settings.max_edge_distance:g} mm: the CT may be of another patient or region, or the poses are wrong",
    )


def least_overlap(label: int | None, settings: RegistrationSettings) -> float:
    """The fraction of a bone that a view must show to count: of a vertebra, or of a whole CT without labels."""
    return settings.min_overlap if label is not None else WHOLE_SPINE_OVERLAP


def overlaps(bone: Bone, pose: Array, xrays: Sequence[XRay]) -> dict[str, float]:
    """By view id, the fraction of a bone that lies in measured pixels."""
    points = apply(pose, bone.extent)
    found = {}
    for xray in xrays:
        pixels, _ = xray.view.project(points)
        inside = xray.view.sees(points)
        x, y = np.rint(pixels[inside]).astype(int).T
        width, height = xray.view.size
        found[xray.view.id] = float(xray.mask[y.clip(0, height - 1), x.clip(0, width - 1)].sum() / len(points))
    return found


def seen_angle(overlap: dict[str, float], xrays: Sequence[XRay], point: Array, least: float) -> float:
    """Degrees between the two most different views that show at least a fraction of a bone; 0 without two."""
    views = [xray.view for xray in xrays if overlap[xray.view.id] >= least]
    return widest_angle(views, point) if len(views) > 1 else 0.0
