"""The result of a registration: the pose of each vertebra, and whether it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import GeometryError
from ..formats import Case
from ..geometry.rigid import Array, apply, inverse
from .anatomy import Anatomy
from .motion import Motion
from .settings import RegistrationSettings


@dataclass(frozen=True, eq=False)
class VertebraPose:
    """The pose of a vertebra in the X-rays.

    world_from_ct: (4, 4) LPS mm. center: (3,) of the vertebra in the CT, LPS mm. label: its number in the labels, None
    for a spine without labels. residual: mean over the views of 1 minus the correlation of gradients.
    by_view: residual of each view by its id; nan where it does not show the vertebra.
    edges: median distance in mm between its edges and those of the X-rays. spread: mm between the results of restarts.
    overlap: by view id, the fraction of the vertebra that is seen.
    doubts: why the pose is not verified; empty when it is.
    """

    name: str
    label: int | None
    world_from_ct: Array
    center: Array
    residual: float
    by_view: dict[str, float]
    edges: float
    spread: float
    overlap: dict[str, float]
    doubts: tuple[str, ...]

    @property
    def verified(self) -> bool:
        return not self.doubts

    @property
    def verdict(self) -> str:
        return "verified" if self.verified else f"not verified: {'; '.join(self.doubts)}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "label": self.label,
            "verified": self.verified,
            "doubts": list(self.doubts),
            "world_from_ct": self.world_from_ct.tolist(),
            "center_in_ct": self.center.tolist(),
            "center_in_world": apply(self.world_from_ct, self.center).tolist(),
            "residual": self.residual,
            "residual_by_view": self.by_view,
            "edge_distance_mm": self.edges,
            "spread_mm": self.spread,
            "overlap": self.overlap,
        }


@dataclass(frozen=True, eq=False)
class Registration:
    """The vertebrae of a CT in the X-rays of a case, from the head to the feet.

    motions: of each vertebra against the one below since the CT. margin: fraction by which the residual of all X-rays
    grows for the best alternative; nan where none was tried. alternative: which one that is. seconds: by stage.
    """

    case: Case
    anatomy: Anatomy
    vertebrae: tuple[VertebraPose, ...]
    motions: tuple[Motion, ...]
    residual: float
    margin: float
    alternative: str
    settings: RegistrationSettings
    warnings: tuple[str, ...]
    seconds: dict[str, float]

    @property
    def verified(self) -> bool:
        """Whether every vertebra is."""
        return all(vertebra.verified for vertebra in self.vertebrae)

    def __getitem__(self, name: str) -> VertebraPose:
        """A vertebra by its name, such as "L3"; raises GeometryError for one that was not registered."""
        for vertebra in self.vertebrae:
            if vertebra.name == name:
                return vertebra
        names = ", ".join(vertebra.name for vertebra in self.vertebrae)
        raise GeometryError(f"vertebra {name} was not registered, only {names}; name it in `vertebrae`")

    @property
    def summary(self) -> str:
        """One or two sentences for a person."""
        good = [vertebra.name for vertebra in self.vertebrae if vertebra.verified]
        bad = [vertebra for vertebra in self.vertebrae if not vertebra.verified]
        if not bad:
            return f"All {len(good)} vertebrae verified ({', '.join(good)})."
        reasons: dict[str, list[str]] = {}
        for vertebra in bad:
            reasons.setdefault(vertebra.doubts[0], []).append(vertebra.name)
        told = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
        head = f"Verified: {', '.join(good)}. " if good else ""
        return f"{head}Not verified: {told}."

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "verified": self.verified,
            "residual": self.residual,
            "margin": self.margin,
            "alternative": self.alternative,
            "vertebrae": [vertebra.as_dict() for vertebra in self.vertebrae],
            "motions": [motion.as_dict() for motion in self.motions],
            "warnings": list(self.warnings),
            "seconds": self.seconds,
        }


def distance(pose: Array, other: Array, points: Array) -> float:
    """Mean distance in mm between points (n, 3) moved by two poses: the target registration error if one is true."""
    return float(np.linalg.norm(apply(inverse(other) @ pose, points) - points, axis=1).mean())
