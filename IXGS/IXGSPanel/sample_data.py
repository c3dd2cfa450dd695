"""The sample cases in Slicer's module Sample Data; they come with the extension, nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

ICON = Path(__file__).resolve().parents[1] / "Resources" / "Icons" / "IXGS.png"


def register() -> None:
    """Register the sample cases."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="IXGS",
        sampleName=_("25 X-rays of a lumbar spine (IXGS)"),
        thumbnailFileName=str(ICON),
        customDownloader=choose,
    )


def choose(source: Any = None) -> list[Any]:
    """Open the module with the sample case; returns no nodes, because its X-rays are read from the case."""
    slicer.util.selectModule("IXGS")
    slicer.util.getModuleWidget("IXGS").panel.xrays.choose_sample()
    return []
