"""The choices of the user, kept in the scene."""

from __future__ import annotations

from typing import Annotated, Any

from slicer import (
    vtkMRMLLinearTransformNode,
    vtkMRMLMarkupsROINode,
    vtkMRMLNode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLTextNode,
)
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

from .connectors import Choice, PathText

SOURCES = ("files", "scene")
CALIBRATION_FORMATS = (
    *("", "matrices", "matrices-by-columns", "cameras", "rtk", "astra", "tigre", "tigre-matlab", "r2-gaussian"),
    *("mayacam", "vtkcam", "conrad", "transforms", "itk", "slicer", "deepfluoro"),
)
UNITS = ("mm", "cm", "m", "in")
VALUES = ("intensity", "line_integral")
METHODS = ("auto", "none", "classical", "pix2pix")
PRESETS = ("preview", "standard", "fine")
DEVICES = ("auto", "cpu", "cuda")


@parameterNodeWrapper
class IXGSParameterNode:
    """The parameters of the panel; scenes are saved with these names.

    leftOut: JSON list of the ids of unticked views. settings: JSON object of settings that replace those of the preset.
    lastRun: JSON object with the folder of the last run and the choices it was started with.
    calibrationFormat: empty to recognize it. tagConventions: deviations of DICOM tags from the standard, with blanks in
    between.
    openField, pixelSize, sceneOpenField, voxelSize: 0 for the value of the files or the case.
    threshold: attenuation in 1/mm. rotationError, shiftError: expected errors of the poses, degrees and mm.
    refinementDecidedFor: JSON list that identifies the X-rays for which refinePoses was chosen.
    ctVertebrae: a segmentation, a label map or points. levels: names of the vertebrae to register, with blanks in
    between. registrationSettings: JSON object of settings of a registration that replace the defaults.
    """

    source: str = "files"
    casePath: str = ""
    calibrationPath: str = ""
    calibrationFormat: str = ""
    calibrationUnit: str = "mm"
    pixelValues: str = "intensity"
    tagConventions: str = ""
    openField: Annotated[float, WithinRange(0.0, 1e9)] = 0.0
    pixelSize: Annotated[float, WithinRange(0.0, 10.0)] = 0.0
    sourceDetector: Annotated[float, WithinRange(1.0, 5000.0)] = 1000.0
    sceneValues: str = "intensity"
    sceneOpenField: Annotated[float, WithinRange(0.0, 1e9)] = 0.0
    leftOut: str = "[]"
    showFiducials: bool = True
    showCArm: bool = False
    refinePoses: bool = False
    refinementDecidedFor: str = ""
    rotationError: Annotated[float, WithinRange(0.1, 30.0)] = 2.0
    shiftError: Annotated[float, WithinRange(0.1, 200.0)] = 6.0
    standardization: str = "auto"
    weights: str = ""
    learnedPrior: bool = True
    region: vtkMRMLMarkupsROINode
    voxelSize: Annotated[float, WithinRange(0.0, 20.0)] = 0.0
    preset: str = "standard"
    device: str = "auto"
    livePreview: bool = True
    settings: str = "{}"
    lastRun: str = "{}"
    volume: vtkMRMLScalarVolumeNode
    threshold: Annotated[float, WithinRange(0.0, 0.1)] = 0.0
    ct: vtkMRMLScalarVolumeNode
    ctVertebrae: vtkMRMLNode
    levels: str = ""
    registrationStart: vtkMRMLLinearTransformNode
    registrationSettings: str = "{}"
    registration: vtkMRMLTextNode
    showOutlines: bool = True


def connectors(ui: Any) -> dict[str, Any]:
    """The bindings, by parameter, that the parameter node does not make by itself."""
    return {
        "source": Choice(ui.source, SOURCES),
        "casePath": PathText(ui.casePath),
        "calibrationPath": PathText(ui.calibrationPath),
        "calibrationFormat": Choice(ui.calibrationFormat, CALIBRATION_FORMATS),
        "calibrationUnit": Choice(ui.calibrationUnit, UNITS),
        "pixelValues": Choice(ui.pixelValues, VALUES),
        "sceneValues": Choice(ui.sceneValues, VALUES),
        "standardization": Choice(ui.standardization, METHODS),
        "weights": PathText(ui.weights),
        "preset": Choice(ui.preset, PRESETS),
        "device": Choice(ui.device, DEVICES),
    }
