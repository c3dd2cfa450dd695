"""The IXGS module of 3D Slicer: its description, its panel, its logic and its test."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import slicer

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent):  # IXGSLib is beside this file in an extension, one level up in the source tree
    if str(folder) not in sys.path:
        sys.path.append(str(folder))

try:
    from slicer.i18n import tr as _
    from slicer.i18n import translate
    from slicer.ScriptedLoadableModule import (
        ScriptedLoadableModule,
        ScriptedLoadableModuleLogic,
        ScriptedLoadableModuleTest,
        ScriptedLoadableModuleWidget,
    )
except ImportError:  # a plain Python with slicer-core has no application, where only the logic works
    ScriptedLoadableModule = ScriptedLoadableModuleWidget = ScriptedLoadableModuleLogic = object
    ScriptedLoadableModuleTest = object


class IXGS(ScriptedLoadableModule):
    """The entry in Slicer's list of modules."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("IXGS: volume from X-rays")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Tomographic Reconstruction")]
        self.parent.dependencies = []
        self.parent.contributors = ["The IXGS contributors"]
        self.parent.helpText = _(
            "Reconstructs a volume of the spine from 10 to 30 calibrated C-arm X-rays taken from arbitrary angles. "
            "Choose the X-rays, press Apply and review the volume. Research use only. Not a medical device."
        )
        self.parent.acknowledgementText = _(
            "IXGS extends the method of arXiv 2504.14699. Sample case: TCGA-OV, The Cancer Imaging Archive, CC BY 3.0."
        )


class IXGSWidget(ScriptedLoadableModuleWidget):
    """The panel in Slicer's module area."""

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        from IXGSPanel.panel import Panel
        from IXGSPanel.wheel import WheelGuard

        widget = slicer.util.loadUI(self.resourcePath("UI/IXGS.ui"))
        widget.setMRMLScene(slicer.mrmlScene)
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        self.logic = IXGSLogic()
        self.panel = Panel(self.ui, self.logic)
        self.wheel = WheelGuard()
        self.wheel.guard(widget)

    def enter(self):
        self.panel.open()

    def cleanup(self):
        self.panel.cleanup()


class IXGSLogic(ScriptedLoadableModuleLogic):
    """The interface for scripts."""

    def getParameterNode(self):
        from IXGSPanel.parameters import IXGSParameterNode

        return IXGSParameterNode(super().getParameterNode())

    def reconstruct(self, caseFolder, preset="standard", outputFolder=None, onEvent=None):
        """Reconstruct a case and return its volume node; Slicer stays responsive meanwhile.

        caseFolder: a folder with case.json. preset: preview, standard or fine.
        outputFolder: a new folder for the run, by default a temporary one.
        onEvent: called with each event of the run, a dictionary.
        Raises ReconstructionError with the message of the run if it fails.
        """
        from IXGSPanel.console import reconstruct

        out = outputFolder or Path(tempfile.mkdtemp(prefix="ixgs-")) / "run"
        return reconstruct(caseFolder, out, preset, onEvent)


class IXGSTest(ScriptedLoadableModuleTest):
    """Reconstructs the sample case with the panel, in a Slicer that has the packages of IXGS."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        self.setUp()
        from IXGSPanel.selftest import reconstruct_sample

        reconstruct_sample(self)
