"""Which conventions of DICOM tags make X-rays agree: hypotheses ranked by epipolar consistency.

X-rays show the patient up to a motion and a mirror image. Hypotheses whose poses differ by no more than that agree
equally well whatever the X-rays show, and form one class.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ..formats.tag_choice import Names, title
from ..formats.tagged_xrays import PosedXRays, TaggedXRays
from ..geometry import View
from ..geometry.rigid import Array
from ..xray.dicom.conventions import Conventions, hypotheses
from .agreement import MIN_VIEWS
from .all_views import MIN_FOREIGN, max_cure_ratio
from .consistency import EpipolarPairs, radon_derivatives
from .evidence import DISAGREEMENT_FLOOR, mean

Tables = dict[bytes, tuple[list[View], np.ndarray]]

SAME_MM = 0.1
"""Largest difference of distances between sources and detectors under two hypotheses that count as the same."""


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """One way to read the tags.

    disagreements: (views, views) of all pairs of X-rays, 0 to 1; nan where they cannot be compared.
    """

    names: Names
    posed: PosedXRays
    disagreements: Array

    @property
    def title(self) -> str:
        return title(self.names)

    @cached_property
    def disagreement(self) -> float:
        """The mean over all pairs, 0 to 1."""
        return mean(self.disagreements)

    def explains_better_than(self, other: Hypothesis) -> bool:
        """Whether the X-rays agree so much better, whichever view is left out, that it is no chance.

        The limit is that from which a change of all images counts as a cure: of 207 good cases none passes it
        (Testing/benchmarks/agreement/AGREEMENT.md).
        """
        both = np.isfinite(self.disagreements) & np.isfinite(other.disagreements)
        own, others = (
            _without_each(np.where(both, one.disagreements + DISAGREEMENT_FLOOR, 0)) for one in (self, other)
        )
        worst = float((own / np.maximum(others, DISAGREEMENT_FLOOR)).max())
        return worst < max_cure_ratio(len(both))


@dataclass(frozen=True, eq=False)
class Alike:
    """Hypotheses that X-rays cannot tell apart, those with the fewest deviations first."""

    first: Hypothesis
    others: list[tuple[Names, bool]] = field(default_factory=list)
    """Their names, and whether they are mirror images of the first."""

    @property
    def rivals(self) -> tuple[str, ...]:
        """The others that have no more deviations than the first."""
        return tuple(title(names) for names, _ in self.others if len(names) <= len(self.first.names))

    @property
    def alike(self) -> tuple[str, ...]:
        return tuple(title(names) for names, _ in self.others)

    @property
    def mirror_images(self) -> tuple[str, ...]:
        return tuple(title(names) for names, mirrored in self.others if mirrored)


@dataclass(frozen=True, eq=False)
class Ranking:
    """The classes of hypotheses, best first, and those among which epipolar consistency does not decide.

    reason: why nothing can be decided; empty where something can.
    """

    classes: tuple[Alike, ...]
    contenders: tuple[Alike, ...]
    reason: str = ""

    @property
    def standard(self) -> Alike:
        return next(one for one in self.classes if not one.first.names)


def rank(tagged: TaggedXRays) -> Ranking | None:
    """The hypotheses ranked by how well the X-rays agree; None for fewer than MIN_VIEWS X-rays."""
    if len(tagged.stored) < MIN_VIEWS:
        return None
    found = sorted(_classes(tagged), key=lambda one: np.nan_to_num(one.first.disagreement, nan=2.0))
    simple = [one for one in found if len(one.first.names) < 2]
    best = simple[0]
    # A second deviation always fits a little better: it has to explain the X-rays clearly better than any single one.
    pairs = [one for one in found if len(one.first.names) == 2 and one.first.disagreement < MIN_FOREIGN]
    candidates = [one for one in pairs if one.first.explains_better_than(best.first)] or simple
    best = candidates[0]
    if not np.isfinite(best.first.disagreement):
        return Ranking(tuple(found), (), "the images have nothing in common that could be compared")
    contenders = [one for one in candidates if one is best or not best.first.explains_better_than(one.first)]
    return Ranking(tuple(found), tuple(contenders))


def _classes(tagged: TaggedXRays) -> list[Alike]:
    classes: list[Alike] = []
    shapes: list[tuple[Array, float]] = []
    seen: list[PosedXRays] = []
    tables: Tables = {}
    for names in hypotheses():
        posed = tagged.posed(Conventions.deviating(names))
        if posed is None or any(_is_same(posed, other) for other in seen):
            continue  # no poses, or a deviation that has no effect on these X-rays
        seen.append(posed)
        shape = _shape(posed)
        same = next((n for n, other in enumerate(shapes) if np.abs(shape[0] - other[0]).max() < SAME_MM), None)
        if same is None:
            classes.append(Alike(Hypothesis(names, posed, _disagreements(posed, tables))))
            shapes.append(shape)
        else:
            classes[same].others.append((names, shape[1] * shapes[same][1] < 0))
    return classes


def _shape(posed: PosedXRays) -> tuple[Array, float]:
    """All distances between sources and three corners of each detector, mm, and the handedness of stored images."""
    points, handedness = [], 0.0
    for xray, mirrored in zip(posed.xrays, posed.mirrored, strict=True):
        width, height = xray.view.size
        left, right = (width - 1, 0) if mirrored else (0, width - 1)
        source, direction = xray.view.ray(np.array([[left, 0], [right, 0], [left, height - 1]]))
        points += [source, *(source + 1000 * direction)]
        handedness = float(np.linalg.det(direction)) if handedness == 0 else handedness
    places = np.array(points)
    return np.linalg.norm(places[:, None] - places, axis=-1), handedness


def _is_same(one: PosedXRays, other: PosedXRays) -> bool:
    """Whether the poses and the images are the same."""
    return one.mirrored == other.mirrored and all(
        np.allclose(a.view.projection_matrix, b.view.projection_matrix, atol=1e-6 * abs(b.view.projection_matrix).max())
        for a, b in zip(one.xrays, other.xrays, strict=True)
    )


def _disagreements(posed: PosedXRays, tables: Tables) -> Array:
    """(views, views) disagreement of all pairs; tables: Radon transforms by what they depend on, which is added to."""
    key = np.array([[flip, *x.view.K.ravel()] for x, flip in zip(posed.xrays, posed.mirrored, strict=True)]).tobytes()
    if key not in tables:
        tables[key] = radon_derivatives(posed.xrays)
    small, transforms = tables[key]
    poses = [xray.view.world_from_camera for xray in posed.xrays]
    views = [replace(view, world_from_camera=pose) for view, pose in zip(small, poses, strict=True)]
    pairs = EpipolarPairs.of(views)
    found = np.full((len(views),) * 2, np.nan)
    values = pairs.disagreement(transforms, np.arange(len(views)))
    found[pairs.first, pairs.second] = found[pairs.second, pairs.first] = values
    return found


def _without_each(values: Array) -> Array:
    """(views,) the sum over the pairs that do not include a view."""
    return (values.sum() - 2 * values.sum(axis=1)) / 2
