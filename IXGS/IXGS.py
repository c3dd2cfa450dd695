"""The IXGS module of 3D Slicer: its description, its panel, its logic and its test."""

from __future__ import annotations

import sys
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
        from IXGSPanel.about import acknowledgement_text, help_text

        self.parent.helpText = help_text()
        self.parent.acknowledgementText = acknowledgement_text()
        slicer.app.connect("startupCompleted()", self.registerSampleData)

    def registerSampleData(self):
        """Offer the sample cases in Slicer's module Sample Data."""
        from IXGSPanel.sample_data import register

        register()


class IXGSFileReader:
    """Loads runs and registrations, and chooses cases, that are opened or dropped on Slicer by one of their files.

    done.json stands for a run, registration.json for a registration, case.json for a case.
    """

    def __init__(self, parent):
        self.parent = parent

    def description(self):
        return _("IXGS run, registration or case")

    def fileType(self):
        return "IXGSRun"

    def extensions(self):
        registration = _("IXGS registration") + " (*registration.json)"
        return [_("IXGS run") + " (*done.json)", registration, _("IXGS case") + " (*case.json)"]

    def canLoadFileConfidence(self, path):
        from IXGSPanel.dropped_files import confidence

        return confidence(path)

    def load(self, properties):
        import vtk
        from IXGSPanel.dropped_files import load
        from IXGSPanel.wording import panel_text

        from IXGSLib.errors import IXGSError

        try:
            self.parent.loadedNodes = load(properties["fileName"])
        except IXGSError as error:
            self.parent.userMessages().AddMessage(vtk.vtkCommand.ErrorEvent, panel_text(str(error)))
            return False
        return True


class IXGSFileDialog:
    """Takes the folder of a case, a run or a registration that is dropped on Slicer.

    Slicer finds it by its name, and calls its methods in place of a file dialog.
    """

    def __init__(self, dialog):
        self.dialog = dialog
        self.file = ""
        dialog.fileType = "IXGSFolder"
        dialog.description = _("IXGS case, run or registration")
        dialog.action = slicer.qSlicerFileDialog.Read

    def execDialog(self):
        """Nothing: folders are only dropped."""

    def isMimeDataAccepted(self):
        from IXGSPanel.dropped_files import dropped_file

        self.file = dropped_file(self.dialog.mimeData())
        self.dialog.acceptMimeData(bool(self.file))

    def dropEvent(self):
        from IXGSPanel.dropped_files import load
        from IXGSPanel.wording import panel_text

        from IXGSLib.errors import IXGSError

        try:
            load(self.file)
        except IXGSError as error:
            slicer.util.errorDisplay(panel_text(str(error)))


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
        outputFolder: a new folder for the run, by default one beside the runs of the panel.
        onEvent: called with each event of the run, a dictionary.
        Raises ReconstructionError with the message of the run if it fails.
        """
        from IXGSPanel.console import reconstruct
        from IXGSPanel.folders import new_run_folder

        out = outputFolder or new_run_folder(Path(caseFolder).resolve().name, preset)
        return reconstruct(caseFolder, out, preset, onEvent)

    def register(self, ctNode, caseFolder, vertebraeNode=None, levels=None, outputFolder=None, onEvent=None):
        """Register a CT to the X-rays of a case and return the text node of the result; Slicer stays responsive.

        ctNode: a volume node in Hounsfield units. caseFolder: a folder with case.json. vertebraeNode: a segmentation, a
        label map or points in the vertebral bodies; without it the spine is one body. levels: names of the vertebrae to
        register, such as ["L3", "L4"], by default all that the X-rays show. outputFolder: a new folder, by default one
        beside the runs of the panel. onEvent: called with each event, a dictionary.
        `vertebrae_of` and `record_of` of IXGSLib.scene.registrations give the result's transforms and verdicts.
        Raises IXGSError with the message of the registration if it fails.
        """
        from IXGSPanel.console import RegistrationRequest, register
        from IXGSPanel.folders import new_run_folder

        out = outputFolder or new_run_folder(Path(caseFolder).resolve().name, "ct")
        return register(RegistrationRequest(ctNode, caseFolder, out, vertebraeNode, tuple(levels or ())), onEvent)


class IXGSTest(ScriptedLoadableModuleTest):
    """Reconstructs the sample case with the panel, in a Slicer that has the packages of IXGS."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        self.setUp()
        from IXGSPanel.selftest import reconstruct_sample

        reconstruct_sample(self)
