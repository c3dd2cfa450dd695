"""The sample cases in Slicer's module Sample Data; they come with the extension, nothing is downloaded."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

ICON = Path(__file__).resolve().parents[1] / "Resources" / "Icons" / "IXGS.png"


def register() -> None:
    """Register the sample cases."""
    import SampleData

    cases = {
        "SampleCase": _("25 X-rays of lumbar bones (IXGS)"),
        "RealisticCase": _("16 C-arm X-rays of a lumbar spine (IXGS)"),
    }
    for case, title in cases.items():
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category="IXGS",
            sampleName=title,
            thumbnailFileName=str(ICON),
            customDownloader=partial(choose, case),
        )


def choose(case: str, source: Any = None) -> list[Any]:
    """Open the module with a sample case; returns no nodes, because its X-rays are read from the case."""
    slicer.util.selectModule("IXGS")
    slicer.util.getModuleWidget("IXGS").panel.xrays.choose_sample(case)
    return []
