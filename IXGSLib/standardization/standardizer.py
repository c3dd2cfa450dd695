"""Turning a case of X-rays into a case of bone-enhanced radiographs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import Notice, SettingsError
from ..formats import Case
from ..formats.standardization import Standardization
from ..version import __version__
from ..xray import XRay
from ..xray.fiducials import Fiducial
from .enhancers import enhance_all, enhancer
from .method import ResolvedMethod, resolve_method
from .preparation import PreparedCase, PreparedView, prepare
from .settings import StandardizationSettings


def standardize(
    case: Case, settings: StandardizationSettings | None = None, on_progress: Callable[[int, int], None] | None = None
) -> Case:
    """The case with its X-rays standardised, marked as synthetic, and the original X-rays kept with it.

    Views, region and name stay; the mask loses the pixels behind fiducials. Method none, and auto for a case of line
    integrals, return the case unchanged. on_progress: called with the number of finished views and of all views.
    What the user should know is added to the case's warnings. Raises SettingsError for a case that is already
    standardised and for pix2pix without weights, and what `load_weights` raises.
    """
    settings = StandardizationSettings() if settings is None else settings
    resolved = _checked_method(case, settings)
    if resolved.method == "none":
        return case
    method = enhancer(resolved)
    prepared = prepare(case, settings)
    made, findings = [], {}
    for view, (image, found) in zip(prepared.views, enhance_all(method, prepared.views), strict=True):
        made.append(_standardized(view, image))
        findings[view.xray.view.id] = {"fiducials": [_fiducial_record(each) for each in view.fiducials], **found}
        if on_progress is not None:
            on_progress(len(made), len(prepared.views))
    record = {
        "synthetic": True,
        "method": resolved.method,
        "settings": settings.as_dict(),
        "inverted": prepared.inverted,
        **method.about,
        "ixgs": __version__,
        "source": {"name": case.name, "files": case.hashes},
        "views": findings,
    }
    return replace(
        case,
        xrays=tuple(made),
        warnings=tuple(dict.fromkeys([*case.warnings, *_warnings(resolved, prepared, findings, settings)])),
        standardization=Standardization(record, {xray.view.id: xray for xray in case.xrays}),
    )


def _checked_method(case: Case, settings: StandardizationSettings) -> ResolvedMethod:
    """The method for a case; raises SettingsError for one that is already standardised."""
    lines = all(xray.values == "line_integral" for xray in case.xrays)
    resolved = resolve_method("line_integral" if lines else "intensity", settings)
    if resolved.method != "none" and case.standardization is not None and case.standardization.synthetic:
        raise SettingsError(
            f"case '{case.name}' is already standardised by {case.standardization.method}, expected X-rays; use the "
            "case that it was made from"
        )
    return resolved


def _standardized(view: PreparedView, image: np.ndarray) -> XRay:
    """The X-ray with another image, masked where fiducials hide the patient."""
    mask = view.mask
    return XRay(view.xray.view, np.where(mask, image, 0), mask, "line_integral")


def _fiducial_record(fiducial: Fiducial) -> dict[str, float]:
    return {name: round(getattr(fiducial, name), 3) for name in ("x", "y", "radius", "contrast", "correlation")}


def _warnings(
    resolved: ResolvedMethod,
    prepared: PreparedCase,
    findings: dict[str, dict[str, Any]],
    settings: StandardizationSettings,
) -> list[str]:
    """What the user should know of a standardisation."""
    warnings = [resolved.message] if resolved.message else []
    if prepared.inverted:
        warnings.append(
            "the intensities look like negatives (dense tissue bright) and were inverted before standardisation; check "
            "the images, and export raw intensities if you can"
        )
    warnings.append(
        Notice("the X-rays were standardised: the images are synthetic, compare them with the X-rays themselves")
    )
    limit = settings.min_distribution_score
    unusual = [id for id, found in findings.items() if found.get("distribution_score", np.inf) < limit]
    if unusual:
        warnings.append(
            f"view {', '.join(unusual)}: unlike the X-rays that the network was trained on (in-distribution score "
            f"below {limit:g}); do not rely on the standardised image"
        )
    counts = [len(found["fiducials"]) for found in findings.values()]
    if any(counts):
        text = f"{sum(counts)} fiducials in {np.count_nonzero(counts)} views were inpainted and masked"
        warnings.append(Notice(text))
    return warnings
