"""Conventions of DICOM tags compared by quick reconstructions: how well each predicts X-rays that it has not seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..errors import Cancelled, IXGSError
from ..geometry.coverage import common_region
from .stopping import stop_asked

if TYPE_CHECKING:
    from ..calibration.tag_hypotheses import Hypothesis
    from ..compute.device import Device

PREVIEW_PIXELS = 64
"""Fewest pixels along the longer side of the reduced X-rays, unless the X-rays themselves have fewer."""
PREVIEW_VOXELS = 48
"""Voxels along the longest side of the region."""
HELD_OUT_SHARE = 0.2
"""Fraction of the views that a preview does not use, and has to predict."""
SETTINGS = {
    "schedule.steps": 150,
    "schedule.coarse_steps": 50,
    "schedule.refit_steps": 0,
    "cloud.gaussians": 4000,
    "tissue.body_attenuation": 0.0,
}
"""Changes to the preset preview: a small cloud suffices for reduced X-rays, and fitting a body model takes longer than
the rest."""


def held_out_psnr(
    hypotheses: Sequence[Hypothesis], device: Device = "auto", report: Callable[[int, int], None] | None = None
) -> dict[str, float]:
    """The PSNR in dB of the held-out views of a preview by each hypothesis, by its name; without those that fail.

    report: called with the number of finished previews and of all. Raises Cancelled when the user asks to stop.
    """
    found = {}
    for number, hypothesis in enumerate(hypotheses):
        if report is not None:
            report(number, len(hypotheses))
        try:
            found[hypothesis.title] = _psnr(hypothesis, device)
        except Cancelled:
            raise
        except IXGSError:
            continue  # such as poses under which no region is seen by all views: they predict nothing
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _psnr(hypothesis: Hypothesis, device: Device) -> float:
    from ..formats import Case
    from ..reconstruction import reconstruct
    from ..xray.reduction import reduced

    xrays = hypothesis.posed.xrays
    small = tuple(reduced(xray, max(1, max(xray.view.size) // PREVIEW_PIXELS)) for xray in xrays)
    whole = common_region([xray.view for xray in small])
    grid = whole.with_spacing(float(whole.size.max()) / PREVIEW_VOXELS)
    changes = {**SETTINGS, "schedule.held_out": max(1, round(HELD_OUT_SHARE * len(small)))}
    result = reconstruct(Case(small, grid), "preview", settings=changes, cancelled=stop_asked, device=device)
    return float(result.metrics["held_out_psnr"])
