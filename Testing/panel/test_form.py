"""The form of the panel: bindings, labels, tooltips, translation and width."""

import ast
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "IXGS"
FORM = MODULE / "Resources" / "UI" / "IXGS.ui"
SOURCES = [MODULE / "IXGS.py", *sorted((MODULE / "IXGSPanel").glob("*.py"))]
BUNDLED = {"slicer", "vtk", "qt", "ctk", "numpy", "scipy", "SimpleITK", "packaging", "IXGSLib", "IXGSPanel"}
"""Packages that Slicer brings along."""
CONTROLS = {
    *("QCheckBox", "QPushButton", "QSpinBox", "QDoubleSpinBox", "QComboBox", "QLineEdit", "QPlainTextEdit"),
    *("QTableWidget", "QProgressBar", "ctkSliderWidget", "ctkPathLineEdit", "qMRMLNodeComboBox"),
}
KNOWN = CONTROLS | {"QLabel", "QWidget", "ctkCollapsibleButton", "qMRMLWidget"}


def widgets():
    """(class, name, properties) of every widget of the form."""
    for element in ElementTree.parse(FORM).iter("widget"):
        values = {each.get("name"): "".join(each.itertext()).strip() for each in element.findall("property")}
        yield element.get("class"), element.get("name"), values


def test_the_form_has_widgets_that_slicer_and_the_harness_know():
    assert {kind for kind, _, _ in widgets()} <= KNOWN


def test_every_control_has_a_tooltip():
    assert [name for kind, name, values in widgets() if kind in CONTROLS and not values.get("toolTip")] == []


def test_every_field_has_a_label_that_is_its_buddy():
    buddies = {values.get("buddy") for kind, _, values in widgets() if kind == "QLabel"}
    fields = {"QDoubleSpinBox", "QComboBox", "QLineEdit", "ctkSliderWidget", "ctkPathLineEdit", "qMRMLNodeComboBox"}
    assert [name for kind, name, _ in widgets() if kind in fields and name not in buddies] == []


def test_bound_widgets_name_parameters(panel):
    from IXGSPanel.parameters import connectors

    bound = {values["SlicerParameterName"] for _, _, values in widgets() if "SlicerParameterName" in values}
    bound |= set(connectors(panel.ui))
    source = (MODULE / "IXGSPanel" / "parameters.py").read_text()
    parameters = set(re.findall(r"^    (\w+): ", source, re.MULTILINE))
    assert bound <= parameters
    unbound = {"leftOut", "refinementDecidedFor", "settings", "registrationSettings", "lastRun"}  # written by the panel
    assert parameters - bound == unbound


def test_every_item_of_a_choice_has_a_value(panel):
    from IXGSPanel.parameters import connectors

    for name, connector in connectors(panel.ui).items():
        if hasattr(connector, "_values"):
            assert connector.widget().count == len(connector._values), name


def test_choices_are_those_of_the_library():
    from typing import get_args

    from IXGSPanel import parameters

    from IXGSLib.formats.calibrations.calibration import MM_PER_UNIT
    from IXGSLib.formats.calibrations.registry import FORMATS
    from IXGSLib.reconstruction.settings import Preset
    from IXGSLib.rendering.devices import Device
    from IXGSLib.standardization.settings import Method
    from IXGSLib.xray.radiograph import Values

    assert get_args(Preset) == parameters.PRESETS
    assert get_args(Device) == parameters.DEVICES
    assert get_args(Method) == parameters.METHODS
    assert ("", *(each.name for each in FORMATS)) == parameters.CALIBRATION_FORMATS
    assert tuple(MM_PER_UNIT) == parameters.UNITS
    assert set(parameters.VALUES) == set(get_args(Values))


def test_formats_of_calibrations_are_called_as_in_the_library(ui):
    from IXGSLib.formats.calibrations.registry import FORMATS

    shown = [ui.calibrationFormat.itemText(n) for n in range(1, ui.calibrationFormat.count)]
    assert [text.lower() for text in shown] == [each.title.lower() for each in FORMATS]


def test_advanced_settings_are_those_of_the_dataclass(panel, ui):
    from IXGSLib.reconstruction.settings import NAMES

    editors = panel.reconstruction.advanced.editors
    assert list(editors) == list(NAMES)
    for name, editor in editors.items():
        assert name in editor.widget.toolTip
    assert "density control may add" in editors["cloud.max_gaussians"].widget.toolTip


@pytest.mark.parametrize("preset", ["preview", "standard", "fine"])
def test_a_preset_fills_the_advanced_settings(panel, ui, preset):
    from IXGSLib.reconstruction.settings import settings_for

    panel.parameters.preset = preset
    assert form(panel) == pytest.approx(settings_for(preset).flat())
    assert panel.parameters.settings == "{}"


def test_a_changed_setting_is_bold_and_survives_another_preset(panel, ui):
    from IXGSLib.reconstruction.settings import settings_for

    advanced = panel.reconstruction.advanced
    advanced.editors["schedule.steps"].widget.value = 2500
    assert advanced.changed() == {"schedule.steps": 2500}
    assert advanced.labels["schedule.steps"].font.bold()
    assert not advanced.labels["cloud.gaussians"].font.bold()
    panel.parameters.preset = "fine"
    assert advanced.resolved().settings.schedule.steps == 2500
    ui.resetSettings.click()
    assert advanced.changed() == {}
    assert advanced.editors["schedule.steps"].read() == settings_for("fine").schedule.steps


def form(panel):
    """The values that the form shows."""
    return {name: editor.read() for name, editor in panel.reconstruction.advanced.editors.items()}


def test_the_form_shows_the_settings_that_run_with_the_ticked_views(read, ui):
    from IXGSLib.reconstruction.resolution import resolve

    ui.resetSettings.click()
    read.parameters.preset = "standard"
    labels = read.reconstruction.advanced.labels
    for out, views in (([], 6), (["000", "001"], 4)):
        read.parameters.leftOut = json.dumps(out)
        for name, value in resolve("standard", views).settings.flat().items():
            expected = pytest.approx(value, rel=0.01) if isinstance(value, float) else value
            assert form(read)[name] == expected, name
        assert labels["schedule.steps"].font.italic()
        assert f"Adapted to {views} views." in labels["schedule.steps"].toolTip
        assert not labels["rates.position"].font.italic()


def test_a_typed_value_is_kept_also_when_it_equals_the_presets(read, ui):
    from IXGSLib.reconstruction.settings import settings_for

    ui.resetSettings.click()
    read.parameters.preset = "standard"
    advanced = read.reconstruction.advanced
    wanted = settings_for("standard").cloud.gaussians
    assert advanced.editors["cloud.gaussians"].read() < wanted
    advanced.editors["cloud.gaussians"].widget.value = wanted
    assert advanced.changed() == {"cloud.gaussians": wanted}
    assert advanced.resolved().settings.cloud.gaussians == wanted
    assert advanced.labels["cloud.gaussians"].font.bold()
    settings = json.loads(read.reconstruction.plan.settings_file().read_text())
    assert settings["cloud.gaussians"] == wanted


def test_settings_of_an_older_scene_are_read_and_unknown_ones_named(read, ui):
    read.parameters.settings = json.dumps({"most_gaussians": 777})
    assert read.reconstruction.advanced.resolved().settings.cloud.max_gaussians == 777
    read.parameters.settings = json.dumps({"cloud.sheep": 777})
    assert "unknown settings cloud.sheep" in ui.applyButton.toolTip


def test_apply_is_disabled_for_settings_that_do_not_fit_together(read, ui):
    read.reconstruction.advanced.editors["schedule.coarse_steps"].widget.value = 10_000
    assert not ui.applyButton.enabled
    assert "Coarse steps" in ui.applyButton.toolTip  # as the form calls it


@pytest.mark.parametrize(("points", "width"), [(9, 380), (11, 400), (13, 440)])
def test_the_panel_is_as_narrow_as_slicers_module_area(read, window, ui, harness, points, width, tmp_path):
    """With everything open and long names of nodes, at several sizes of the system's font, and no text is cut."""
    import slicer
    from PySide6 import QtWidgets

    from .layout import cut_texts

    application = QtWidgets.QApplication.instance()
    before, font = application.font(), application.font()
    font.setPointSize(points)
    application.setFont(font)
    try:
        node = slicer.util.addVolumeFromArray(np.ones((2, 2, 2), np.float32), name="a long name of a volume " * 5)
        for box in (ui.volume, ui.ct, ui.ctVertebrae):
            box.setCurrentNode(node)
        first = ("xrays", "standardization", "region", "reconstruction", "review", "advanced", "log")
        for section in (*first, "registration", "registrationAdvanced"):
            getattr(ui, f"{section}Button").collapsed = False
        for source in (0, 1):
            ui.source.currentIndex = source
            ui.calibrationWidget.visible = True
            harness.wait(lambda: False, 0.2)
            assert window.content.minimumSizeHint().width() <= width
            window.picture(tmp_path / "panel.png", width)
            assert cut_texts(window.content) == []
    finally:
        application.setFont(before)


def turn_wheel(widget):
    """Turn the mouse wheel down one notch over a widget; returns whether the widget accepted the event."""
    from PySide6 import QtCore, QtGui, QtWidgets

    middle = QtWidgets.QWidget.rect(widget).center()
    place = QtCore.QPointF(widget.mapToGlobal(middle))
    words = (QtCore.QPoint(), QtCore.QPoint(0, -120), QtCore.Qt.NoButton, QtCore.Qt.NoModifier)
    event = QtGui.QWheelEvent(middle, place, *words, QtCore.Qt.NoScrollPhase, False)
    QtWidgets.QApplication.sendEvent(widget, event)
    return event.isAccepted()


@pytest.mark.parametrize(
    "name", ["threshold", "voxelSize", "preset", "region", "setting_schedule.steps", "setting_cloud.initialization"]
)
def test_the_wheel_does_not_change_a_value_without_the_focus(window, panel, ui, harness, name):
    import qt

    for section in ("regionButton", "reconstructionButton", "advancedButton", "reviewButton"):
        getattr(ui, section).collapsed = False
    panel.parameters.threshold = 0.05
    harness.wait(lambda: False, 0.2)
    found = window.content.findChild(qt.QWidget, name)
    kinds = (qt.QAbstractSpinBox, qt.QSlider, qt.QComboBox)
    inner = [found] if isinstance(found, kinds) else [each for kind in kinds for each in found.findChildren(kind)]
    assert inner
    for box in inner:
        before = [value(each) for each in inner]
        assert not turn_wheel(box)
        assert [value(each) for each in inner] == before


def value(box):
    return box.currentIndex if hasattr(box, "currentIndex") else box.value


def test_the_wheel_changes_a_value_with_the_focus(window, ui, harness):
    import qt

    ui.regionButton.collapsed = False
    window.activateWindow()
    ui.voxelSize.value = 3.0
    ui.voxelSize.setFocus()
    harness.wait(lambda: ui.voxelSize.focus, 5)
    assert ui.voxelSize.focusPolicy == qt.Qt.StrongFocus
    assert turn_wheel(ui.voxelSize)
    assert ui.voxelSize.value < 3.0


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_file_scope_imports_are_limited_to_packages_of_slicer(source):
    imported = set()
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.Import):
            imported |= {each.name.split(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            imported.add(node.module.split(".")[0])
    assert imported <= BUNDLED | set(sys.stdlib_module_names)


def test_the_panel_opens_without_installed_packages(tmp_path):
    """In a process where no package that IXGS needs can be imported."""
    import os
    import subprocess

    pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
    pytest.importorskip("slicer")
    script = tmp_path / "bare.py"
    script.write_text(
        "import sys\n"
        "class Refused:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in NAMES:\n"
        "            raise ImportError(name)\n"
        "NAMES = set('torch numba pydicom safetensors tyro rich matplotlib skimage tifffile PIL'.split())\n"
        "sys.meta_path.insert(0, Refused())\n"
        "from Testing.panel.harness import application\n"
        "application.install()\n"
        "from Testing.panel.harness.window import PanelWindow\n"
        "window = PanelWindow()\n"
        "assert not NAMES & set(sys.modules)\n"
        "assert 'Sample case' in window.panel.ui.xraysMessage.text\n"
        "window.dispose()\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, str(script)], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_texts_go_through_the_translation():
    """Every text that is shown is an argument of `_`, unlike names of parameters and signals."""
    shown = {"text", "toolTip", "placeholderText", "specialValueText"}
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Assign) and isinstance(node.value, (ast.Constant, ast.JoinedStr)):
                names = {target.attr for target in node.targets if isinstance(target, ast.Attribute)}
                plain = isinstance(node.value, ast.Constant) and not re.search("[A-Za-z]{3}", str(node.value.value))
                assert plain or not names & shown or "toolTip" in names, f"{source.name}, line {node.lineno}"


BRITISH = re.compile(
    r"\w*(isation|ising\b|ise[ds]?\b|isable|greys?\b|centre|colour|millimetre|licence)\w*", re.IGNORECASE
)


def test_texts_are_in_us_english_as_those_of_slicer():
    """The form, and every text that goes through the translation."""
    shown = [text for _, _, values in widgets() for text in values.values()]
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_":
                shown += [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
    words = {found.group() for text in shown if isinstance(text, str) for found in BRITISH.finditer(text)}
    assert words <= {"noise", "otherwise", "Otherwise", "raised", "precise", "lengthwise"}


def test_the_settings_are_translated(panel, app):
    """Their labels, headings and tooltips, which are made from the dataclasses of the library."""
    for form in (panel.reconstruction.advanced, panel.registration.form):
        assert {label.text.removesuffix(":") for label in form.labels.values()} <= app.texts
    for text in ("density control may add", "Spread of the restarts"):
        assert any(text in each for each in app.texts)


def test_requirements_are_those_of_the_library():
    tomllib = pytest.importorskip("tomllib", reason="needs Python 3.11")
    from packaging.requirements import Requirement

    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    lines = (MODULE / "Resources" / "requirements.txt").read_text().splitlines()
    listed = {str(Requirement(line)) for line in lines if line and not line.startswith("#")}
    own = {"torch", "numpy", "scipy", "SimpleITK"}  # of the extension PyTorch and of Slicer
    assert listed == {str(Requirement(each)) for each in wanted if Requirement(each).name not in own}


def test_the_icon_has_the_format_that_slicer_expects():
    from PIL import Image

    with Image.open(MODULE / "Resources" / "Icons" / "IXGS.png") as icon:
        assert icon.size == (128, 128)
        assert icon.mode == "RGBA"
