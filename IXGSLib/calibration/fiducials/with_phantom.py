"""The calibration of X-rays that show a known phantom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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


@dataclass(frozen=True, eq=False)
class _Task:
    """Shots with their round shadows, the phantom, and what is known before the calibration."""

    shots: Sequence[Shot]
    found: Sequence[list[Fiducial]]
    phantom: Phantom
    nominal: Intrinsics
    settings: FiducialSettings

    @property
    def shadows(self) -> list[Shadows]:
        return [as_shadows(each, shot.mask) for each, shot in zip(self.found, self.shots, strict=True)]


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
    task = _Task(shots, found, phantom, nominal, settings)
    verdicts = _labelled(task, on_progress)
    bundle = _bundle(task, verdicts)
    if bundle is not None and len(bundle.views) < len(shots):
        verdicts = _labelled_again(task, verdicts, bundle.scene.intrinsics)
        bundle = _bundle(task, verdicts)
    if bundle is not None:
        refuse_unit(phantom, bundle)
        verdicts = _checked(task, verdicts, bundle)
        if sum(verdict.labelling is not None for verdict in verdicts) < len(bundle.views):
            bundle = _bundle(task, verdicts)
    return _result(task, verdicts, bundle, messages)


def _labelled(task: _Task, on_progress: Progress) -> list[Verdict]:
    """The verdict on the labels of each shot; raises GeometryError for mirrored X-rays."""
    shadows, verdicts = task.shadows, []
    for each in shadows:
        verdicts.append(label(task.phantom, each, task.nominal, task.settings.seed))
        on_progress(len(verdicts), len(shadows))
    if task.phantom.chiral:
        refuse_mirrored(task.phantom, shadows, verdicts, task.nominal, task.settings.seed)
    return verdicts


def _labelled_again(task: _Task, verdicts: Sequence[Verdict], known: Intrinsics) -> list[Verdict]:
    """The verdicts with another search, at the intrinsics of the calibrated views, for those that failed."""
    known = replace(known, focal_sd=KNOWN_FOCAL_SD)
    return [
        verdict if verdict.labelling else label(task.phantom, each, known, task.settings.seed + 1)
        for each, verdict in zip(task.shadows, verdicts, strict=True)
    ]


def _bundle(task: _Task, verdicts: Sequence[Verdict]) -> Bundle | None:
    """The bundle adjustment of all labelled views; None without any."""
    labelled = {n: verdict.labelling for n, verdict in enumerate(verdicts) if verdict.labelling is not None}
    if not labelled:
        return None
    priors = Priors(task.nominal, task.settings.position_tolerance_mm)
    return bundled(task.shots, task.phantom, task.found, labelled, priors)


def _checked(task: _Task, verdicts: Sequence[Verdict], bundle: Bundle) -> list[Verdict]:
    """The verdicts without the views that are not accepted, which would bend the intrinsics of the others."""
    kept = list(verdicts)
    for n in bundle.views:
        finding = _finding(task, n, verdicts[n], bundle)
        if not finding.calibrated:
            kept[n] = Verdict(None, finding.reason)
    return kept


def _finding(task: _Task, n: int, verdict: Verdict, bundle: Bundle | None) -> ViewFinding:
    place = None if bundle is None else bundle.place(n)
    if bundle is None or place is None:
        return left_out(task.shots[n], task.found[n], verdict.reason)
    return view_finding(task.shots[n], task.found[n], task.phantom.labels, bundle, place, task.settings)


def _result(
    task: _Task, verdicts: Sequence[Verdict], bundle: Bundle | None, messages: Sequence[str]
) -> FiducialCalibration:
    phantom = task.phantom
    intrinsics = task.nominal if bundle is None else calibrated_intrinsics(bundle)
    return FiducialCalibration(
        tuple(_finding(task, n, verdict, bundle) for n, verdict in enumerate(verdicts)),
        intrinsics,
        phantom.labels,
        phantom.positions if bundle is None else bundle.scene.positions,
        f"from the positions of the {len(phantom)} fiducials of {phantom.name}",
        phantom.name,
        (*messages, *([] if bundle is None else _warnings(task, bundle, intrinsics))),
    )


def _warnings(task: _Task, bundle: Bundle, intrinsics: Intrinsics) -> list[str]:
    phantom = task.phantom
    stated = any(shot.source_detector is not None for shot in task.shots)
    messages = residual_warnings(bundle, task.nominal.size) + focal_warnings(intrinsics, task.nominal, stated)
    messages += radius_warnings(bundle) + missing_warnings(bundle, phantom.labels)
    if not phantom.chiral:
        messages.append(
            f"{phantom.name} looks like its own mirror image, so that mirrored X-rays cannot be recognised; check that "
            "left and right of the X-rays are those of the patient seen from the source"
        )
    return messages
