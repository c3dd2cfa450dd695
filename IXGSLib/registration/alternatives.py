"""What else the X-rays could show: the spine one level higher or lower, or the mirror image of the CT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import GeometryError
from ..geometry.rigid import Array, apply
from .articulation import Articulation
from .bones import Bone, Points, Spine
from .result import distance
from .settings import RegistrationSettings
from .starts import moved_along

SWEEPS, MARGIN_MM = 2, 12.0
LEVEL_MM = 30.0
"""Height of a level where the CT shows a single vertebra."""
ELSEWHERE_MM = 5.0
"""Median over the vertebrae of the distance from which another result is another place. Where only the vertebrae at one
end differ, it is the same place, not found as well."""
MAX_MIRROR_GAIN = 0.07
"""Fraction by which the loss of the mirrored CT may be lower before the CT counts as mirrored: it is 0.10 to 0.17 lower
in realistic X-rays of a mirrored patient, and up to 0.05 lower by chance in those of another one."""


@dataclass(frozen=True, eq=False)
class Choice:
    """The poses that explain the X-rays best, and by which fraction the loss grows for the best alternative.

    alternative: its name; "" with a margin of nan where none was tried.
    """

    articulation: Articulation
    loss: float
    margin: float
    alternative: str


def compared(best: Articulation, rivals: Sequence[Articulation], settings: RegistrationSettings) -> Choice:
    """The best of an articulated spine and its alternatives; rivals: other places that were found.

    Raises GeometryError where the mirrored CT explains the X-rays better.
    """
    tried = [("another place", rival) for rival in rivals]
    if settings.check_levels:
        tried += [("one level higher", _shifted(best, -1)), ("one level lower", _shifted(best, 1))]
    found = [("the place found first", best), *tried]
    losses = [float(each.agreement().mean()) for _, each in found]
    chosen = found[int(np.argmin(losses))][1]
    loss = min(losses)
    if settings.check_mirrored:
        _check_mirrored(chosen, loss)
    others = [(other, name) for other, (name, each) in zip(losses, found, strict=True) if _is_elsewhere(each, chosen)]
    if not others:
        return Choice(chosen, loss, float("nan"), "")
    other, name = min(others)
    return Choice(chosen, loss, other / loss - 1, name)


def _is_elsewhere(one: Articulation, other: Articulation) -> bool:
    """Whether two results are at different places."""
    distances = [distance(one.poses[n], other.poses[n], one.spine.bones[n].extent) for n in one.spine.vertebrae]
    return float(np.median(distances)) > ELSEWHERE_MM


def _shifted(best: Articulation, levels: int) -> Articulation:
    """The spine articulated again from one level higher (-1) or lower (1)."""
    spine = best.spine
    centers = np.array([apply(best.poses[n], spine.bones[n].center) for n in spine.vertebrae])
    if len(centers) > 1:
        motion = moved_along(centers, levels)
    else:
        motion = np.eye(4)
        motion[:3, 3] = -levels * LEVEL_MM * best.poses[spine.vertebrae[0]][:3, 2]
    return _articulated(best, spine, [motion @ pose for pose in best.poses])


def _articulated(best: Articulation, spine: Spine, poses: Sequence[Array]) -> Articulation:
    other = Articulation(spine, poses, best.stack, best.settings)
    other.sweeps(SWEEPS, MARGIN_MM)
    return other


def _check_mirrored(best: Articulation, loss: float) -> None:
    """Raises GeometryError where the mirror image fits better."""
    mirrored = _articulated(best, mirror_image(best.spine), best.poses)
    other = float(mirrored.agreement().mean())
    if other < (1 - MAX_MIRROR_GAIN) * loss:
        raise GeometryError(
            f"the CT is mirrored: its mirror image explains the X-rays better (loss {other:.3f}, the CT itself "
            f"{loss:.3f}); left and right were exchanged in the CT or in all X-rays: export the CT again"
        )


def mirror_image(spine: Spine) -> Spine:
    """The spine reflected about the sagittal plane through its centre."""
    middle = float(spine.centers[:, 0].mean())

    def flipped(points: Array) -> Array:
        return np.ascontiguousarray((2 * middle, 0, 0) + points * (-1, 1, 1))

    def reflected(bone: Bone) -> Bone:
        clouds = {pitch: Points(flipped(each.positions), each.amounts) for pitch, each in bone.clouds.items()}
        return replace(bone, center=flipped(bone.center), extent=flipped(bone.extent), clouds=clouds)

    attached = {n: reflected(bone) for n, bone in spine.attached.items()}
    return replace(spine, bones=tuple(map(reflected, spine.bones)), attached=attached)
