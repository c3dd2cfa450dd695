"""The calibration of X-rays that show a known phantom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ...xray.fiducials import Fiducial
from .bundle import Bundle, Priors, bundled
from .camera import Intrinsics
from .detection import as_shadows, found_shadows
from .findings import (
    calibrated_intrinsics,
    focal_warnings,
    left_out,
    missing_warnings,
    radius_warnings,
    residual_warnings,
    view_finding,
)
from .hypotheses import Shadows
from .labelling import Verdict, label
from .phantom import Phantom
from .polarity import with_dense_fiducials
from .refusals import refuse_mirrored, refuse_unit
from .result import FiducialCalibration, ViewFinding
from .settings import FiducialSettings
from .shots import Shot, nominal_intrinsics

KNOWN_FOCAL_SD = 0.01
"""Relative standard deviation of the focal length once other views are calibrated."""

Progress = Callable[[int, int], object]


def calibrate_with_phantom(
    shots: Sequence[Shot],
    phantom: Phantom,
    settings: FiducialSettings | None = None,
    on_progress: Progress = lambda done, total: None,
) -> FiducialCalibration:
    """The poses of X-rays in the frame of the phantom that all of them show, and the intrinsics that they share.

    on_progress: called with the number of views that are labelled, and of all.
    A view that cannot be calibrated is in the result with the reason.
    Raises GeometryError for mirrored X-rays, for a phantom in a wrong unit and for X-rays of different sizes.
    """
    settings = settings or FiducialSettings()
    if settings.diameter_mm is not None:
        phantom = phantom.with_diameter(settings.diameter_mm)
    nominal = nominal_intrinsics(shots, settings.focal_tolerance)
    shots, messages = with_dense_fiducials(shots, phantom, nominal, settings.seed)
    found = [found_shadows(shot, phantom.diameter_range) for shot in shots]
    shadows = [as_shadows(each, shot.mask) for each, shot in zip(found, shots, strict=True)]
    verdicts = []
    for each in shadows:
        verdicts.append(label(phantom, each, nominal, settings.seed))
        on_progress(len(verdicts), len(shots))
    if phantom.chiral:
        refuse_mirrored(phantom, shadows, verdicts, nominal, settings.seed)
    bundle = _bundle(shots, phantom, found, verdicts, nominal, settings)
    if bundle is not None and len(bundle.views) < len(shots):
        verdicts = _labelled_again(phantom, shadows, verdicts, bundle.scene.intrinsics, settings.seed)
        bundle = _bundle(shots, phantom, found, verdicts, nominal, settings)
    if bundle is not None:
        refuse_unit(phantom, bundle)
        bundle = _without_bad(shots, phantom, found, verdicts, bundle, nominal, settings)
    result = _result(shots, phantom, found, verdicts, bundle, nominal, settings)
    return replace(result, warnings=(*messages, *result.warnings))


def _labelled_again(
    phantom: Phantom, shadows: Sequence[Shadows], verdicts: list[Verdict], known: Intrinsics, seed: int
) -> list[Verdict]:
    """The verdicts with another search, at the intrinsics of the calibrated views, for those that failed."""
    known = replace(known, focal_sd=KNOWN_FOCAL_SD)
    return [
        verdict if verdict.labelling else label(phantom, each, known, seed + 1)
        for each, verdict in zip(shadows, verdicts, strict=True)
    ]


def _bundle(
    shots: Sequence[Shot],
    phantom: Phantom,
    found: Sequence[list[Fiducial]],
    verdicts: Sequence[Verdict],
    nominal: Intrinsics,
    settings: FiducialSettings,
) -> Bundle | None:
    labelled = {n: verdict.labelling for n, verdict in enumerate(verdicts) if verdict.labelling is not None}
    if not labelled:
        return None
    return bundled(shots, phantom, found, labelled, Priors(nominal, settings.position_tolerance_mm))


def _without_bad(
    shots: Sequence[Shot],
    phantom: Phantom,
    found: Sequence[list[Fiducial]],
    verdicts: list[Verdict],
    bundle: Bundle,
    nominal: Intrinsics,
    settings: FiducialSettings,
) -> Bundle | None:
    """The bundle without views that are not accepted, which would bend the intrinsics of the others."""
    bad = {}
    for place, n in enumerate(bundle.views):
        finding = view_finding(shots[n], found[n], phantom.labels, bundle, place, settings)
        if not finding.calibrated:
            bad[n] = Verdict(None, finding.reason)
    if not bad:
        return bundle
    for n, verdict in bad.items():
        verdicts[n] = verdict
    return _bundle(shots, phantom, found, verdicts, nominal, settings)


def _result(
    shots: Sequence[Shot],
    phantom: Phantom,
    found: Sequence[list[Fiducial]],
    verdicts: Sequence[Verdict],
    bundle: Bundle | None,
    nominal: Intrinsics,
    settings: FiducialSettings,
) -> FiducialCalibration:
    findings: list[ViewFinding] = []
    for n, shot in enumerate(shots):
        place = None if bundle is None else bundle.place(n)
        if bundle is None or place is None:
            findings.append(left_out(shot, found[n], verdicts[n].reason))
        else:
            findings.append(view_finding(shot, found[n], phantom.labels, bundle, place, settings))
    stated = any(shot.source_detector is not None for shot in shots)
    intrinsics = nominal if bundle is None else calibrated_intrinsics(bundle)
    return FiducialCalibration(
        tuple(findings),
        intrinsics,
        phantom.labels,
        phantom.positions if bundle is None else bundle.scene.positions,
        f"from the positions of the {len(phantom)} fiducials of {phantom.name}",
        phantom.name,
        () if bundle is None else tuple(_warnings(phantom, bundle, intrinsics, nominal, stated)),
    )


def _warnings(phantom: Phantom, bundle: Bundle, intrinsics: Intrinsics, nominal: Intrinsics, stated: bool) -> list[str]:
    messages = residual_warnings(bundle, nominal.size) + focal_warnings(intrinsics, nominal, stated)
    messages += radius_warnings(bundle) + missing_warnings(bundle, phantom.labels)
    if not phantom.chiral:
        messages.append(
            f"{phantom.name} looks like its own mirror image, so that mirrored X-rays cannot be recognised; check that "
            "left and right of the X-rays are those of the patient seen from the source"
        )
    return messages
