"""The case that a calibration from fiducials makes: its views, masks and record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import GeometryError, views_by_reason
from ...formats import Case
from ...formats.calibration_record import CalibrationRecord
from ...formats.fiducial_findings import FIDUCIALS, covered
from ...geometry.coverage import check_views, common_region
from ...messages import collect_warnings, unique
from ...xray import XRay
from .reading import ShotImages
from .result import FiducialCalibration, ViewFinding

MIN_VIEWS = 2
"""Fewest calibrated views of a case."""


def calibrated_case(images: ShotImages, calibration: FiducialCalibration) -> Case:
    """The case of the calibrated X-rays, in which fiducials are masked and not painted over.

    Its frame is that of the phantom, or of the approximate poses. Views that are left out are named in a warning.
    Raises GeometryError with the reason for each view where fewer than MIN_VIEWS are calibrated, and for views that
    see no common region.
    """
    refuse_too_few(calibration)
    pairs = zip(images.xrays, calibration.findings, strict=True)
    xrays = [masked(xray, finding) for xray, finding in pairs if finding.calibrated]
    views = [xray.view for xray in xrays]
    with collect_warnings() as messages:
        grid = common_region(views)
        check_views(views, grid)
    record = calibration.record()
    if images.distortion:
        record["distortion"] = images.distortion
    return Case(
        tuple(xrays),
        grid,
        images.name,
        unique(images.warnings, left_out_warnings(calibration.findings), calibration.warnings, messages),
        images.hashes,
        provenance={view.id: FIDUCIALS for view in views},
        calibration=CalibrationRecord(record),
    )


def refuse_too_few(calibration: FiducialCalibration) -> None:
    """Raises GeometryError with the reason for each view where fewer than MIN_VIEWS are calibrated."""
    if len(calibration.views) >= MIN_VIEWS:
        return
    reasons = views_by_reason([(one.id, one.reason) for one in calibration.findings if not one.calibrated])
    lines = "\n".join(f"  {reason}" for reason in reasons)
    raise GeometryError(
        f"{len(calibration.views)} of {len(calibration.findings)} X-rays can be calibrated, expected at least "
        f"{MIN_VIEWS}:\n{lines}\n  check that every X-ray shows {calibration.phantom}, and what the pixels hold"
    )


def left_out_warnings(findings: Sequence[ViewFinding]) -> list[str]:
    """A warning for each reason for which views are left out."""
    return [
        f"{line}; left out of the case" for line in views_by_reason([(f.id, f.reason) for f in findings if f.reason])
    ]


def masked(xray: XRay, finding: ViewFinding) -> XRay:
    """The X-ray with its calibrated view and without the pixels that fiducials cover, found or expected."""
    assert finding.view is not None
    mask = xray.mask & ~covered(finding.fiducials, xray.image.shape)
    return XRay(finding.view, np.asarray(xray.image), mask, xray.values)
