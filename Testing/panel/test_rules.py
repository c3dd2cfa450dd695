"""The harness refuses what PythonQt refuses, so that a panel cannot pass its tests and fail in Slicer."""

import pytest


@pytest.fixture
def qt(app):
    import qt

    return qt


def test_properties_are_attributes(qt):
    label = qt.QLabel("bone")
    assert label.text == "bone"
    label.text = "X-ray"
    assert label.text == "X-ray"
    with pytest.raises(TypeError, match="not callable"):
        label.text()


def test_a_read_only_property_cannot_be_set(qt):
    with pytest.raises(AttributeError, match="read-only"):
        qt.QComboBox().count = 3


@pytest.mark.parametrize("name", ["colour", "_private", "txet"])
def test_qt_objects_take_no_new_attributes(qt, name):
    with pytest.raises(AttributeError, match="no new attribute"):
        setattr(qt.QPushButton(), name, 1)


def test_subclasses_in_python_take_new_attributes(qt):
    class Widget(qt.QWidget):
        pass

    widget = Widget()
    widget.colour = "bone"
    assert widget.colour == "bone"


def test_signals_are_connected_by_their_signature(qt):
    button, heard = qt.QPushButton(), []
    button.connect("clicked()", lambda: heard.append("plain"))
    button.connect("clicked(bool)", heard.append)
    button.click()
    assert heard == ["plain", False]
    with pytest.raises(ValueError, match="no signal"):
        button.connect("clicked(int)", heard.append)
    with pytest.raises(ValueError, match="no signal"):
        button.connect("pressedHard()", heard.append)


def test_a_disconnected_slot_is_not_called(qt):
    box, heard = qt.QSpinBox(), []
    box.connect("valueChanged(int)", heard.append)
    box.disconnect("valueChanged(int)", heard.append)
    box.value = 3
    assert heard == []


def test_custom_signals_do_not_exist(qt):
    assert not hasattr(qt, "Signal")


def test_the_stand_ins_for_ctk_and_mrml_follow_the_same_rules(app):
    import ctk
    import slicer

    path, heard = ctk.ctkPathLineEdit(), []
    path.connect("currentPathChanged(QString)", heard.append)
    path.currentPath = "/tmp"
    assert heard == [path.currentPath] == ["/tmp"]
    with pytest.raises(AttributeError, match="no attribute"):
        _ = path.curentPath
    with pytest.raises(ValueError, match="no signal"):
        slicer.qMRMLNodeComboBox().connect("currentNodeChanged(bool)", heard.append)


def test_parameters_are_read_when_their_node_is_modified_and_kept_in_between(app):
    """As the wrapper of Slicer does; the reference of a node that is added later stays None."""
    import slicer
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    @parameterNodeWrapper
    class Parameters:
        volume: slicer.vtkMRMLScalarVolumeNode
        preset: str = "standard"

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    slicer.mrmlScene.RemoveNode(volume)
    node.SetNodeReferenceID("volume", volume.GetID())
    node.SetParameter("volume", "")
    parameters = Parameters(node)
    assert parameters.volume is None
    slicer.mrmlScene.AddNode(volume)
    assert node.GetNodeReference("volume") is volume
    assert parameters.volume is None
    parameters.preset = "fine"
    assert parameters.volume is volume
    assert parameters.preset == "fine"
