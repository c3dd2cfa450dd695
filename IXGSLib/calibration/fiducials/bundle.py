"""All labelled views together: bundle adjustments, between which outliers leave and missing shadows are looked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...geometry.rigid import Array
from ...xray.fiducials import Fiducial, fiducial_at
from .adjustment import Adjusted, Observations, PosePrior, Scene, adjusted
from .camera import Intrinsics, Pose, project
from .labelling import INLIER_PX, Labelling, inside
from .phantom import Phantom
from .shots import Shot

ROUNDS = 3
"""Number of bundle adjustments before the last one."""
OUTLIER_SD, MIN_OUTLIER_PX = 5.0, 0.5
"""Residual, in robust standard deviations and at least in px, from which a shadow is an outlier."""
MAX_POSITION_CHANGE = 5.0
"""Change of a fiducial's position, in standard deviations, above which the fiducial is not used."""
MAX_DISPLACED_FRACTION = 0.15
"""Fraction of displaced fiducials above which it is not they but something else that is wrong."""
RAYLEIGH_MEDIAN = 1.1774
"""Median length of a vector whose two coordinates have a standard deviation of one."""
MIN_VIEWS_TO_ADJUST = 3
"""Number of views from which the positions of the fiducials are adjusted too."""

Found = dict[int, Fiducial]
"""The shadows of one view by the number of their fiducial."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """Views by their number among the shots, their shadows, and the scene that was adjusted to them.

    stated: (fiducials, 3) mm, the positions before the adjustment. labelled: the shadows before outliers were dropped.
    """

    views: tuple[int, ...]
    found: tuple[Found, ...]
    result: Adjusted
    stated: Array
    labelled: tuple[Found, ...]

    @property
    def scene(self) -> Scene:
        return self.result.scene

    @property
    def displaced(self) -> np.ndarray:
        """(n,) numbers of fiducials that the X-rays show far from where they are stated to be."""
        if not 0 < self.scene.position_sd < np.inf:
            return np.empty(0, int)
        moved = np.linalg.norm(self.scene.positions - self.stated, axis=1)
        found = np.flatnonzero(moved > MAX_POSITION_CHANGE * self.scene.position_sd)
        return found if len(found) <= MAX_DISPLACED_FRACTION * len(moved) else np.empty(0, int)

    def place(self, view: int) -> int | None:
        """Where a view stands in the bundle; None where it does not."""
        return self.views.index(view) if view in self.views else None


@dataclass(frozen=True, eq=False)
class Priors:
    """What is known before an adjustment: intrinsics, the error of the positions (mm), and poses by the view's number.

    poses: approximate, with standard deviations of rotation (rad) and translation (mm); None where only the positions
    are known.
    """

    intrinsics: Intrinsics
    position_sd: float
    poses: Mapping[int, Pose] | None = None
    rotation_sd: float = 0.0
    translation_sd: float = 0.0

    def of(self, views: Sequence[int]) -> PosePrior | None:
        """The prior of the poses of some views."""
        if self.poses is None:
            return None
        return PosePrior(tuple(self.poses[n] for n in views), self.rotation_sd, self.translation_sd)


def bundled(
    shots: Sequence[Shot],
    phantom: Phantom,
    shadows: Sequence[list[Fiducial]],
    labelled: Mapping[int, Labelling],
    priors: Priors,
) -> Bundle:
    """The bundle adjustment of labelled views, at least one.

    shadows: of each shot. labelled: by the number of the shot.
    """
    views = tuple(labelled)
    first = found = tuple(_labelled(shadows[n], one) for n, one in labelled.items())
    focal = float(np.median([one.intrinsics.focal for one in labelled.values()]))
    poses = tuple(_at_focal(one, focal) for one in labelled.values())
    spread = priors.position_sd if len(views) >= MIN_VIEWS_TO_ADJUST else 0.0
    start = replace(priors.intrinsics, focal=focal)
    scene = Scene(start, poses, phantom.positions, phantom.radii, spread, priors.of(views))
    bundle = Bundle(views, found, adjusted(scene, observations(found)), phantom.positions, first)
    for _ in range(ROUNDS - 1):
        found = tuple(_completed(shots[n], place, bundle, phantom) for place, n in enumerate(views))
        bundle = Bundle(views, found, adjusted(bundle.scene, observations(found)), phantom.positions, first)
    found = without_outliers(bundle)
    last = adjusted(_again(bundle.scene, scene, priors.intrinsics), observations(found))
    return Bundle(views, found, last, phantom.positions, first)


def _again(reached: Scene, start: Scene, nominal: Intrinsics) -> Scene:
    """The scene with the poses that were reached and all that was known before, for a last adjustment."""
    intrinsics = replace(
        reached.intrinsics, focal_sd=nominal.focal_sd, aspect_sd=nominal.aspect_sd, centre_sd=nominal.centre_sd
    )
    positions = start.positions if np.isfinite(start.position_sd) else reached.positions
    return replace(start, intrinsics=intrinsics, poses=reached.poses, positions=positions)


def _at_focal(one: Labelling, focal: float) -> Pose:
    """The pose with its distance changed like the focal length, so that the magnification stays."""
    return Pose(one.pose.rotation, one.pose.translation * (1, 1, focal / one.intrinsics.focal))


def observations(found: Sequence[Found]) -> Observations:
    """The shadows of all views."""
    rows = [(n, m, one.x, one.y) for n, view in enumerate(found) for m, one in sorted(view.items())]
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return Observations(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2:])


def _labelled(shadows: Sequence[Fiducial], one: Labelling) -> Found:
    return {int(n): shadows[m] for n, m in zip(one.fiducials, one.shadows, strict=True)}


def _completed(shot: Shot, place: int, bundle: Bundle, phantom: Phantom) -> Found:
    """The shadows of a view without outliers, and with those that are found where missing fiducials should be."""
    scene, kept = bundle.scene, dict(without_outliers(bundle)[place])
    expected, depth = project(scene.intrinsics, scene.poses[place], scene.positions, phantom.radii)
    reduced = common_radius(kept, depth)
    if reduced is None:
        return kept
    for n in np.flatnonzero(inside(expected, shot.size, shot.mask)):
        if int(n) in bundle.found[place]:
            continue
        x, y = expected[n]
        one = fiducial_at(shot.image, shot.mask, (float(x), float(y)), reduced / float(depth[n]), shot.noise)
        if one is not None and np.hypot(one.x - x, one.y - y) <= INLIER_PX:
            kept[int(n)] = one
    return kept


def common_radius(found: Found, depth: Array) -> float | None:
    """The median product of radius and depth of the shadows, px mm, which is the same for balls of one size."""
    return float(np.median([one.radius * depth[n] for n, one in found.items()])) if found else None


def without_outliers(bundle: Bundle) -> tuple[Found, ...]:
    """The shadows whose residuals are not far larger than those of most, of fiducials that are where they should be."""
    seen = observations(bundle.found)
    off = np.linalg.norm(bundle.scene.residuals(seen), axis=1)
    robust = OUTLIER_SD * float(np.median(off)) / RAYLEIGH_MEDIAN if len(off) else 0.0
    limit = min(INLIER_PX, max(MIN_OUTLIER_PX, robust))
    displaced = set(bundle.displaced.tolist())
    good = {
        (int(v), int(f))
        for v, f, gap in zip(seen.view, seen.fiducial, off, strict=True)
        if gap <= limit and int(f) not in displaced
    }
    return tuple({n: one for n, one in view.items() if (place, n) in good} for place, view in enumerate(bundle.found))


def with_positions_held(bundle: Bundle) -> tuple[Observations, Array]:
    """All labelled shadows and their residuals (n, 2) px when the fiducials stay where they are stated to be."""
    seen = observations(bundle.labelled)
    scene = replace(bundle.scene, positions=bundle.stated, position_sd=0.0)
    return seen, adjusted(scene, seen).scene.residuals(seen)
