"""What the user chose, kept in the scene."""

from __future__ import annotations

from typing import Annotated, Any

from slicer import vtkMRMLMarkupsROINode, vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

from .connectors import Choice, PathText

SOURCES = ("files", "scene")
VALUES = ("intensity", "line_integral")
METHODS = ("auto", "none", "classical", "pix2pix")
PRESETS = ("preview", "standard", "fine")
DEVICES = ("auto", "cpu", "cuda")


@parameterNodeWrapper
class IXGSParameterNode:
    """Choices of the panel.

    leftOut, settings and lastRun are JSON: a list of view ids, an object of settings that replace the preset's, and
    the folder of the run that was started last with what was asked of it.
    openField, pixelSize, voxelSize: 0 where the files or the case decide. threshold: 1/mm.
    """

    source: str = "files"
    casePath: str = ""
    calibrationPath: str = ""
    pixelValues: str = "intensity"
    openField: Annotated[float, WithinRange(0.0, 1e9)] = 0.0
    pixelSize: Annotated[float, WithinRange(0.0, 10.0)] = 0.0
    sourceDetector: Annotated[float, WithinRange(1.0, 5000.0)] = 1000.0
    sceneValues: str = "intensity"
    leftOut: str = "[]"
    showCArm: bool = False
    standardization: str = "auto"
    weights: str = ""
    region: vtkMRMLMarkupsROINode
    voxelSize: Annotated[float, WithinRange(0.0, 20.0)] = 0.0
    preset: str = "standard"
    device: str = "auto"
    outputFolder: str = ""
    livePreview: bool = True
    settings: str = "{}"
    lastRun: str = "{}"
    volume: vtkMRMLScalarVolumeNode
    threshold: Annotated[float, WithinRange(0.0, 0.1)] = 0.0


def connectors(ui: Any) -> dict[str, Any]:
    """By parameter, what binds it to a widget that the parameter node does not bind itself."""
    return {
        "source": Choice(ui.source, SOURCES),
        "casePath": PathText(ui.casePath),
        "calibrationPath": PathText(ui.calibrationPath),
        "pixelValues": Choice(ui.pixelValues, VALUES),
        "sceneValues": Choice(ui.sceneValues, VALUES),
        "standardization": Choice(ui.standardization, METHODS),
        "weights": PathText(ui.weights),
        "preset": Choice(ui.preset, PRESETS),
        "device": Choice(ui.device, DEVICES),
        "outputFolder": PathText(ui.outputFolder),
    }
