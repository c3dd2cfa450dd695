"""Widths, walls and angles of a vertebra in a volume, at the places of its label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...geometry.rigid import Array
from ...volume import Volume
from .edges import Edges
from .endplates import MIN_COLUMNS, angle_between, fit_plane, signed_angle
from .places import Places
from .settings import TaskSettings


@dataclass(frozen=True)
class Measure:
    """One quantity of one level in the truth and in a volume.

    level: name of the vertebra. quantity: with its unit, such as "pedicle width, mm". side: "left", "right",
    "superior", "inferior" or "". truth, value: the two measurements. error: value less truth, or the angle or share
    that the quantity names. reason: why the error is nan, if it is.
    """

    level: str
    quantity: str
    side: str
    truth: float
    value: float
    error: float
    reason: str = ""


PEDICLE_WIDTH, CANAL_WIDTH = "pedicle width, mm", "canal width, mm"
WALL_DETECTED, WALL_ERROR = "medial wall detected, share", "medial wall error, mm"
ENDPLATE_TILT, WEDGE = "endplate tilt, degrees", "wedge angle, degrees"


def measures(
    places: Places, truth: Volume, volume: Volume, threshold: float, settings: TaskSettings
) -> tuple[list[Measure], dict[str, tuple[Array | None, Array | None]]]:
    """What is measured of one vertebra, and the normals of its endplates in the truth and in the volume, by name."""
    found: list[Measure] = []
    level = places.vertebra.name
    for side, edges in places.pedicles.items():
        found.append(_width(level, PEDICLE_WIDTH, side, edges, (truth, volume), threshold))
    found.append(_canal(level, places.canal, (truth, volume), threshold))
    for side, edges in places.walls.items():
        found += _walls(level, side, edges, (truth, volume), threshold, settings.wall_tolerance)
    normals: dict[str, tuple[Array | None, Array | None]] = {}
    for name, edges in places.endplates.items():
        normals[name] = (_normal(edges, truth, threshold), _normal(edges, volume, threshold))
        found.append(_tilt(level, name, *normals[name]))
    found.append(_wedge(level, places.vertebra.axes[:, 0], normals))
    return found, normals


def _width(
    level: str, quantity: str, side: str, edges: Edges, volumes: tuple[Volume, Volume], threshold: float
) -> Measure:
    """The distance of two opposite edges that look away from each other."""
    between = float(np.linalg.norm(edges.points[0] - edges.points[1]))
    crossings = [edges.crossings(volume, threshold) for volume in volumes]
    sign = 1.0 if (edges.points[0] - edges.points[1]) @ edges.outward[0] > 0 else -1.0
    truth, value = (between + sign * float(crossing.sum()) for crossing in crossings)
    names = ("medial", "lateral") if quantity == PEDICLE_WIDTH else ("left", "right")
    return Measure(level, quantity, side, truth, value, value - truth, _missing(crossings, names))


def _canal(level: str, edges: Edges, volumes: tuple[Volume, Volume], threshold: float) -> Measure:
    if len(edges.points) < 2:
        nan = float("nan")
        return Measure(level, CANAL_WIDTH, "", nan, nan, nan, "the label has no bone on both sides of the canal")
    return _width(level, CANAL_WIDTH, "", edges, volumes, threshold)


def _missing(crossings: list[np.ndarray], names: tuple[str, str]) -> str:
    """Which edges of a width were not found, in words."""
    parts = []
    for crossing, where in zip(crossings, ("truth", "volume"), strict=True):
        lost = [name for name, value in zip(names, crossing, strict=True) if np.isnan(value)]
        if lost:
            parts.append(f"no {' and '.join(lost)} edge in the {where}")
    return "; ".join(parts)


def _walls(
    level: str, side: str, edges: Edges, volumes: tuple[Volume, Volume], threshold: float, tolerance: float
) -> list[Measure]:
    """The share of the medial wall that a volume shows at its place, and the median error of what it shows."""
    truth, value = (edges.crossings(volume, threshold) for volume in volumes)
    known = ~np.isnan(truth)
    nan = float("nan")
    if not known.any():
        reason = "no medial wall above the bone threshold in the truth"
        return [Measure(level, name, side, nan, nan, nan, reason) for name in (WALL_DETECTED, WALL_ERROR)]
    error = np.abs(value - truth)[known]
    seen = error[~np.isnan(error)]
    share = float((seen <= tolerance).sum() / known.sum())
    median = float(np.median(seen)) if len(seen) else nan
    reason = "" if len(seen) else "no medial wall above the bone threshold in the volume"
    return [
        Measure(level, WALL_DETECTED, side, 1.0, share, share),
        Measure(level, WALL_ERROR, side, 0.0, median, median, reason),
    ]


def _normal(edges: Edges, volume: Volume, threshold: float) -> Array | None:
    """The outward normal of the plane through an endplate, None where less than half of it is found."""
    crossing = edges.crossings(volume, threshold)
    found = ~np.isnan(crossing)
    if int(found.sum()) < max(MIN_COLUMNS, len(crossing) // 2):
        return None
    surface = edges.points[found] + crossing[found, None] * edges.outward[found]
    return fit_plane(surface, edges.outward[0], float(np.max(volume.grid.spacing))).normal


def _tilt(level: str, name: str, truth: Array | None, value: Array | None) -> Measure:
    nan = float("nan")
    reason = not_found({name: (truth, value)})
    error = nan if truth is None or value is None else angle_between(truth, value)
    return Measure(level, ENDPLATE_TILT, name, nan if truth is None else 0.0, error, error, reason)


def _wedge(level: str, left: Array, normals: dict[str, tuple[Array | None, Array | None]]) -> Measure:
    """The angle between the endplates in the sagittal plane, positive where the body is higher in front."""
    truth, value = (sagittal_angle(normals["inferior"][n], normals["superior"][n], left) for n in (0, 1))
    return Measure(level, WEDGE, "", truth, value, value - truth, not_found(normals))


def sagittal_angle(inferior: Array | None, superior: Array | None, left: Array) -> float:
    """Degrees from an inferior to a superior endplate in the plane across `left`; nan where one was not found.

    inferior, superior: (3,) outward normals. Positive where the distance of the planes is larger in front (lordosis).
    """
    if inferior is None or superior is None:
        return float("nan")
    return signed_angle(superior, -inferior, left)


def not_found(normals: dict[str, tuple[Array | None, Array | None]]) -> str:
    """Which endplates were not found, in words."""
    parts = [
        f"no {name} endplate in the {where}"
        for name, pair in normals.items()
        for normal, where in zip(pair, ("truth", "volume"), strict=True)
        if normal is None
    ]
    return "; ".join(parts)
