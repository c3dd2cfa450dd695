"""Whether a volume can be trusted, judged by what a run knows without a truth.

Testing/benchmarks/studies/trust.py measures how well the limits tell failures from other runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from ..geometry.coverage import widest_angle
from ..volume.bone import nominal_threshold
from .residuals import relative_residual

if TYPE_CHECKING:
    from ..formats import Case
    from ..volume import Volume

CARE, NO_SIGN = "review with care", "no sign of a failure"
CAREFUL_HEADLINE = "Review with care"
PLAIN_HEADLINE = (
    "No sign of a failure was found. Not every failure shows: compare the volume with the X-rays before you rely on it."
)


@dataclass(frozen=True)
class Signs:
    """What speaks for or against a volume; None where it is not known.

    views: their number. angle: the widest one between two lines of sight through the centre of the region, degrees.
    synthetic: whether the X-rays were standardised. score: the lowest in-distribution score of the views.
    disagreement: of the X-rays, as they were reconstructed, under their final poses: 0 to 1 times that in random order.
    residual: contrast of the X-rays that the reconstruction leaves unexplained in a typical view, without noise.
    overfit: by how many dB the used views are explained better than held-out ones. unmeasured: fraction of masked
    pixels in a typical view. bone: fraction of the region above the nominal bone threshold. core: fraction of that bone
    that is left when a layer of one voxel is taken off, which splinters are not.
    """

    views: int
    angle: float
    synthetic: bool
    score: float | None
    disagreement: float | None
    residual: float | None
    overfit: float | None
    unmeasured: float
    bone: float
    core: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Limit:
    """From where on a sign speaks against a volume.

    above: whether larger values do, else smaller ones. synthetic: True where it holds for standardised X-rays alone,
    False for others alone, None for both. reason: what is wrong, with {value} and {limit}.
    """

    sign: str
    value: float
    above: bool
    reason: str
    synthetic: bool | None = None

    def is_passed(self, signs: Signs) -> bool:
        found = getattr(signs, self.sign)
        if found is None or not self.applies(signs):
            return False
        return bool(found > self.value if self.above else found < self.value)

    def applies(self, signs: Signs) -> bool:
        return self.synthetic in (None, signs.synthetic)

    def text(self, signs: Signs) -> str:
        return self.reason.format(value=getattr(signs, self.sign), limit=self.value)


DISAGREE = (
    "the {} fit their poses badly, with {{value:.0%}} of the disagreement of images in random order (expected at most "
    "{{limit:.0%}}): see ixgs check, or refine the poses"
)
LIMITS = (
    Limit("views", 5, False, "{value} views are few, and many volumes explain them equally well"),
    Limit("core", 0.25, False, "only {value:.0%} of the bone is more than a thin layer, expected at least {limit:.0%}"),
    Limit(
        "score",
        1.0,
        False,
        "a view is unlike those that the network was trained on (in-distribution score {value:.2f})",
    ),
    Limit("disagreement", 0.83, True, DISAGREE.format("X-rays"), synthetic=False),
    Limit("disagreement", 0.51, True, DISAGREE.format("standardised X-rays"), synthetic=True),
)
"""A volume is to be reviewed with care where one of these is passed."""


@dataclass(frozen=True)
class Trust:
    """The verdict on a volume: its signs, and a reason for each that passes its limit."""

    signs: Signs
    reasons: tuple[str, ...]

    @property
    def verdict(self) -> str:
        return CARE if self.reasons else NO_SIGN

    @property
    def headline(self) -> str:
        """The verdict for a person, without its reasons."""
        return CAREFUL_HEADLINE if self.reasons else PLAIN_HEADLINE

    @property
    def sentence(self) -> str:
        """The verdict and its reasons for a person."""
        return f"{CAREFUL_HEADLINE}: {'; '.join(self.reasons)}." if self.reasons else PLAIN_HEADLINE

    def as_dict(self) -> dict[str, Any]:
        return {"verdict": self.verdict, "reasons": list(self.reasons), "signs": self.signs.as_dict()}


def judged(signs: Signs) -> Trust:
    """The verdict on signs."""
    return Trust(signs, tuple(limit.text(signs) for limit in LIMITS if limit.is_passed(signs)))


def signs_of(case: Case, renders: Sequence[np.ndarray], volume: Volume, metrics: Mapping[str, float | None]) -> Signs:
    """The signs of a run.

    case: as it was reconstructed, with final poses. renders: of its views, line integrals (height, width). metrics:
    those of the reconstruction.
    """
    from ..calibration.agreement import relative_disagreement

    made = case.standardization
    scores = [] if made is None else [made.distribution_score(view.id) for view in case.views]
    residuals = [relative_residual(xray, render) for xray, render in zip(case.xrays, renders, strict=True)]
    fit, held_out = metrics.get("fit_psnr"), metrics.get("held_out_psnr")
    bone, core = _bone(volume)
    return Signs(
        views=len(case.views),
        angle=widest_angle(case.views, case.grid.center),
        synthetic=made is not None and made.synthetic,
        score=min((score for score in scores if score is not None), default=None),
        disagreement=_finite(relative_disagreement(case.xrays)),
        residual=_finite(np.median([value for value in residuals if np.isfinite(value)] or [np.nan])),
        overfit=None if fit is None or held_out is None else _finite(fit - held_out),
        unmeasured=float(np.median([1 - xray.mask.mean() for xray in case.xrays])),
        bone=bone,
        core=core,
    )


def _bone(volume: Volume) -> tuple[float, float]:
    """The fraction of a volume that is bone, and the fraction of the bone that is not at its surface."""
    bone = volume.values > nominal_threshold(volume)
    inner = ndimage.binary_erosion(bone, border_value=1)
    return float(bone.mean()), float(inner.sum() / max(bone.sum(), 1))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
