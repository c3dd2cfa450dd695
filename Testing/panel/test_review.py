"""Section 5: a finished run, displayed, compared and rated."""

import hashlib
import json

import numpy as np
import pytest


def test_without_a_volume_the_section_says_what_to_do(panel, ui):
    assert "press Apply" in ui.volumeMessage.text
    assert not ui.segmentBone.enabled
    assert not ui.openReport.enabled
    assert not ui.measured.visible


def test_a_volume_without_a_run_can_be_segmented_but_not_rated(panel, ui):
    import slicer

    panel.parameters.volume = slicer.util.addVolumeFromArray(np.ones((3, 3, 3), np.float32))
    assert "not on this computer" in ui.volumeMessage.text
    assert ui.segmentBone.enabled
    assert not ui.saveRating.enabled


def test_the_agreement_with_the_x_rays_is_shown(volume, ui):
    assert "dB" in ui.volumeMessage.text
    assert ui.openReport.enabled


def test_a_slice_view_of_unknown_orientation_is_a_message(volume, panel, ui):
    import slicer

    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode", "Other")
    other.SetDefaultOrientation("Reformat")
    ui.patientAxes.click()
    assert "Other" in ui.slicesMessage.text


def test_three_clicks_align_the_slices_with_a_vertebra(volume, panel, ui):
    import slicer

    from IXGSLib.geometry.anatomy import vertebra_axes

    ui.vertebraAxes.click()
    assert "left pedicle" in ui.slicesMessage.text
    before, points = len(panel.review.vertebra.Observations), panel.review.vertebra.points
    clicks = np.array([[20.0, 5, 3], [-18, 8, 1], [1, -25, 4]])  # LPS
    for n, asked in enumerate(("right pedicle", "front", "aligned with the vertebra")):
        points.AddControlPoint(*(clicks[n] * (-1, -1, 1)))
        assert asked in ui.slicesMessage.text
    axes = vertebra_axes(*clicks)
    red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed").GetSliceToRAS()
    normal = np.array([red.GetElement(row, 2) for row in range(3)]) * (-1, -1, 1)
    assert abs(normal @ axes[:, 2]) == pytest.approx(1)
    assert len(panel.review.vertebra.Observations) - len(panel.review.vertebra.aligned) == before - 1
    ui.patientAxes.click()
    assert abs(red.GetElement(2, 2)) == pytest.approx(1)


def test_aligned_slices_are_called_so_until_one_is_turned(volume, panel, ui):
    import slicer

    ui.patientAxes.click()
    red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
    red.GetSliceToRAS().SetElement(2, 3, 7.0)
    red.UpdateMatrices()
    assert "aligned with the patient" in ui.slicesMessage.text
    red.GetSliceToRAS().SetElement(0, 2, 0.4)
    red.UpdateMatrices()
    assert ui.slicesMessage.text == ""
    assert not panel.review.vertebra.aligned


def test_asking_for_landmarks_can_be_restarted_and_abandoned(volume, panel, ui):
    import slicer

    before = len(panel.review.vertebra.Observations)
    ui.vertebraAxes.click()
    ui.vertebraAxes.click()
    assert len(slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")) == 1
    slicer.mrmlScene.RemoveNode(panel.review.vertebra.points)
    assert panel.review.vertebra.points is None
    assert len(panel.review.vertebra.Observations) == before


def test_a_run_of_the_command_line_is_loaded_and_reviewed(finished, panel, ui, wait, monkeypatch):
    import qt

    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_: str(finished))
    ui.loadRun.click()
    wait(lambda: panel.parameters.volume is not None)
    assert "dB" in ui.volumeMessage.text
    assert ui.saveRating.enabled
    assert not ui.reviewButton.collapsed
    assert ui.xraysButton.collapsed
    assert panel.parameters.threshold > 0
    assert not ui.runMessage.visible


def test_a_folder_without_a_finished_run_is_a_message(panel, ui, wait, tmp_path):
    panel.review.loading.load(tmp_path)
    wait(lambda: "no finished run" in ui.runMessage.text)
    assert ui.loadRun.enabled
    assert panel.parameters.volume is None


def test_points_of_a_vertebra_do_not_stay(volume, panel, ui):
    import slicer

    ui.vertebraAxes.click()
    points = panel.review.vertebra.points
    for place in ([-20.0, -5, 3], [18, -8, 1], [-1, 25, 4]):
        points.AddControlPoint(*place)
    assert "aligned with the vertebra" in ui.slicesMessage.text
    assert slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode") == []


def rate(ui, reader, overall=4):
    ui.overall.currentIndex, ui.reader.text = overall, reader
    ui.saveRating.click()


@pytest.fixture
def rated_run(finished, panel, tmp_path):
    """A copy of the run, in which ratings are saved."""
    import shutil

    import slicer

    from IXGSLib.scene.runs import load_run

    folder = shutil.copytree(finished, tmp_path / "rated")
    panel.parameters.volume = load_run(slicer.mrmlScene, folder)
    return folder


def test_no_rating_is_overwritten(rated_run, ui):
    rate(ui, "R. 7/b", 4)
    rate(ui, "R. 7/b", 2)
    mark = hashlib.sha256(b"R. 7/b").hexdigest()[:6]
    assert f"earlier rating is kept in rating-R-7-b-{mark}.json" in ui.ratingMessage.text
    rate(ui, "R-7-b", 5)  # another reader, whose name has almost the same file name
    assert "earlier" not in ui.ratingMessage.text
    kept = {path.name: json.loads(path.read_text()) for path in rated_run.glob("rating*.json")}
    assert {name: each["answers"]["overall"] for name, each in kept.items()} == {
        f"rating-R-7-b-{mark}.json": 4,
        f"rating-R-7-b-{mark}-2.json": 2,
        "rating-R-7-b.json": 5,
    }


def test_a_rating_needs_its_reader(rated_run, ui):
    rate(ui, " ")
    assert "initials or number" in ui.ratingMessage.text
    assert list(rated_run.glob("rating*")) == []
    ui.reader.text = "A"
    assert ui.ratingMessage.text == ""  # the message is taken back with its cause


def test_a_rating_is_saved_in_the_folder_of_the_run(rated_run, ui):
    ui.saveRating.click()
    assert "at least one" in ui.ratingMessage.text
    ui.overall.currentIndex, ui.pedicles.currentIndex = 4, 5
    ui.reader.text, ui.remarks.plainText = "R. 7/b", "Pedicle of L3 is blurred: ä"
    ui.saveRating.click()
    mark = hashlib.sha256(b"R. 7/b").hexdigest()[:6]
    kept = json.loads((rated_run / f"rating-R-7-b-{mark}.json").read_text(encoding="utf-8"))
    assert kept["answers"] == {"overall": 4, "pedicles": 5, "body": None, "navigation": None}
    assert (kept["reader"], kept["remarks"]) == ("R. 7/b", "Pedicle of L3 is blurred: ä")
    assert f"rating-R-7-b-{mark}.json" in ui.ratingMessage.text


@pytest.fixture
def blinded(finished, tmp_path, panel):
    """A volume of a reader study, selected in the panel; its folder is that of the first number."""
    import shutil

    import slicer

    from IXGSLib.scene.runs import load_run
    from IXGSLib.studies.readers.sets import SetSettings, make_sets

    for name in ("first", "second"):
        shutil.copytree(finished, tmp_path / name)
    runs = [tmp_path / "first", tmp_path / "second"]
    make_sets(runs, tmp_path / "sets", tmp_path / "key.json", SetSettings(readers=1, repeats=0.0))
    folder = tmp_path / "sets" / "set-1" / "001"
    panel.parameters.volume = load_run(slicer.mrmlScene, folder)
    return folder


def test_a_blinded_volume_is_rated_without_a_word_about_its_run(blinded, ui):
    assert "blinded volume of a reader study" in ui.volumeMessage.text
    assert "dB" not in ui.volumeMessage.text
    assert ui.saveRating.enabled
    assert not ui.openReport.enabled
    assert not ui.compare.enabled
    ui.pedicles.setCurrentIndex(4)
    ui.reader.text = "AB"
    ui.saveRating.click()
    assert "Saved as rating-AB.json" in ui.ratingMessage.text


def test_ratings_of_the_panel_are_those_that_the_analysis_reads(blinded, ui, tmp_path):
    from IXGSLib.studies.readers.key import Key
    from IXGSLib.studies.readers.ratings import read_ratings

    ui.overall.setCurrentIndex(5)
    ui.reader.text = "AB"
    ui.saveRating.click()
    found = read_ratings([tmp_path / "sets"], Key.load(tmp_path / "key.json"))
    (rating,) = found.ratings
    assert (rating.reader, rating.set, rating.number) == ("AB", "set-1", "001")
    assert rating.answers == {"overall": 5}
    assert rating.run in ("first", "second")


def test_the_verdict_on_the_volume_is_shown_with_its_reasons(volume, panel, ui, finished, tmp_path):
    from IXGSPanel.review import trust_text

    trust = json.loads((finished / "done.json").read_text())["trust"]
    assert trust_text({"trust": trust}) in ui.volumeMessage.text
    assert (
        trust_text({"trust": {"reasons": []}}) == "<b>Can this volume be trusted?</b> No sign of a failure was found."
    )
    careful = trust_text({"trust": {"reasons": ["3 views are few", "bone < 1 %"]}})
    assert careful == "<b>Can this volume be trusted? Review with care:</b> 3 views are few; bone &lt; 1 %."
    assert trust_text({"metrics": {}}) == ""
