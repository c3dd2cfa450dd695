"""What a calibration from fiducials found, view by view."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...formats.fiducial_findings import FiducialFinding, rounded
from ...geometry import View
from ...geometry.rigid import Array
from .camera import Intrinsics

__all__ = ["FiducialCalibration", "FiducialFinding", "ViewFinding"]


@dataclass(frozen=True, eq=False)
class ViewFinding:
    """The calibration of one X-ray.

    view: None where it was left out, for the reason given. rms: of the residuals of its used fiducials, px.
    fiducials: those inside the image. unmatched: (n, 2) px, round shadows that belong to no fiducial.
    rotation_sd (degrees), translation_sd (mm): expected error of the pose.
    """

    id: str
    view: View | None
    reason: str = ""
    rms: float = float("nan")
    fiducials: tuple[FiducialFinding, ...] = ()
    unmatched: Array = field(default_factory=lambda: np.empty((0, 2)))
    rotation_sd: float = float("nan")
    translation_sd: float = float("nan")

    @property
    def calibrated(self) -> bool:
        return self.view is not None

    @property
    def used(self) -> int:
        return sum(each.used for each in self.fiducials)

    @property
    def state(self) -> str:
        return "calibrated" if self.calibrated else f"left out: {self.reason}"


@dataclass(frozen=True, eq=False)
class FiducialCalibration:
    """The calibrated views, the intrinsics that they share and the adjusted positions of the fiducials.

    positions: (fiducials, 3) LPS mm. scale: where lengths come from, in words. warnings: a sentence each.
    """

    findings: tuple[ViewFinding, ...]
    intrinsics: Intrinsics
    labels: tuple[str, ...]
    positions: Array
    scale: str
    phantom: str
    warnings: tuple[str, ...] = ()

    @property
    def views(self) -> tuple[View, ...]:
        return tuple(finding.view for finding in self.findings if finding.view is not None)

    @property
    def rms(self) -> float:
        """Root mean square of the residuals of all used fiducials, px."""
        squares = [
            each.residual**2
            for finding in self.findings
            if finding.calibrated
            for each in finding.fiducials
            if each.used and each.residual is not None
        ]
        return float(np.sqrt(np.mean(squares))) if squares else float("nan")

    def record(self) -> dict[str, Any]:
        """The JSON object of a case: its poses come from fiducials, with the residuals of each view."""
        return {
            "method": "fiducials",
            "phantom": self.phantom,
            "scale": self.scale,
            "rms_px": rounded(self.rms),
            "intrinsics": {
                "focal_px": rounded(self.intrinsics.focal),
                "focal_sd_px": rounded(self.intrinsics.focal * self.intrinsics.focal_sd),
                "centre_px": [rounded(value) for value in self.intrinsics.centre],
            },
            "fiducials": [
                {"label": label, "position": [rounded(x) for x in place]}
                for label, place in zip(self.labels, self.positions.tolist(), strict=True)
            ],
            "views": {finding.id: _view_record(finding) for finding in self.findings},
        }


def _view_record(finding: ViewFinding) -> dict[str, Any]:
    record: dict[str, Any] = {"state": finding.state}
    if finding.calibrated:
        record |= {
            "rms_px": rounded(finding.rms),
            "rotation_sd_deg": rounded(finding.rotation_sd),
            "translation_sd_mm": rounded(finding.translation_sd),
            "fiducials": [each.as_dict() for each in finding.fiducials],
        }
    return record
