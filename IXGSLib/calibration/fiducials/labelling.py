"""Which shadow in an X-ray belongs to which fiducial of a phantom, and the pose that follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.stats import binom

from ...geometry.rigid import Array
from .adjustment import Scene, adjusted, joined
from .camera import Intrinsics, Pose, project
from .hypotheses import Candidates, Shadows, alike, candidate_poses
from .phantom import MIN_FIDUCIALS, Phantom

INLIER_PX = 3.0
"""Distance within which a shadow belongs to a fiducial, once the pose is fitted."""
SEARCH_FRACTION = 0.006
"""Distance within which shadows count for a pose of three points, as a fraction of the image's width."""
MAX_RMS_PX = 1.5
"""Largest root mean square distance of the shadows of one view for which its labels are accepted."""
MAX_LOG_FALSE_ALARMS = -3.0
"""Logarithm to base 10 of the number of poses that shadows in random places would suggest as well."""
MIN_VISIBLE_FRACTION = 0.5
"""Smallest fraction of the fiducials inside the image that must be found."""
ENOUGH_FRACTION = 0.75
"""Fraction of the fiducials inside the image from which no further triples of shadows are tried."""
DECISIVE_COUNT = 2
"""Number of shadows by which the best labels must explain more than any others, unless those fit much worse."""
DECISIVE_RATIO = 2.0
"""Ratio of residuals from which labels that explain as many shadows are worse, or from which a pose is."""
REFINED = 8
"""Number of poses of each batch that are fitted."""
BATCHES = 100
"""Number of batches of poses that are tried."""


@dataclass(frozen=True, eq=False)
class Labelling:
    """A pose of a view and the shadows that it explains.

    fiducials, shadows: (n,) numbers of fiducials and of the shadows that belong to them. rms: px. visible: number of
    fiducials inside the image.
    """

    pose: Pose
    intrinsics: Intrinsics
    fiducials: np.ndarray
    shadows: np.ndarray
    rms: float
    visible: int

    def __len__(self) -> int:
        return len(self.fiducials)

    def labels_like(self, other: Labelling) -> bool:
        """Whether most shadows that both explain have the same labels."""
        own, others = (dict(zip(each.shadows, each.fiducials, strict=True)) for each in (self, other))
        common = own.keys() & others.keys()
        return bool(common) and sum(own[n] == others[n] for n in common) > len(common) / 2


@dataclass
class Search:
    """The labellings that a search found, and the number of poses that it tried."""

    found: list[Labelling] = field(default_factory=list)
    tried: int = 0

    def best(self) -> Labelling | None:
        return max(self.found, key=lambda one: (len(one), -one.rms), default=None)


@dataclass(frozen=True)
class Verdict:
    """The accepted labelling of a view, or the reason why there is none."""

    labelling: Labelling | None
    reason: str = ""


def label(phantom: Phantom, shadows: Shadows, intrinsics: Intrinsics, seed: int = 0) -> Verdict:
    """The labels of a view's shadows, if they are beyond doubt.

    Poses from three shadows are scored by the shadows that they explain, the best are fitted, and the result must
    explain more shadows than chance would and than any other labels do.
    """
    if len(shadows) < MIN_FIDUCIALS:
        return Verdict(None, f"{len(shadows)} round shadows, expected at least {MIN_FIDUCIALS} fiducials")
    search = searched(phantom, shadows, intrinsics, seed)
    best = _by_size(search, phantom, shadows)
    if best is None:
        return Verdict(None, f"no pose explains {MIN_FIDUCIALS} of the {len(shadows)} round shadows")
    reason = _doubt(best, search, phantom, shadows)
    return Verdict(None if reason else best, reason)


def searched(phantom: Phantom, shadows: Shadows, intrinsics: Intrinsics, seed: int = 0) -> Search:
    """All labellings found until one of them explains most fiducials inside the image."""
    search = Search()
    for batch, candidates in enumerate(_batches(phantom, shadows, intrinsics, seed)):
        search.tried += candidates.tried
        for intrinsic, pose in candidates.best(REFINED):
            if any(alike(pose, one.pose) for one in search.found):
                continue
            fitted = _fitted(phantom, shadows, intrinsic, pose)
            if fitted is not None:
                search.found.append(fitted)
        best = search.best()
        if best is not None and len(best) >= max(ENOUGH_FRACTION * best.visible, MIN_FIDUCIALS + 1):
            break
        if batch >= BATCHES:
            break
    return search


def _batches(phantom: Phantom, shadows: Shadows, intrinsics: Intrinsics, seed: int) -> Iterator[Candidates]:
    reach = max(INLIER_PX, SEARCH_FRACTION * intrinsics.size[0])
    yield from candidate_poses(phantom, shadows, intrinsics, reach, np.random.default_rng(seed))


def _fitted(phantom: Phantom, shadows: Shadows, intrinsics: Intrinsics, pose: Pose) -> Labelling | None:
    """The pose fitted to the shadows near it, which are chosen again, nearer, after each fit."""
    found = None
    reach = max(INLIER_PX, SEARCH_FRACTION * intrinsics.size[0])
    for limit in (reach, reach, INLIER_PX, INLIER_PX):
        chosen = matched(phantom, shadows.pixels, intrinsics, pose, limit)
        if len(chosen[0]) < MIN_FIDUCIALS:
            return None
        scene = fit_view(phantom, intrinsics, pose, chosen[0], shadows.pixels[chosen[1]])
        intrinsics, pose = _kept_uncertainty(scene.intrinsics, intrinsics), scene.poses[0]
        found = _labelling(phantom, shadows, intrinsics, pose, chosen)
    assert found is not None
    return found if len(found) >= MIN_FIDUCIALS and found.rms <= MAX_RMS_PX else None


def _kept_uncertainty(new: Intrinsics, old: Intrinsics) -> Intrinsics:
    return replace(new, focal_sd=old.focal_sd, aspect_sd=old.aspect_sd, centre_sd=old.centre_sd)


def fit_view(phantom: Phantom, intrinsics: Intrinsics, pose: Pose, fiducials: np.ndarray, pixels: Array) -> Scene:
    """The pose and the intrinsics of one view that fit the centres (n, 2) px of fiducials (n,) best."""
    scene = Scene(intrinsics, (pose,), phantom.positions, phantom.radii)
    return adjusted(scene, joined([(fiducials, pixels)]), 20).scene


def _labelling(
    phantom: Phantom,
    shadows: Shadows,
    intrinsics: Intrinsics,
    pose: Pose,
    chosen: tuple[np.ndarray, np.ndarray],
) -> Labelling:
    predicted, _ = project(intrinsics, pose, phantom.positions, phantom.radii)
    off = np.linalg.norm(predicted[chosen[0]] - shadows.pixels[chosen[1]], axis=1)
    kept = off <= INLIER_PX
    rms = float(np.sqrt(np.mean(off[kept] ** 2))) if kept.any() else np.inf
    visible = int(inside(predicted, intrinsics.size, shadows.field).sum())
    return Labelling(pose, intrinsics, chosen[0][kept], chosen[1][kept], rms, visible)


def matched(
    phantom: Phantom, pixels: Array, intrinsics: Intrinsics, pose: Pose, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fiducials (n,) and pixels (n,) that are each other's partner within `reach` px, the nearest pairs first."""
    predicted, depth = project(intrinsics, pose, phantom.positions, phantom.radii)
    gaps = np.linalg.norm(predicted[:, None] - pixels, axis=-1)
    gaps[depth <= 0] = np.inf
    pairs = []
    while gaps.size and gaps.min() <= reach:
        first, second = np.unravel_index(gaps.argmin(), gaps.shape)
        pairs.append((first, second))
        gaps[first], gaps[:, second] = np.inf, np.inf
    found = np.array(pairs, int).reshape(-1, 2)
    found = found[np.argsort(found[:, 0])]
    return found[:, 0], found[:, 1]


def inside(pixels: Array, size: tuple[int, int], field: np.ndarray | None = None) -> np.ndarray:
    """(n,) bool: which pixels (n, 2) lie inside an image of (width, height), and in its measured field."""
    within = np.all((pixels >= 0) & (pixels <= (size[0] - 1, size[1] - 1)), axis=-1)
    if field is not None:
        columns, rows = np.rint(pixels[within]).astype(int).T
        within[within] = field[rows, columns]
    return within


def _doubt(best: Labelling, search: Search, phantom: Phantom, shadows: Shadows) -> str:
    """Why the best labelling is not accepted; empty if it is."""
    if len(best) < MIN_VISIBLE_FRACTION * best.visible:
        return f"{len(best)} of {best.visible} fiducials inside the image found, expected at least half of them"
    if log_false_alarms(best, search.tried, shadows) > MAX_LOG_FALSE_ALARMS:
        return f"{len(best)} fiducials found among {len(shadows)} round shadows, which could be chance"
    rivals = [one for one in search.found if _is_rival(one, best, phantom, shadows)]
    if rivals:
        return (
            f"two poses explain the shadows about equally well ({len(best)} fiducials at {best.rms:.2f} px and "
            f"{len(rivals[0])} at {rivals[0].rms:.2f} px)"
        )
    return ""


def log_false_alarms(one: Labelling, tried: int, shadows: Shadows) -> float:
    """Logarithm to base 10 of the expected number of poses that explain as many shadows in random places.

    Three shadows determine a pose; every further fiducial meets one by chance with the probability that a shadow lies
    within INLIER_PX (the a contrario principle of Desolneux, Moisan and Morel, IJCV 40, 7 (2000)).
    """
    width, height = one.intrinsics.size
    chance = min(0.5, len(shadows) * np.pi * INLIER_PX**2 / (width * height))
    tail = binom.logsf(len(one) - 4, max(one.visible, len(one)) - 3, chance) / np.log(10)
    return float(tail + np.log10(max(1, tried)))


def _is_rival(one: Labelling, best: Labelling, phantom: Phantom, shadows: Shadows) -> bool:
    """Whether a labelling is another solution that cannot be ruled out."""
    if one is best or best.rms * DECISIVE_RATIO < one.rms:
        return False
    if one.labels_like(best):
        turned = np.rad2deg(np.arccos(np.clip((np.trace(one.pose.rotation.T @ best.pose.rotation) - 1) / 2, -1, 1)))
        return bool(turned > 5 and len(one) >= len(best))
    if len(best) - len(one) >= DECISIVE_COUNT:
        return False
    return not _sizes_decide(one, best, phantom, shadows)


def _by_size(search: Search, phantom: Phantom, shadows: Shadows) -> Labelling | None:
    """The best labelling; of those that are as good, the one that fits the sizes of the shadows best."""
    best = search.best()
    if best is None or not _sizes_differ(phantom):
        return best
    equal = [
        one for one in search.found if len(best) - len(one) < DECISIVE_COUNT and one.rms <= DECISIVE_RATIO * best.rms
    ]
    return min(equal, key=lambda one: (size_mismatch(one, phantom, shadows), one.rms))


def _sizes_differ(phantom: Phantom) -> bool:
    return phantom.diameters is not None and bool(np.ptp(phantom.diameters) > 0)


def _sizes_decide(one: Labelling, best: Labelling, phantom: Phantom, shadows: Shadows) -> bool:
    """Whether the sizes of the shadows fit the best labels clearly better."""
    if not _sizes_differ(phantom):
        return False
    return size_mismatch(best, phantom, shadows) * DECISIVE_RATIO < size_mismatch(one, phantom, shadows)


def size_mismatch(one: Labelling, phantom: Phantom, shadows: Shadows) -> float:
    """The spread of the ratio of each shadow's radius to that expected from its label."""
    _, depth = project(one.intrinsics, one.pose, phantom.positions, phantom.radii)
    expected = phantom.radii[one.fiducials] / depth[one.fiducials]
    return float(np.std(np.log(shadows.radii[one.shadows] / expected))) + 0.02
