"""Fiducials of a calibration over the picture of their X-ray, where they are in it."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from IXGSLib.calibration.fiducials import load_phantom
from IXGSLib.calibration.fiducials.calibrated_case import calibrated_case
from IXGSLib.calibration.fiducials.camera import Intrinsics
from IXGSLib.calibration.fiducials.reading import ShotImages
from IXGSLib.calibration.fiducials.result import FiducialCalibration, FiducialFinding, ViewFinding
from IXGSLib.formats import load_case, save_case
from IXGSLib.jobs.read_case import write_reading
from IXGSLib.xray import XRay
from Testing.calibration.fiducials import scene as draw
from Testing.panel.conftest import taken
from Testing.panel.runs import POSE

WIDTH, HEIGHT, FACTOR = 1100, 1099, 3
"""Sides of an X-ray, whose pictures are smaller by a factor that leaves a row and two columns out."""
RADIUS = 5.0
SMALLEST_RING = 11
"""Screen pixels across a circle, at least: more than a letter has."""
OFF = np.array([0.6, -0.8])
"""From where fiducials are found to where they should be, px."""


def finding(view, places, labels):
    """All balls inside the image: the first is found but not used, the second is not found."""
    found, inside = view.project(places)[0], []
    for label, place in zip(labels, found, strict=True):
        if (place > 20).all() and (place < np.array(view.size) - 20).all():
            seen = None if len(inside) == 1 else tuple(place)
            inside.append(FiducialFinding(label, tuple(place + OFF), seen, RADIUS, len(inside) > 1))
    return ViewFinding(view.id, view, "", 1.0, tuple(inside), rotation_sd=0.31, translation_sd=4.7)


def with_balls(image, finding):
    """The image with a dense ball wherever a fiducial was found."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    found = [one.found for one in finding.fiducials if one.found is not None]
    return image + 2 * np.any([np.hypot(x - a, y - b) < RADIUS for a, b in found], axis=0).astype(np.float32)


@pytest.fixture(scope="session")
def calibrated(tmp_path_factory):
    """A case as a calibration writes it, in which fiducials are masked; its last view has a pose of another origin."""
    plate = load_phantom("plate")
    views = [replace(view, size=(WIDTH, HEIGHT)) for view in draw.hand_held(3, plate, size=WIDTH)]
    ramp = np.linspace(1, 3, WIDTH * HEIGHT, dtype=np.float32).reshape(HEIGHT, WIDTH)
    everywhere = np.ones(ramp.shape, bool)
    findings = [finding(view, plate.positions, plate.labels) for view in views]
    xrays = tuple(
        XRay(view, with_balls(ramp, found), everywhere, "intensity")
        for view, found in zip(views, findings, strict=True)
    )
    calibration = FiducialCalibration(
        tuple(findings),
        Intrinsics(views[0].K[0, 0], tuple(views[0].K[:2, 2]), (WIDTH, HEIGHT)),
        plate.labels,
        plate.positions,
        "from the plate",
        "plate",
    )
    case = calibrated_case(ShotImages("plate", xrays, (None,) * 3, (), {}, {}), calibration)
    last = case.views[-1].id
    case = replace(case, provenance={id: "fiducials" for id in case.provenance if id != last})
    return save_case(case, tmp_path_factory.mktemp("calibrated") / "case").parent


@pytest.fixture(scope="session")
def calibrated_reading(calibrated, tmp_path_factory):
    folder = tmp_path_factory.mktemp("calibrated-reading")
    write_reading(load_case(calibrated), folder, calibrated)
    return folder


@pytest.fixture
def beads(panel, calibrated, calibrated_reading):
    """The panel after it has read that case."""
    return taken(panel, calibrated, calibrated_reading)


def pixels(pixmap):
    """(rows, columns, 3) RGB of a QPixmap."""
    from PySide6 import QtGui

    image = pixmap.toImage().convertToFormat(QtGui.QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)


def drawn_in(picture, color):
    """(rows, columns) bool: where a picture has about this color, which no grey is."""
    return np.abs(picture - np.array([int(color[n : n + 2], 16) for n in (1, 3, 5)])).max(axis=-1) < 60


def centers_of_rings(drawn):
    """(n, 2) the centres (x, y) of circles: the middles of what is higher and wider than a letter."""
    labels, _ = ndimage.label(drawn, np.ones((3, 3)))
    boxes = [
        box for box in ndimage.find_objects(labels) if all(side.stop - side.start >= SMALLEST_RING for side in box)
    ]
    return np.array([[(side.start + side.stop - 1) / 2 for side in box[::-1]] for box in boxes])


def masked_centers(xray, side):
    """(n, 2) the centres (x, y) of the masked balls of an X-ray, in pixels of its picture with a longer side."""
    labels, count = ndimage.label(~xray.mask)
    found = np.array(ndimage.center_of_mass(~xray.mask, labels, range(1, count + 1)))[:, ::-1]
    kept = np.array(xray.view.size) // FACTOR
    return (found + 0.5) / FACTOR * side / kept.max() - 0.5


def nearest(places, others):
    return np.linalg.norm(places[:, None] - others, axis=-1).min(axis=1)


def test_circles_are_where_the_balls_are_and_crosses_where_they_should_be(beads, ui, calibrated, wait):
    from IXGSPanel.fiducials import EXPECTED, FOUND
    from PySide6 import QtCore, QtTest

    xray = load_case(calibrated).xrays[0]
    record = load_case(calibrated).calibration.view_record(xray.view.id)
    QtTest.QTest.mouseClick(ui.selectedPicture, QtCore.Qt.MouseButton.LeftButton)
    viewer = beads.xrays.table.enlarger.viewer
    shown = pixels(viewer.picture.pixmap)
    side = shown.shape[1]
    assert side >= 640
    rings = centers_of_rings(drawn_in(shown, FOUND))
    used = [one for one in record.fiducials if one.used]
    assert len(rings) == len(used) >= 8
    assert nearest(rings, masked_centers(xray, side)).max() < 1.5
    scale = side / (WIDTH // FACTOR) / FACTOR
    expected = (np.array([one.expected for one in used]) + 0.5) * scale - 0.5
    rows, columns = np.rint(expected).astype(int).T[::-1]
    assert drawn_in(shown, EXPECTED)[rows, columns].all()
    viewer.dialog.close()


def test_the_masked_balls_are_in_sight(beads):
    xray = beads.selection.xrays[0]
    masked, shown = (np.asarray(Image.open(path)) for path in (xray.picture, xray.fiducials_picture))
    for one in xray.calibration.fiducials:
        column, row = np.rint(one.found or one.expected).astype(int)
        assert masked[row, column] == 0
        assert not xray.mask[row, column]
        assert (shown[row, column] == 255) == (one.found is not None)
    assert (masked != shown).mean() < 0.01


def test_balls_that_were_not_found_or_not_used_are_red(beads, ui):
    from IXGSPanel.fiducials import UNUSED

    red = drawn_in(pixels(ui.selectedPicture.pixmap), UNUSED)
    places = [np.array(one.expected) for one in beads.selection.xrays[0].calibration.fiducials[:2]]
    scale = red.shape[1] / (WIDTH // FACTOR)
    labels, count = ndimage.label(ndimage.binary_dilation(red, iterations=2))
    assert count == 2
    centers = np.array(ndimage.center_of_mass(red, labels, (1, 2)))[:, ::-1]
    assert nearest(np.array(places) * scale, centers).max() < 3


def test_fiducials_are_hidden_when_they_are_not_wanted(beads, ui, tmp_path):
    from IXGSPanel.fiducials import FOUND
    from PySide6 import QtCore, QtTest

    assert ui.showFiducials.visible
    assert drawn_in(pixels(ui.selectedPicture.pixmap), FOUND).any()
    ui.showFiducials.click()
    assert not beads.parameters.showFiducials  # saved with the scene
    assert not drawn_in(pixels(ui.selectedPicture.pixmap), FOUND).any()
    QtTest.QTest.mouseClick(ui.selectedPicture, QtCore.Qt.MouseButton.LeftButton)
    viewer = beads.xrays.table.enlarger.viewer
    assert not drawn_in(pixels(viewer.picture.pixmap), FOUND).any()
    assert "residual" not in viewer.caption.text
    viewer.switch.click()
    assert drawn_in(pixels(viewer.picture.pixmap), FOUND).any()
    assert "Circle: where a ball was found" in viewer.caption.text
    assert "residual 1.00 px" in viewer.caption.text
    viewer.step(-1)  # the last view has a pose of another origin
    assert not viewer.switch.visible
    assert not drawn_in(pixels(viewer.picture.pixmap), FOUND).any()
    viewer.dialog.close()


def test_they_are_where_the_balls_are_in_full_resolution(beads, ui, calibrated, wait):
    from PySide6 import QtCore, QtTest

    QtTest.QTest.mouseClick(ui.selectedPicture, QtCore.Qt.LeftButton)
    viewer = beads.xrays.table.enlarger.viewer
    viewer.switch.checked = viewer.pixels.checked = True
    wait(lambda: viewer.picture.pixmap.width() == WIDTH)
    rings = centers_of_rings(drawn_in(pixels(viewer.picture.pixmap), "#1fdd96"))
    labels, count = ndimage.label(~load_case(calibrated).xrays[0].mask)
    balls = np.array(ndimage.center_of_mass(labels > 0, labels, range(1, count + 1)))[:, ::-1]
    assert len(rings) >= 4
    assert nearest(rings, balls).max() < FACTOR  # a pixel of the small picture, in which fiducials are stated
    viewer.close()


def test_the_tool_tip_of_a_pose_says_how_well_it_is_known(beads, ui):
    tip, last = (ui.viewsTable.item(row, POSE).toolTip() for row in (0, 2))
    found = beads.selection.xrays[0].calibration
    assert f"{len(found.fiducials) - 2} of {len(found.fiducials)} fiducials found" in tip
    assert "residual 1.00 px, pose ± 0.31° and ± 4.7 mm." in tip
    assert "metal balls" in tip
    assert "fiducials" not in last
    ui.viewsTable.selectRow(2)
    assert ui.showFiducials.visible
    assert not ui.showFiducials.enabled


def test_x_rays_without_fiducials_have_no_check_box(read, ui):
    assert read.selection.xrays[0].calibration is None
    assert not ui.showFiducials.visible
