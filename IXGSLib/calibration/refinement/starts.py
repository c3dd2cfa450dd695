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
from .strays import found_again
from .uncertainty import standard_deviations

FADE = 0.2
"""Width of the border over which images fade out, as a fraction of the longer side: truncated lines would differ."""
COARSE = Sampling(background=0.012, fade=FADE)
FINE = Sampling(side=128, angles=180, offsets=181, background=0.006, fade=FADE)


@dataclass(frozen=True)
class Level:
    """One step of an adjustment, from coarse to fine.

    blur: of the lines, in offsets. planes: epipolar planes of each pair. searches: how often stray views are looked for
    at most.
    """

    sampling: Sampling
    blur: float
    planes: int = 33
    searches: int = 0


LEVELS = (Level(COARSE, 2.0, searches=3), Level(COARSE, 1.0, searches=2), Level(FINE, 1.0, planes=65, searches=1))
WIDE = Level(Sampling(fade=FADE), 4.0)
"""Comes first in every second start: it reaches further where images are not truncated, and leads astray where they
are."""
RANDOM_ERROR = 0.25
"""Errors of random starts, as a fraction of the expected ones."""
MORE_STARTS = 3
"""Further starts, one by one, as long as the two best results are far apart."""
MAX_SPREAD_MM = 1.5
"""Median shift between the two best results, mm at the region, above which they are far apart."""


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
        return Agreement(float(pairs.mean()), self.images.by_view(pairs))

    @cached_property
    def uncertainty(self) -> tuple[Array, Array, Array]:
        """(views,) each: standard deviations of degrees of rotation, mm parallel to the detector, mm along the beam."""
        return lengths(standard_deviations(self.images, self.best))

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
    """The adjustments from `settings.starts` starts, or a few more where their results differ.

    series: the X-rays, and any further images of the same views, such as the originals of standardised X-rays.
    on_progress: called with the numbers of starts done and of all.
    """
    work = _Adjustments(series, grid, settings)
    found: list[Adjustment] = []
    total = settings.starts
    while len(found) < total:
        found.append(work.from_start(len(found)))
        found.sort(key=lambda one: one.cost)
        if 1 < len(found) == total < settings.starts + MORE_STARTS and not _agree(found, grid.center):
            total += 1
        if on_progress is not None:
            on_progress(len(found), total)
    return Candidates(work.images(LEVELS[-1]), tuple(found), work.given, work.expected)


def _agree(found: Sequence[Adjustment], center: Array) -> bool:
    """Whether the two best results are close to each other."""
    return float(np.median(differences(found[0].poses, found[1].poses, center)[1])) <= MAX_SPREAD_MM


class _Adjustments:
    """Adjustments of the same views from different starts; what they share is computed once."""

    def __init__(self, series: Sequence[Sequence[XRay]], grid: Grid, settings: RefinementSettings) -> None:
        self.series, self.grid, self.iterations = series, grid, settings.iterations
        self.views = [xray.view for xray in series[0]]
        self.given, self.expected = poses(self.views), expected_errors(settings)
        self.generator = np.random.default_rng(settings.seed)
        self.images, self._transforms = cache(self._images), cache(self._transforms_of)

    def from_start(self, number: int) -> Adjustment:
        """The result of a start: the given poses for the first two, then random ones about them."""
        errors = RANDOM_ERROR * self.expected * self.generator.normal(size=(len(self.views), 6))
        now = self.given if number < 2 else changed(self.given, errors, self.grid.center)
        for level in LEVELS if number % 2 == 0 else (WIDE, *LEVELS):
            result = self._adjusted(level, now)
            now = result.poses
        return replace(result, poses=in_frame_of(now, self.views, self.grid))

    def _adjusted(self, level: Level, initial: Array) -> Adjustment:
        """The result at a level, where stray views are looked for and adjusted again with the others."""
        images = self.images(level)
        scaled = np.tile(self.expected / images.units, (len(self.views), 1))
        result = adjusted(images, self.given, initial, scaled, self.iterations)
        for _ in range(level.searches):
            around = in_frame_of(self.given, with_poses(self.views, result.poses), self.grid)
            found = found_again(images, result.poses, around, self.expected, self.generator)
            if found is None:
                break
            result = adjusted(images, self.given, found, scaled, self.iterations)
        return result

    def _transforms_of(self, sampling: Sampling) -> list[tuple[list[View], np.ndarray]]:
        return [radon_transforms(each, sampling) for each in self.series]

    def _images(self, level: Level) -> Evidence:
        radius = float(np.linalg.norm(self.grid.size)) / np.sqrt(12)
        return Evidence(
            tuple(
                images_of(views, derivatives(tables, level.blur), self.grid.center, radius, level.planes)
                for views, tables in self._transforms(level.sampling)
            )
        )


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
    return lengths(change_between(before, after, center))


def lengths(changes: Array) -> tuple[Array, Array, Array]:
    """(views,) each: degrees of rotation, mm parallel to the detector and mm along the beam of changes (views, 6)."""
    rotation = np.rad2deg(np.linalg.norm(changes[:, :3], axis=1))
    return rotation, np.linalg.norm(changes[:, 3:5], axis=1), np.abs(changes[:, 5])
