"""Views on an arc, in the tests of calibrations, and how far other cameras differ from them."""

from dataclasses import replace

import numpy as np

from IXGSLib.formats.calibrations import CalibrationOptions, read_calibration
from IXGSLib.formats.calibrations.detector import Detector
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm, arc, trajectory

ARM = CArm(detector_pixels=(40, 40), detector_size=240)
VIEWS = [replace(v, id=f"shot{n + 1}") for n, v in enumerate(trajectory(ARM, arc(11, 150, 20), (0, 0, 0)))]
POINTS = np.random.default_rng(0).uniform(-40, 40, (40, 3))
GRID = Grid.centered((0, 0, 0), (40, 40, 40), 2.0)
OPTIONS = CalibrationOptions(detector=Detector((6.0, 6.0)))


def read(path, **options):
    """The views of a calibration by their names, or in their order where they have none."""
    found = read_calibration(path, replace(OPTIONS, **options))
    names = [(view.name or "").rpartition("_")[2].partition(".")[0] for view in found.views]
    return [found.views[names.index(v.id)] for v in VIEWS] if VIEWS[0].id in names else list(found.views)


def error(calibrated, views=VIEWS):
    """The largest distance in pixels between where two sets of cameras see the points."""
    assert len(calibrated) == len(views)
    return max(
        np.abs(found.view(view.size, view.id).project(POINTS)[0] - view.project(POINTS)[0]).max()
        for found, view in zip(calibrated, views, strict=True)
    )
