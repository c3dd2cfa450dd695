"""Adjustments from several starts, coarse to fine, and the one in which the images agree best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np

from ...geometry import Grid, View
from ...geometry.rigid import Array
from ...geometry.similarity import Similarity
from ...geometry.twists import change_between, changed, poses, with_poses
from ...xray import XRay
from ..radon import Sampling, derivatives, radon_transforms
from .adjustment import Adjustment, adjusted
from .epipolar import Evidence, images_of
from .settings import RefinementSettings

FADE = 0.2
"""Width of the border over which images fade out, as a fraction of the longer side: truncated lines would differ."""
COARSE = Sampling(background=0.02, fade=FADE)
FINE = Sampling(side=128, angles=180, offsets=181, background=0.01, fade=FADE)
WIDE = (Sampling(fade=FADE), 4.0)
LEVELS = ((COARSE, 2.0), (COARSE, 1.0), (FINE, 1.0))
"""Sampling of the images and blur of the lines, in offsets, by level. WIDE comes first in every second start:
it reaches further where images are not truncated, and leads astray where they are."""
RANDOM_ERROR = 0.5
"""Errors of random starts, as a fraction of the expected ones."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """The disagreement of views under some poses, from 0 when all lines are alike to 1 when they are unrelated.

    mean: of all pairs. by_view: (views,) of the pairs of each view.
    """

    mean: float
    by_view: Array


@dataclass(frozen=True, eq=False)
class Candidates:
    """The results of all starts, the best first.

    images: those of the finest level. given: (views, 4, 4) the poses as they were. expected: (6,) standard deviations
    of their errors in radians and mm.
    """

    images: Evidence
    adjustments: tuple[Adjustment, ...]
    given: Array
    expected: Array

    @property
    def best(self) -> Adjustment:
        return self.adjustments[0]

    @cached_property
    def after(self) -> Agreement:
        return self.disagreement(self.best.poses)

    def disagreement(self, poses: Array) -> Agreement:
        pairs = self.images.disagreement(poses)
        number = self.images.pairs
        sums = [np.bincount(ends, values, len(poses)) for ends in number.T for values in (pairs, np.ones(len(pairs)))]
        return Agreement(float(pairs.mean()), (sums[0] + sums[2]) / np.maximum(sums[1] + sums[3], 1))

    def spread(self, center: Array) -> Array:
        """(views,) mm parallel to the detector between the two best results; nan for a single start."""
        if len(self.adjustments) < 2:
            return np.full(len(self.given), np.nan)
        return differences(self.best.poses, self.adjustments[1].poses, center)[1]


def candidates(
    series: Sequence[Sequence[XRay]],
    grid: Grid,
    settings: RefinementSettings,
    on_progress: Callable[[int, int], None] | None = None,
) -> Candidates:
    """The adjustments from `settings.starts` starts; on_progress: called with the numbers of those done and of all.

    series: the X-rays, and any further images of the same views, such as the originals of standardised X-rays.
    """
    xrays = series[0]
    views, radius = [xray.view for xray in xrays], float(np.linalg.norm(grid.size)) / np.sqrt(12)
    given, expected = poses(views), expected_errors(settings)
    generator = np.random.default_rng(settings.seed)

    @cache
    def transforms(sampling: Sampling) -> list[tuple[list[View], np.ndarray]]:
        return [radon_transforms(each, sampling) for each in series]

    @cache
    def images(sampling: Sampling, blur: float) -> Evidence:
        return Evidence(
            tuple(
                images_of(small, derivatives(tables, blur), grid.center, radius)
                for small, tables in transforms(sampling)
            )
        )

    found = []
    for number in range(settings.starts):
        errors = RANDOM_ERROR * expected * generator.normal(size=(len(views), 6))
        start = given if number < 2 else changed(given, errors, grid.center)
        for sampling, blur in LEVELS if number % 2 == 0 else (WIDE, *LEVELS):
            level = images(sampling, blur)
            scaled = np.tile(expected / level.units, (len(views), 1))
            result = adjusted(level, given, start, scaled, settings.iterations)
            start = result.poses
        found.append(replace(result, poses=in_frame_of(start, views, grid)))
        if on_progress is not None:
            on_progress(number + 1, settings.starts)
    found.sort(key=lambda one: one.cost)
    return Candidates(images(*LEVELS[-1]), tuple(found), given, expected)


def expected_errors(settings: RefinementSettings) -> Array:
    """(6,) the expected errors of a pose in radians and mm."""
    turn, shift, beam = np.deg2rad(settings.rotation_error), settings.shift_error, settings.beam_error
    return np.array([turn, turn, turn, shift, shift, beam])


def in_frame_of(found: Array, views: Sequence[View], grid: Grid) -> Array:
    """Poses (views, 4, 4) after the common motion and scale that bring them closest to those of the views."""
    motion = Similarity.between(with_poses(views, found), views, grid.center)
    return poses(motion.views(with_poses(views, found)))


def differences(before: Array, after: Array, center: Array) -> tuple[Array, Array, Array]:
    """(views,) each: degrees of rotation, mm parallel to the detector and mm along the beam between poses."""
    change = change_between(before, after, center)
    rotation = np.rad2deg(np.linalg.norm(change[:, :3], axis=1))
    return rotation, np.linalg.norm(change[:, 3:5], axis=1), np.abs(change[:, 5])
