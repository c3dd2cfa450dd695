"""Whether views can be those of an X-ray system, judged by their geometry alone: units, frames and image sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..geometry import Grid, View
from ..geometry.coverage import convergence
from ..geometry.readout import median_principal_point, odd_size, percent, size_mismatch
from ..geometry.rigid import Array

SOURCE_DISTANCE_MM = (150.0, 3000.0)
"""Shortest and longest distance from the source to the region, mm."""
MAGNIFICATION_RANGE = (1.0, 6.0)
"""Smallest and largest ratio of the source-detector distance to the distance from the source to the region."""
SOURCE_DETECTOR_MM = (200.0, 5000.0)
"""Shortest and longest source-detector distance, mm."""
BEAM_ANGLE_DEGREES = (0.5, 50.0)
"""Smallest and largest angle that a detector can span as the source sees it, degrees."""
MAX_PRINCIPAL_POINT_OFFSET = 1.0
"""Distance of the principal point from the border of the image, as a fraction of its side, that is worth a warning."""
MAX_SOURCE_SPREAD = 1e-3
"""Largest spread of sources that count as one point, as a fraction of their distance to the region."""
MIN_TURN_DEGREES = 5.0
"""Smallest angle between the principal axes of two views that counts as a difference."""
UNITS = {10.0: ("centimetres", "cm"), 25.4: ("inches", "in"), 1000.0: ("metres", "m")}
"""Millimetres in other units of length."""
USUAL_DISTANCE_MM, USUAL_MAGNIFICATION = 700.0, 1.6
"""Distance from source to region, mm, and magnification of a usual C-arm, to choose between two units."""
MAX_SKEW, MAX_ASPECT = 0.05, 3.0
"""Largest skew of an X-ray camera as a fraction of its focal length, and largest ratio of the sides of its pixels."""
MAX_FOCAL_RATIO = 2.0
"""Largest ratio of the focal lengths of one X-ray system's views."""
LPS_FROM_RAS = np.array([-1.0, -1.0, 1.0])
"""LPS from RAS."""


def implausibilities(views: Sequence[View], grid: Grid) -> tuple[str, ...]:
    """One warning, with its cure, for each property that no X-ray system can have; poses are taken as mm."""
    checks = (_unit, _intrinsics, _detector, _image_size, _region, _sources)
    return tuple(text for check in checks for text in check(views, grid))


def _unit(views: Sequence[View], grid: Grid) -> Iterator[str]:
    """The distance between source and region in another unit than mm, as its length or the magnification shows."""
    distance = float(np.median([np.linalg.norm(grid.center - view.source) for view in views]))
    known = [view.source_detector_distance for view in views if view.source_detector_distance is not None]
    magnification = float(np.median(known)) / distance if known else None
    if _within(distance, SOURCE_DISTANCE_MM) and (magnification is None or _within(magnification, MAGNIFICATION_RANGE)):
        return
    found = f"the sources are {distance:.4g} mm from the region"
    if magnification is not None:
        found += f" and {np.median(known):.4g} mm from the detector, a magnification of {magnification:.3g}"
    factor = _likely_unit(distance, magnification)
    if factor is not None:
        name, symbol = UNITS[factor]
        more = "" if magnification is None else f" and a magnification of {magnification / factor:.3g}"
        yield (
            f"{found}: the poses look like {name}, which would make it {distance * factor:.4g} mm{more}. Give "
            f"--unit {symbol} with --calibration or, in case.json, multiply all lengths by {factor:g}."
        )
        return
    low, high = MAGNIFICATION_RANGE if _within(distance, SOURCE_DISTANCE_MM) else SOURCE_DISTANCE_MM
    what = "a magnification" if _within(distance, SOURCE_DISTANCE_MM) else "a distance in mm"
    yield (
        f"{found}; expected {what} from {low:g} to {high:g}. Check the unit of the poses (mm) and that the pixel "
        "spacing is that on the detector."
    )


def _likely_unit(distance: float, magnification: float | None) -> float | None:
    """The unit in UNITS with which distance and magnification are closest to a usual C-arm's; None if none fits."""
    possible = [factor for factor in UNITS if _within(distance * factor, SOURCE_DISTANCE_MM)]
    if magnification is None:
        return min(possible, key=lambda factor: abs(np.log(distance * factor / USUAL_DISTANCE_MM)), default=None)
    possible = [factor for factor in possible if _within(magnification / factor, MAGNIFICATION_RANGE)]
    return min(possible, key=lambda factor: abs(np.log(magnification / factor / USUAL_MAGNIFICATION)), default=None)


def _intrinsics(views: Sequence[View], grid: Grid) -> Iterator[str]:
    """Skew, pixel aspect and focal lengths that no X-ray system has: matrices that were rounded or reordered."""
    for view in views:
        aspect = view.K[1, 1] / view.K[0, 0]
        if abs(view.K[0, 1]) > MAX_SKEW * view.K[0, 0] or not 1 / MAX_ASPECT <= aspect <= MAX_ASPECT:
            yield (
                f"view '{view.id}': K has a skew of {100 * abs(view.K[0, 1]) / view.K[0, 0]:.3g} % of its focal length "
                f"and pixels whose sides are as 1 : {aspect:.3g}, expected nearly rectangular ones; check the order of "
                "the calibration's numbers and that they were not rounded."
            )
            return
    lengths = [view.K[0, 0] / view.size[0] for view in views]
    if max(lengths) > MAX_FOCAL_RATIO * min(lengths):
        short, long = (views[int(n)].id for n in (np.argmin(lengths), np.argmax(lengths)))
        yield (
            f"the focal length is {min(lengths):.3g} image widths in view '{short}' and {max(lengths):.3g} in view "
            f"'{long}', expected nearly the same of one X-ray system; check the calibration of these views."
        )


def _detector(views: Sequence[View], grid: Grid) -> Iterator[str]:
    """Source-detector distances and beam angles."""
    known = [view.source_detector_distance for view in views if view.source_detector_distance is not None]
    if known and not _within(float(np.median(known)), SOURCE_DETECTOR_MM):
        yield (
            f"focal length and pixel spacing make a source-detector distance of {np.median(known):.4g} mm, expected "
            f"{SOURCE_DETECTOR_MM[0]:g} to {SOURCE_DETECTOR_MM[1]:g} mm; check that K is in pixels and the pixel "
            "spacing in mm."
        )
    angle = float(np.median([2 * np.rad2deg(np.arctan(max(view.size) / (2 * view.K[0, 0]))) for view in views]))
    if not _within(angle, BEAM_ANGLE_DEGREES):
        view = views[0]
        yield (
            f"a focal length of {view.K[0, 0]:.4g} pixels for images of {view.size[0]} x {view.size[1]} pixels is a "
            f"beam of {angle:.3g} degrees, expected {BEAM_ANGLE_DEGREES[0]:g} to {BEAM_ANGLE_DEGREES[1]:g}; check that "
            "K is in pixels and belongs to this image size."
        )


def _image_size(views: Sequence[View], grid: Grid) -> Iterator[str]:
    """Principal points at the centre of images of another size, or far outside."""
    mismatch, place = size_mismatch(views) or odd_size(views), median_principal_point(views)
    if mismatch is not None:
        yield mismatch
    elif np.abs(place - 0.5).max() > 0.5 + MAX_PRINCIPAL_POINT_OFFSET:
        yield (
            f"the principal ray ends at {percent(place)} of the images, far outside; check that K belongs to images of "
            f"{views[0].size[0]} x {views[0].size[1]} pixels."
        )


def _region(views: Sequence[View], grid: Grid) -> Iterator[str]:
    """A region far from where the principal rays meet, above all at the place that RAS in place of LPS makes of it."""
    meeting = convergence(views)
    away, flipped = (float(np.linalg.norm(place - grid.center)) for place in (meeting, LPS_FROM_RAS * meeting))
    field = float(np.median([max(view.size) * view.pixel_size(meeting) for view in views]))
    if not away > field / 2:
        return
    found = f"the region lies around {_place(grid.center)}, the principal rays meet near {_place(meeting)} (LPS mm)"
    if flipped < field / 4:
        yield (
            f"{found}: the same place with x and y reversed, so poses or region are in RAS. Multiply the poses by "
            "diag(-1, -1, 1, 1) from the left, or give the region in LPS."
        )
    else:
        yield f"{found}, {away:.0f} mm away; check that the region and the poses share one frame (LPS, mm)."


def _sources(views: Sequence[View], grid: Grid) -> Iterator[str]:
    """Sources in one point with axes that differ: what inverted poses of a rotating system look like."""
    sources, axes = np.array([view.source for view in views]), np.array([view.axis for view in views])
    spread = float(np.linalg.norm(sources - sources.mean(axis=0), axis=1).max())
    distance = float(np.median(np.linalg.norm(sources - grid.center, axis=1)))
    turn = float(np.rad2deg(np.arccos(np.clip((axes @ axes.T).min(), -1, 1))))
    if spread < MAX_SOURCE_SPREAD * distance and turn > MIN_TURN_DEGREES:
        yield (
            f"all sources lie in one point while the views turn by {turn:.0f} degrees; the poses are "
            "camera_from_world, expected world_from_camera: invert them."
        )


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _place(point: Array) -> str:
    return "(" + ", ".join(f"{x:.0f}" for x in point) + ")"
