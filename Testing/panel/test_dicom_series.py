"""Series of X-rays in the DICOM database of Slicer, and folders of DICOM X-rays without a calibration."""

import types

import pytest

from .harness.window import load_module


class Database:
    """As ctkDICOMDatabase, with one patient."""

    isOpen = True

    def __init__(self, series):
        self.series = series

    def patients(self):
        return ("1",)

    def studiesForPatient(self, patient):
        return ("1.2",)

    def seriesForStudy(self, study):
        return tuple(self.series)

    def filesForSeries(self, uid):
        return tuple(str(path) for path in self.series[uid][1])

    def fileValue(self, file, tag):
        assert tag == "0008,0060"
        return next(modality for modality, files in self.series.values() if file in map(str, files))

    def nameForPatient(self, patient):
        return "PHANTOM"

    def descriptionForStudy(self, study):
        return ""

    def descriptionForSeries(self, uid):
        return f"series {uid}"


def files(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(bytes(128) + b"DICM" + name.encode())
    return [folder / name for name in names]


@pytest.fixture
def database(app, tmp_path, monkeypatch):
    import slicer

    made = Database(
        {
            "a": ("XA", files(tmp_path / "a", "1.dcm", "2.dcm")),
            "b": ("CT", files(tmp_path / "b", "1.dcm")),
            "c": ("DX", files(tmp_path / "mixed", "3.dcm", "4.dcm")),
            "d": ("DX", files(tmp_path / "mixed", "5.dcm")),
        }
    )
    monkeypatch.setattr(slicer, "dicomDatabase", made, raising=False)
    return made


def test_only_series_of_x_rays_are_offered(database):
    load_module()
    from IXGSPanel.dicom_series import series_of_x_rays

    titles = [each.title for each in series_of_x_rays()]
    assert titles == [
        "XA / PHANTOM / series a / 2 files",
        "DX / PHANTOM / series c / 2 files",
        "DX / PHANTOM / series d / 1 files",
    ]


def test_a_folder_with_other_files_is_not_used(database, tmp_path):
    load_module()
    from IXGSPanel.dicom_series import series_of_x_rays

    own, mixed, _ = series_of_x_rays()
    assert own.folder() == tmp_path / "a"
    copies = mixed.folder()
    assert [path.read_bytes()[132:] for path in sorted(copies.iterdir())] == [b"3.dcm", b"4.dcm"]


def test_the_chosen_series_becomes_the_source(database, panel, ui, tmp_path, monkeypatch):
    monkeypatch.setattr(panel.xrays, "read", lambda: None)
    ui.chooseSeries.click()
    dialog = panel.xrays._dialog
    import qt

    names, use = dialog.findChild(qt.QListWidget), dialog.findChildren(qt.QPushButton)[0]
    assert not use.enabled
    names.setCurrentRow(0)
    use.click()
    assert panel.parameters.casePath == str(tmp_path / "a")
    assert panel.xrays.image_options() == []  # the tags state the poses
    assert "calibration" not in ui.xraysMessage.text
    assert ui.calibrationWidget.visible  # a calibration is better than the tags
    panel.parameters.calibrationPath = "matrices.csv"
    assert panel.xrays.image_options()[:2] == ["--calibration", "matrices.csv"]


@pytest.mark.parametrize("database", [None, types.SimpleNamespace(isOpen=False)])
def test_without_a_database_the_list_says_what_to_do(panel, ui, monkeypatch, database):
    import qt
    import slicer

    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    ui.chooseSeries.click()
    dialog = panel.xrays._dialog
    assert any("module DICOM" in label.text for label in dialog.findChildren(qt.QLabel))
    dialog.close()
