"""Undistortion of X-rays by shots of a grid plate, one for each angle of the C-arm or one for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import FormatError
from ...files import file_sha256
from ...formats.shots import find_shots
from ...geometry.rigid import Array
from ...messages import collect_warnings, unique, warn
from ...sniffing import head, sniff
from ...xray import XRay, read_pixels
from ...xray.dicom.tags import CArmTags
from ...xray.distortion import Distortion
from .lattice import Lattice, find_lattice
from .reading import ShotImages

ORDER = 5
"""Order of the polynomial."""
MIN_DOTS = 60
"""Fewest dots of a grid shot, about three for each coefficient."""
MAX_RMS_PX = 0.6
"""Largest root mean square distance between dots and polynomial, px at 1024 pixels of image width."""
OUTLIER_RATIO = 5.0
"""Distance of a dot from the polynomial, over the median distance, above which it is not used."""
CENTRAL_FRACTION = 0.25
"""Fraction of the image's width, around its middle, in which the image keeps its scale and orientation."""
MAX_ANGLE_DEG = 25.0
"""Angle between an X-ray and the nearest grid shot from which a warning is given."""


@dataclass(frozen=True, eq=False)
class GridShot:
    """The distortion that a shot of a grid plate shows, and how well: rms and largest correction in px."""

    id: str
    distortion: Distortion
    dots: int
    rms: float
    largest: float
    sha256: str = ""
    angles: tuple[float, float] | None = None

    def record(self) -> dict[str, Any]:
        return {
            "dots": self.dots,
            "rms_px": round(self.rms, 4),
            "largest_px": round(self.largest, 3),
            "sha256": self.sha256,
        }


def undistorted_shots(shots: ShotImages, grid: Path, mirrored: bool = False) -> ShotImages:
    """The X-rays without the distortion that shots of a grid plate show; the record says so.

    grid: one shot for all X-rays, a shot for each of them, or DICOM shots, of which the nearest angle is taken.
    mirrored: the shots are flipped like the X-rays.
    Raises FormatError for images that show no grid, and where shots and X-rays cannot be matched.
    """
    if shots.distortion:
        raise FormatError(f"{shots.name}: the X-rays are undistorted already, expected them as they were taken")
    with collect_warnings() as messages:
        grids = read_grids(grid, mirrored)
        chosen = _matched(shots, grids)
        xrays = tuple(undistorted(x, g) for x, g in zip(shots.xrays, chosen, strict=True))
    record = {
        "order": ORDER,
        "grids": {each.id: each.record() for each in grids},
        "views": {xray.view.id: each.id for xray, each in zip(shots.xrays, chosen, strict=True)},
    }
    return replace(shots, xrays=xrays, distortion=record, warnings=unique(shots.warnings, messages))


def read_grids(path: Path, mirrored: bool = False) -> list[GridShot]:
    """The distortions in shots of a grid plate, a file or a folder; all keep the scale of the first shot's middle."""
    grids: list[GridShot] = []
    reference: Array | None = None
    for shot in find_shots(path):
        pixels = read_pixels(shot.path, shot.frame).values
        pixels = pixels[::-1] if mirrored else pixels
        grid, reference = measured_grid(pixels, shot.id, shot.path.name, reference)
        grids.append(replace(grid, sha256=file_sha256(shot.path), angles=_angles(shot.path)))
    return grids


def measured_grid(pixels: np.ndarray, id: str, name: str, reference: Array | None = None) -> tuple[GridShot, Array]:
    """The distortion in a shot of a grid plate, and the place of the lattice on the detector.

    pixels: intensities or line integrals (rows, columns), not finite or least where nothing was measured.
    reference: the place in another shot of the same plate, so that both are undistorted alike.
    """
    finite = np.isfinite(pixels)
    mask = finite & (pixels > pixels[finite].min(initial=0))
    lattice = find_lattice(np.where(finite, pixels, 0), mask, name)
    if len(lattice.dots) < MIN_DOTS:
        raise FormatError(
            f"{name}: {len(lattice.dots)} dots in a lattice, expected at least {MIN_DOTS} for a polynomial of order "
            f"{ORDER}; use a finer grid plate, or a shot that shows all of it"
        )
    size = (pixels.shape[1], pixels.shape[0])
    if reference is None:
        reference = _central_map(lattice, size)
    return _grid_shot(id, name, lattice, size, reference), reference


def _grid_shot(id: str, name: str, lattice: Lattice, size: tuple[int, int], reference: Array) -> GridShot:
    ideal = _nearest_places(lattice, reference)
    distortion = Distortion.fitted(ideal, lattice.dots, size, ORDER, 0.5 * lattice.spacing)
    off = np.linalg.norm(distortion.taken(ideal) - lattice.dots, axis=1)
    kept = off <= OUTLIER_RATIO * np.median(off)  # marks that are no dots, and dots cut off by the rim
    distortion = Distortion.fitted(ideal[kept], lattice.dots[kept], size, ORDER, 0.5 * lattice.spacing)
    off = np.linalg.norm(distortion.taken(ideal[kept]) - lattice.dots[kept], axis=1)
    rms = float(np.sqrt(np.mean(off**2)))
    limit = MAX_RMS_PX * size[0] / 1024
    if rms > limit:
        raise FormatError(
            f"{name}: the dots are {rms:.2f} px off the polynomial, expected at most {limit:.2g} px; check that the "
            "plate is flat on the detector and that the shot is sharp"
        )
    largest = float(np.linalg.norm(lattice.dots[kept] - ideal[kept], axis=1).max())
    return GridShot(id, distortion, int(kept.sum()), rms, largest)


def _central_map(lattice: Lattice, size: tuple[int, int]) -> Array:
    """(3, 2): the similarity that takes lattice places (with 1 appended) to px around the middle of the image."""
    middle = (np.array(size) - 1) / 2
    away = np.linalg.norm(lattice.dots - middle, axis=1)
    near = away <= max(CENTRAL_FRACTION * size[0] / 2, float(np.sort(away)[min(11, len(away) - 1)]))
    x, y = lattice.ideal[near].T
    one, none = np.ones_like(x), np.zeros_like(x)
    # u = a x - b y + c, v = b x + a y + d
    design = np.concatenate([np.stack([x, -y, one, none], axis=1), np.stack([y, x, none, one], axis=1)])
    a, b, c, d = np.linalg.lstsq(design, lattice.dots[near].T.ravel(), rcond=None)[0]
    return np.array([[a, b], [-b, a], [c, d]])


def _nearest_places(lattice: Lattice, reference: Array) -> Array:
    """(n, 2) px: the ideal places of the dots, with the lattice turned and shifted by whole steps towards them."""
    best: Array | None = None
    smallest = np.inf
    sector = np.deg2rad(60 if lattice.hexagonal else 90)
    for turn in range(round(2 * np.pi / sector)):
        c, s = np.cos(turn * sector), np.sin(turn * sector)
        ideal = lattice.ideal @ np.array([[c, s], [-s, c]])
        own = ideal @ reference[:2] + reference[2]
        steps = np.linalg.lstsq((lattice.basis @ reference[:2]).T, np.median(lattice.dots - own, axis=0), rcond=None)[0]
        moved = own + np.rint(steps) @ lattice.basis @ reference[:2]
        off = float(np.median(np.linalg.norm(moved - lattice.dots, axis=1)))
        if off < smallest:
            smallest, best = off, moved
    assert best is not None
    return best


def _matched(shots: ShotImages, grids: Sequence[GridShot]) -> list[GridShot]:
    """The grid shot of each X-ray: the only one, that of the nearest angle, of the same name, or in the same order."""
    for xray in shots.xrays:
        if xray.view.size != grids[0].distortion.size:
            raise FormatError(
                f"view '{xray.view.id}': {xray.view.size} pixels, the grid {grids[0].distortion.size}, expected one "
                "size; take both with the same field of the intensifier"
            )
    if len(grids) == 1:
        return [grids[0]] * len(shots.xrays)
    if all(grid.angles for grid in grids) and all(tags and _tag_angles(tags) for tags in shots.tags):
        return [_nearest(xray.view.id, tags, grids) for xray, tags in zip(shots.xrays, shots.tags, strict=True)]
    by_name = {grid.id: grid for grid in grids}
    ids = [xray.view.id for xray in shots.xrays]
    if set(ids) <= set(by_name):
        return [by_name[id] for id in ids]
    if len(grids) == len(ids):
        return list(grids)
    raise FormatError(
        f"{len(grids)} shots of the grid for {len(ids)} X-rays, expected one, as many as X-rays, or names like theirs; "
        "remove or rename shots"
    )


def _nearest(id: str, tags: CArmTags | None, grids: Sequence[GridShot]) -> GridShot:
    assert tags is not None
    own = _tag_angles(tags)
    assert own is not None
    gaps = [float(np.hypot(*np.subtract(grid.angles or own, own))) for grid in grids]
    if min(gaps) > MAX_ANGLE_DEG:
        warn(
            f"view '{id}': the nearest shot of the grid is {min(gaps):.0f} degrees away; the distortion changes with "
            "the angle"
        )
    return grids[int(np.argmin(gaps))]


def _angles(path: Path) -> tuple[float, float] | None:
    if sniff(head(path)) != "DICOM":
        return None
    from ...xray.dicom.groups import FrameTags
    from ...xray.dicom.objects import open_header
    from ...xray.dicom.tags import tags_of

    return _tag_angles(tags_of(FrameTags(open_header(path), 0, path.name)))


def _tag_angles(tags: CArmTags) -> tuple[float, float] | None:
    if tags.primary_angle is None or tags.secondary_angle is None:
        return None
    return tags.primary_angle, tags.secondary_angle


def undistorted(xray: XRay, grid: GridShot) -> XRay:
    """The X-ray without the distortion of a grid shot."""
    image, mask = grid.distortion.undistort(xray.image, xray.mask)
    return XRay(xray.view, image, mask, xray.values)
