"""A case of X-rays made a case of bone-enhanced radiographs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from .. import __version__
from ..errors import SettingsError
from ..files import sha256
from ..formats import Case
from ..formats.standardization import Standardization
from ..resources import shipped_weights
from ..xray import XRay
from ..xray.fiducials import Ball, covered, find_balls
from . import classical
from .inpainting import inpainted
from .polarity import polarity
from .settings import StandardizationSettings

NEGATIVE = -1.0
"""Mean logarithm of the odds, over all views, from which dense tissue is taken to be dark in line integrals."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A view before it is standardised: its line integrals with fiducials painted over, and what is known of them.

    field: bool, pixels that are measured or painted over. pixel: their side in the patient, mm.
    """

    xray: XRay
    image: np.ndarray
    field: np.ndarray
    pixel: float
    balls: list[Ball]


class Method(Protocol):
    """What makes bone-enhanced line integrals of a view, and what it says of itself in the record."""

    about: dict[str, Any]

    def apply(self, view: Prepared) -> tuple[np.ndarray, dict[str, Any]]:
        """The image (rows, columns) float32, not negative, and what was found in the view."""
        ...


def standardize(
    case: Case, settings: StandardizationSettings | None = None, on_progress: Callable[[int, int], None] | None = None
) -> Case:
    """The case with its X-rays standardised, marked as synthetic, and the X-rays before that beside them.

    Views, region and name stay; the mask loses the pixels behind metal balls. With method none, and with auto for a
    case of line integrals, the case comes back as it is. on_progress: called with the views that are done and all.
    What the user should know is added to the case's warnings. Raises SettingsError for a case that is standardised
    already and for pix2pix without weights, and what `load_weights` raises.
    """
    settings = StandardizationSettings() if settings is None else settings
    messages: list[str] = []
    chosen, weights = resolved(case, settings, messages)
    if chosen == "none":
        return case
    if case.standardization is not None and case.standardization.synthetic:
        raise SettingsError(
            f"case '{case.name}' was standardised by {case.standardization.method} already, expected X-rays; take the "
            "case that it was made from"
        )
    method: Method = _Classical() if weights is None else _Pix2Pix(weights)
    images, turned = _dense_bright(case, messages)
    prepared = _prepared(case, images, settings)
    made, findings = [], {}
    for number, (view, (image, found)) in enumerate(zip(prepared, _each(method, prepared), strict=True)):
        made.append(_standardized(view, image))
        findings[view.xray.view.id] = {"fiducials": [_record(ball) for ball in view.balls], **found}
        if on_progress is not None:
            on_progress(number + 1, len(prepared))
    messages += _notes(findings, settings)
    record = {
        "synthetic": True,
        "method": chosen,
        "settings": settings.as_dict(),
        "inverted": turned,
        **method.about,
        "ixgs": __version__,
        "source": {"name": case.name, "files": case.hashes},
        "views": findings,
    }
    return replace(
        case,
        xrays=tuple(made),
        warnings=tuple(dict.fromkeys([*case.warnings, *messages])),
        standardization=Standardization(record, {xray.view.id: xray for xray in case.xrays}),
    )


def resolved(
    case: Case, settings: StandardizationSettings, messages: list[str] | None = None
) -> tuple[Literal["none", "classical", "pix2pix"], Path | None]:
    """What `auto` means for a case, and the weights that it takes; whether they are sound is not looked at.

    messages: takes a sentence where auto has to make do without weights. Raises SettingsError for pix2pix without any.
    """
    weights = settings.weights or shipped_weights()
    if settings.method != "auto":
        if settings.method != "pix2pix":
            return settings.method, None
        if weights is None:
            raise SettingsError(
                "pix2pix without weights: none come with this IXGS; give --weights FILE.safetensors, or take classical"
            )
        return "pix2pix", weights
    if all(xray.values == "line_integral" for xray in case.xrays):
        return "none", None
    if weights is None:
        if messages is not None:
            messages.append(
                "no weights of a network come with this IXGS, so that auto standardises by the classical method; give "
                "weights for pix2pix"
            )
        return "classical", None
    return "pix2pix", weights


class _Classical:
    def __init__(self) -> None:
        self.about: dict[str, Any] = {}

    def apply(self, view: Prepared) -> tuple[np.ndarray, dict[str, Any]]:
        return classical.enhanced(view.image, view.field, view.pixel), {}


class _Pix2Pix:
    def __init__(self, weights: Path) -> None:
        from .network import load_network  # torch takes seconds

        self.network = load_network(weights)
        self.about: dict[str, Any] = {"weights": {"name": weights.name, "sha256": sha256(weights.read_bytes())}}

    def apply(self, view: Prepared) -> tuple[np.ndarray, dict[str, Any]]:
        image = self.network.apply(view.image, view.field)
        if self.network.likeness_model is None:
            return image, {}
        return image, {"likeness": round(self.network.likeness(view.image, view.field), 3)}


def _each(method: Method, views: list[Prepared]) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    """The result of each view in order; views are independent, and their filters leave the interpreter free."""
    if isinstance(method, _Pix2Pix):  # which has threads of its own
        yield from map(method.apply, views)
        return
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(method.apply, views)


def _dense_bright(case: Case, messages: list[str]) -> tuple[list[np.ndarray], bool]:
    """The line integrals of all views, turned over where the intensities were stored as their negative."""
    images = [xray.image for xray in case.xrays]
    if any(xray.values == "line_integral" for xray in case.xrays):
        return images, False
    if np.mean([polarity(xray.image, xray.mask) for xray in case.xrays if xray.mask.any()] or [0.0]) > NEGATIVE:
        return images, False
    messages.append(
        "the intensities look like negatives (dense tissue bright) and were turned over before standardisation; check "
        "the pictures, and export raw intensities if you can"
    )
    return [-image for image in images], True


def _prepared(case: Case, images: list[np.ndarray], settings: StandardizationSettings) -> list[Prepared]:
    pixels = [xray.view.pixel_size(case.grid.center) for xray in case.xrays]
    balls: list[list[Ball]] = [[] for _ in case.xrays]
    if settings.fiducials:
        balls = find_balls(images, [xray.mask for xray in case.xrays], pixels, settings.ball_diameter)
    views = []
    for xray, image, pixel, found in zip(case.xrays, images, pixels, balls, strict=True):
        hidden = covered(found, image.shape)
        painted = inpainted(image, hidden, xray.mask) if found else image
        views.append(Prepared(xray, painted, xray.mask | hidden, pixel, found))
    return views


def _standardized(view: Prepared, image: np.ndarray) -> XRay:
    """The X-ray with another image, whose pixels behind balls are not to be believed."""
    mask = view.xray.mask & ~covered(view.balls, image.shape)
    return XRay(view.xray.view, np.where(mask, image, 0), mask, "line_integral")


def _record(ball: Ball) -> dict[str, float]:
    return {name: round(getattr(ball, name), 3) for name in ("x", "y", "radius", "contrast", "likeness")}


def _notes(findings: dict[str, dict[str, Any]], settings: StandardizationSettings) -> list[str]:
    """What the user should know: that the images are synthetic, which are unlike the training, fiducials."""
    notes = ["the X-rays were standardised: what is shown of them is synthetic, compare it with the X-rays themselves"]
    unlike = [id for id, found in findings.items() if found.get("likeness", np.inf) < settings.likeness_limit]
    if unlike:
        notes.append(
            f"view {', '.join(unlike)}: unlike the X-rays that the network was trained on (likeness below "
            f"{settings.likeness_limit:g}); do not rely on what it made of them"
        )
    count = sum(len(found["fiducials"]) for found in findings.values())
    if count:
        seen = sum(bool(found["fiducials"]) for found in findings.values())
        notes.append(f"{count} metal balls in {seen} views were painted over and masked")
    return notes
