"""Whether an X-ray system could have taken these views, judged by geometry alone: units, frames and image sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..geometry import Grid, View
from ..geometry.coverage import convergence
from ..geometry.readout import median_principal_point, percent, size_mismatch
from ..geometry.rigid import Array

SOURCE_DISTANCE = (150.0, 3000.0)
"""Shortest and longest distance from the source to the region, mm."""
MAGNIFICATION = (1.0, 6.0)
"""Smallest and largest ratio of the source-detector distance to the distance from the source to the region."""
SOURCE_DETECTOR = (200.0, 5000.0)
"""Shortest and longest source-detector distance, mm."""
BEAM_ANGLE = (0.5, 90.0)
"""Smallest and largest angle that the detector subtends at the source, degrees."""
MAX_PRINCIPAL_POINT_DISTANCE = 1.0
"""Distance of the principal point from the border of the image, as a fraction of its side, above which IXGS warns."""
MAX_COINCIDENT_SPREAD = 1e-3
"""Spread of the sources, as a fraction of their distance to the region, below which they count as one point."""
MIN_AXIS_ANGLE_DEGREES = 5.0
"""Angle between the principal axes of two views above which their directions count as different."""
UNITS = {10.0: ("centimetres", "cm"), 1000.0: ("metres", "m")}
"""Other units of length, by their size in millimetres."""
LPS_FROM_RAS = np.array([-1.0, -1.0, 1.0])
"""Factors that convert RAS coordinates to LPS."""


def implausibilities(views: Sequence[View], grid: Grid) -> tuple[str, ...]:
    """A warning, with its cure, for each property that no X-ray system can have; poses are assumed to be in mm."""
    checks = (_unit, _detector, _image_size, _region, _sources)
    return tuple(text for check in checks for text in check(views, grid))


def _unit(views: Sequence[View], grid: Grid) -> Iterator[str]:
    """A source-region distance in another unit than mm, revealed by its length or by the magnification."""
    distance = float(np.median([np.linalg.norm(grid.center - view.source) for view in views]))
    known = [view.source_detector_distance for view in views if view.source_detector_distance is not None]
    magnification = float(np.median(known)) / distance if known else None
    if _within(distance, SOURCE_DISTANCE) and (magnification is None or _within(magnification, MAGNIFICATION)):
        return
    found = f"the sources are {distance:.4g} mm from the region"
    if magnification is not None:
        found += f" and {np.median(known):.4g} mm from the detector, a magnification of {magnification:.3g}"
    for factor, (name, symbol) in UNITS.items():
        scaled = None if magnification is None else magnification / factor
        if _within(distance * factor, SOURCE_DISTANCE) and (scaled is None or _within(scaled, MAGNIFICATION)):
            more = "" if scaled is None else f" and a magnification of {scaled:.3g}"
            yield (
                f"{found}: the poses look like {name}, which would make it {distance * factor:.4g} mm{more}. Give "
                f"--unit {symbol} with --calibration or, in case.json, multiply all lengths by {factor:g}."
            )
            return
    low, high = MAGNIFICATION if _within(distance, SOURCE_DISTANCE) else SOURCE_DISTANCE
    what = "a magnification" if _within(distance, SOURCE_DISTANCE) else "a distance in mm"
    yield (
        f"{found}; expected {what} from {low:g} to {high:g}. Check the unit of the poses (mm) and that the pixel "
        "spacing is that on the detector."
    )


def _detector(views: Sequence[View], grid: Grid) -> Iterator[str]:
    """Source-detector distances and beam angles."""
    known = [view.source_detector_distance for view in views if view.source_detector_distance is not None]
    if known and not _within(float(np.median(known)), SOURCE_DETECTOR):
        yield (
            f"focal length and pixel spacing imply a source-detector distance of {np.median(known):.4g} mm, expected "
            f"{SOURCE_DETECTOR[0]:g} to {SOURCE_DETECTOR[1]:g} mm; check that K is in pixels and the pixel spacing in "
            "mm."
        )
    angle = float(np.median([2 * np.rad2deg(np.arctan(max(view.size) / (2 * view.K[0, 0]))) for view in views]))
    if not _within(angle, BEAM_ANGLE):
        view = views[0]
        yield (
            f"a focal length of {view.K[0, 0]:.4g} pixels for images of {view.size[0]} x {view.size[1]} pixels implies "
            f"a beam angle of {angle:.3g} degrees, expected {BEAM_ANGLE[0]:g} to {BEAM_ANGLE[1]:g}; check that K is in "
            "pixels and belongs to this image size."
        )


def _image_size(views: Sequence[View], grid: Grid) -> Iterator[str]:
    """Principal points that fit images of another size or lie far outside the image."""
    mismatch, place = size_mismatch(views), median_principal_point(views)
    if mismatch is not None:
        yield mismatch
    elif np.abs(place - 0.5).max() > 0.5 + MAX_PRINCIPAL_POINT_DISTANCE:
        yield (
            f"the principal point lies at {percent(place)} of the images, far outside; check that K belongs to images "
            f"of {views[0].size[0]} x {views[0].size[1]} pixels."
        )


def _region(views: Sequence[View], grid: Grid) -> Iterator[str]:
    """A region far from where the principal rays meet, in particular one that is in RAS instead of LPS."""
    meeting = convergence(views)
    away, flipped = (float(np.linalg.norm(place - grid.center)) for place in (meeting, LPS_FROM_RAS * meeting))
    field = float(np.median([max(view.size) * view.pixel_size(meeting) for view in views]))
    if not away > field / 2:
        return
    found = f"the region lies around {_place(grid.center)}, the principal rays meet near {_place(meeting)} (LPS mm)"
    if flipped < field / 4:
        yield (
            f"{found}: the same point with x and y negated, so the poses or the region are in RAS. Multiply the poses "
            "by diag(-1, -1, 1, 1) from the left, or give the region in LPS."
        )
    else:
        yield f"{found}, {away:.0f} mm away; check that the region and the poses share one frame (LPS, mm)."


def _sources(views: Sequence[View], grid: Grid) -> Iterator[str]:
    """Sources at one point with different axes, as inverted poses of a rotating system have."""
    sources, axes = np.array([view.source for view in views]), np.array([view.axis for view in views])
    spread = float(np.linalg.norm(sources - sources.mean(axis=0), axis=1).max())
    distance = float(np.median(np.linalg.norm(sources - grid.center, axis=1)))
    turn = float(np.rad2deg(np.arccos(np.clip((axes @ axes.T).min(), -1, 1))))
    if spread < MAX_COINCIDENT_SPREAD * distance and turn > MIN_AXIS_ANGLE_DEGREES:
        yield (
            f"all sources lie at one point while the views turn by {turn:.0f} degrees; the poses are "
            "camera_from_world, expected world_from_camera: invert them."
        )


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _place(point: Array) -> str:
    return "(" + ", ".join(f"{x:.0f}" for x in point) + ")"
