"""All labelled views together: bundle adjustments, between which outliers leave and missing shadows are looked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...geometry.rigid import Array
from ...xray.fiducials import Fiducial
from .adjustment import Adjusted, Observations, Scene, adjusted
from .camera import Intrinsics, Pose, project
from .detection import measured
from .labelling import INLIER_PX, Labelling, inside
from .phantom import Phantom
from .shots import Shot

ROUNDS = 3
"""Number of bundle adjustments before the last one."""
OUTLIER_SD, MIN_OUTLIER_PX = 5.0, 0.5
"""Residual, in robust standard deviations and at least in px, from which a shadow is an outlier."""
RAYLEIGH_MEDIAN = 1.1774
"""Median length of a vector whose two coordinates have a standard deviation of one."""
MIN_VIEWS_TO_ADJUST = 3
"""Number of views from which the positions of the fiducials are adjusted too."""

Found = dict[int, Fiducial]
"""The shadows of one view by the number of their fiducial."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """Views by their number among the shots, their shadows, and the scene that was adjusted to them."""

    views: tuple[int, ...]
    found: tuple[Found, ...]
    result: Adjusted

    @property
    def scene(self) -> Scene:
        return self.result.scene

    def place(self, view: int) -> int | None:
        """Where a view stands in the bundle; None where it does not."""
        return self.views.index(view) if view in self.views else None


def bundled(
    shots: Sequence[Shot],
    phantom: Phantom,
    shadows: Sequence[list[Fiducial]],
    labelled: Mapping[int, Labelling],
    nominal: Intrinsics,
    position_sd: float,
) -> Bundle:
    """The bundle adjustment of labelled views, at least one.

    shadows: of each shot. labelled: by the number of the shot. position_sd: mm, of the phantom's positions.
    """
    views = tuple(labelled)
    found = tuple(_measured(shots[n], shadows[n], one) for n, one in labelled.items())
    focal = float(np.median([one.intrinsics.focal for one in labelled.values()]))
    poses = tuple(_at_focal(one, focal) for one in labelled.values())
    spread = position_sd if len(views) >= MIN_VIEWS_TO_ADJUST else 0.0
    scene = Scene(replace(nominal, focal=focal), poses, phantom.positions, phantom.radii, spread)
    bundle = Bundle(views, found, adjusted(scene, observations(found)))
    for _ in range(ROUNDS - 1):
        found = tuple(_completed(shots[n], place, bundle, phantom) for place, n in enumerate(views))
        bundle = Bundle(views, found, adjusted(bundle.scene, observations(found)))
    found = without_outliers(bundle)
    last = adjusted(
        replace(scene, intrinsics=_near(bundle.scene.intrinsics, nominal), poses=bundle.scene.poses),
        observations(found),
    )
    return Bundle(views, found, last)


def _near(found: Intrinsics, nominal: Intrinsics) -> Intrinsics:
    """The intrinsics found, with the uncertainty that they had before."""
    return replace(found, focal_sd=nominal.focal_sd, aspect_sd=nominal.aspect_sd, centre_sd=nominal.centre_sd)


def _at_focal(one: Labelling, focal: float) -> Pose:
    """The pose with its distance changed like the focal length, so that the magnification stays."""
    return Pose(one.pose.rotation, one.pose.translation * (1, 1, focal / one.intrinsics.focal))


def observations(found: Sequence[Found]) -> Observations:
    """The shadows of all views."""
    rows = [(n, m, one.x, one.y) for n, view in enumerate(found) for m, one in sorted(view.items())]
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return Observations(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2:])


def _measured(shot: Shot, shadows: Sequence[Fiducial], one: Labelling) -> Found:
    """The labelled shadows with fitted centres; a shadow that cannot be fitted is left out."""
    fitted = {
        int(n): measured(shot.image, shot.mask, shadows[m]) for n, m in zip(one.fiducials, one.shadows, strict=True)
    }
    return {n: shadow for n, shadow in fitted.items() if shadow is not None}


def _completed(shot: Shot, place: int, bundle: Bundle, phantom: Phantom) -> Found:
    """The shadows of a view without outliers, and with those that are found where missing fiducials should be."""
    scene, kept = bundle.scene, dict(without_outliers(bundle)[place])
    expected, depth = project(scene.intrinsics, scene.poses[place], scene.positions, phantom.radii)
    reduced = common_radius(kept, depth)
    if reduced is None:
        return kept
    for n in np.flatnonzero(inside(expected, shot.size)):
        if int(n) in bundle.found[place]:
            continue
        x, y = expected[n]
        one = measured(shot.image, shot.mask, Fiducial(float(x), float(y), reduced / float(depth[n]), 1.0, 1.0))
        if one is not None and np.hypot(one.x - x, one.y - y) <= INLIER_PX:
            kept[int(n)] = one
    return kept


def common_radius(found: Found, depth: Array) -> float | None:
    """The median product of radius and depth of the shadows, px mm, which is the same for balls of one size."""
    return float(np.median([one.radius * depth[n] for n, one in found.items()])) if found else None


def without_outliers(bundle: Bundle) -> tuple[Found, ...]:
    """The shadows whose residuals are not far larger than those of most."""
    seen = observations(bundle.found)
    off = np.linalg.norm(bundle.scene.residuals(seen), axis=1)
    robust = OUTLIER_SD * float(np.median(off)) / RAYLEIGH_MEDIAN if len(off) else 0.0
    limit = min(INLIER_PX, max(MIN_OUTLIER_PX, robust))
    good = {(int(v), int(f)) for v, f, gap in zip(seen.view, seen.fiducial, off, strict=True) if gap <= limit}
    return tuple({n: one for n, one in view.items() if (place, n) in good} for place, view in enumerate(bundle.found))
