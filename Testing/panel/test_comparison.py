"""Section 5: the volume beside its X-rays, from the refined and from the given poses."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from IXGSLib.jobs.render_views import render_views
from Testing.panel.runs import record, review, with_given_poses


@pytest.fixture(scope="session")
def renders(finished, reading, tmp_path_factory):
    """The files of the job render_views for the small case."""
    folder = tmp_path_factory.mktemp("renders")
    render_views(finished, reading, folder)
    return folder


@pytest.fixture(scope="session")
def refined_renders(refined, moved_reading, tmp_path_factory):
    """The files of the job render_views for the run that has refined poses."""
    folder = tmp_path_factory.mktemp("refined-renders")
    render_views(refined, moved_reading, folder)
    return folder


@pytest.fixture
def compared(volume, read, renders, tmp_path):
    """The panel with the comparison of the small case."""
    read.review.comparison.take(shutil.copytree(renders, tmp_path / "renders"))
    return read


@pytest.fixture
def refined_pairs(read_moved, run, refined_renders, tmp_path):
    """What the comparison of the run with refined poses shows."""
    review(read_moved, run)
    read_moved.review.comparison.take(shutil.copytree(refined_renders, tmp_path / "renders"))
    return read_moved.review.comparison._pairs


def test_the_volume_is_compared_with_its_x_rays(volume, read, ui, wait):
    ui.compare.click()
    wait(lambda: not read.review.comparison.process.running)
    assert ui.comparedView.count == len(read.selection.reading.xrays)
    assert "dB" in ui.comparisonMessage.text
    assert not ui.measured.pixmap.isNull()
    assert not ui.rendered.pixmap.isNull()


def test_comparison_needs_the_x_rays_of_the_volume(volume, panel, ui):
    ui.compare.click()
    assert "X-rays of this volume" in ui.comparisonMessage.text
    assert not panel.review.comparison.process.running


def test_comparison_refuses_other_x_rays_of_the_same_name(volume, read, ui, monkeypatch):
    from dataclasses import replace

    other = {name: digest[::-1] for name, digest in read.selection.reading.hashes.items()}
    read.selection.reading = replace(read.selection.reading, hashes=other)
    ui.compare.click()
    assert not read.review.comparison.process.running
    assert "not made from the files of section 1" in ui.comparisonMessage.text
    read.selection.reading = replace(read.selection.reading, name="renamed", hashes={})
    read.update()
    ui.compare.click()
    assert not read.review.comparison.process.running


def test_a_run_of_standardized_x_rays_is_compared_with_the_x_rays_themselves(panel):
    from IXGSPanel.comparison import sources

    made = {"source": {"files": {"images/a.tiff": "1", "case.json": "2"}}}
    assert sources({"inputs": {"a": "3"}, "standardization": made}) == [{"3"}, {"1", "2"}]
    assert sources({"inputs": {"a": "3"}, "standardization": None}) == [{"3"}]


def test_the_pictures_of_other_x_rays_are_removed(compared, ui):
    compared.parameters.casePath = ""
    assert not ui.measured.visible
    assert ui.comparisonMessage.text == ""
    ui.compare.click()
    assert "X-rays of this volume" in ui.comparisonMessage.text


def test_a_click_opens_the_pair_large_with_a_border_to_move(compared, ui):
    from PySide6 import QtCore, QtTest

    ui.comparedView.currentIndex = 1
    QtTest.QTest.mouseClick(ui.measured, QtCore.Qt.MouseButton.LeftButton)
    viewer = compared.review.comparison.enlarger.viewer
    assert viewer.dialog.windowTitle == "001"
    assert viewer.picture.pixmap.width() >= 640
    images = []
    for position in (0, 100):
        viewer.slider.value = position
        images.append(viewer.picture.pixmap.toImage())
    assert images[0] != images[1]
    viewer.step(-2)
    assert viewer.dialog.windowTitle == compared.selection.xrays[-1].id
    viewer.dialog.close()


def test_each_view_agrees_better_with_its_refined_pose_than_with_the_given_one(refined_pairs, read_moved, ui):
    pairs = refined_pairs
    assert [pair["id"] for pair in pairs] == [xray.id for xray in read_moved.selection.xrays]
    gains = [pair["psnr"]["rendered"] - pair["psnr"]["given"] for pair in pairs]
    assert min(gains) > 0.5
    assert np.median(gains) > 3
    agreement = {name: f"{value:.1f} dB" for name, value in pairs[0]["psnr"].items()}
    assert ui.givenPose.visible
    refined = ui.rendered.pixmap.toImage()
    assert "the refined pose. They agree to " + agreement["rendered"] in ui.comparisonMessage.text
    assert "with the given pose to " + agreement["given"] in ui.comparisonMessage.text
    ui.givenPose.click()
    assert ui.rendered.pixmap.toImage() != refined
    assert "the pose as given. They agree to " + agreement["given"] in ui.comparisonMessage.text
    ui.comparedView.currentIndex = 1  # the choice stays
    assert f"agree to {pairs[1]['psnr']['given']:.1f} dB" in ui.comparisonMessage.text
    read_moved.review.comparison.discard()
    assert not ui.givenPose.checked
    assert not ui.givenPose.visible


def test_the_window_switches_between_the_given_and_the_refined_pose(refined_pairs, read_moved, ui):
    from PySide6 import QtCore, QtTest

    pairs = refined_pairs
    ui.givenPose.click()
    QtTest.QTest.mouseClick(ui.rendered, QtCore.Qt.MouseButton.LeftButton)
    viewer = read_moved.review.comparison.enlarger.viewer
    assert (viewer.switch.text, viewer.switch.checked) == ("Pose as given", True)
    viewer.slider.value = 0  # the render alone
    given = viewer.picture.pixmap.toImage()
    assert f"agree to {pairs[0]['psnr']['given']:.1f} dB" in viewer.caption.text
    viewer.switch.click()
    assert viewer.picture.pixmap.toImage() != given
    assert f"agree to {pairs[0]['psnr']['rendered']:.1f} dB" in viewer.caption.text
    viewer.step(1)
    assert f"agree to {pairs[1]['psnr']['rendered']:.1f} dB" in viewer.caption.text
    assert viewer.switch.visible
    viewer.dialog.close()


def test_only_views_whose_poses_were_refined_can_be_switched(read_moved, ui, run, moved_reading, tmp_path):
    with_given_poses(run)
    views = json.loads((run / "run.json").read_text())["refinement"]["views"]
    views[1]["state"] = "refined"
    record(run, views=views)
    review(read_moved, run)
    (tmp_path / "renders").mkdir()
    render_views(run, moved_reading, tmp_path / "renders")
    read_moved.review.comparison.take(tmp_path / "renders")
    pairs = read_moved.review.comparison._pairs
    assert ["given" in pair for pair in pairs] == [False, True, *[False] * (len(pairs) - 2)]
    assert not ui.givenPose.visible
    assert "from the same pose" in ui.comparisonMessage.text
    ui.comparedView.currentIndex = 1
    assert ui.givenPose.visible


def test_all_pictures_of_a_view_have_one_grey_window(refined_pairs, refined_renders):
    pair, folder = refined_pairs[0], refined_renders
    measured, rendered, given = (
        np.asarray(Image.open(folder / pair[name]), float) for name in ("measured", "rendered", "given")
    )
    assert np.abs(rendered - measured).mean() < np.abs(given - measured).mean()
    assert abs(rendered.mean() - measured.mean()) < 10
