"""Real biplane X-rays with XMALab's calibrations: the two views of a pair agree along epipolar lines."""

import warnings

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from IXGSLib.formats import load_calibrated
from IXGSLib.formats.calibrations import read_calibration
from IXGSLib.geometry.coverage import convergence
from IXGSLib.xray import read_pixels

PAIRS = [
    ("xr_rad_uln_cam0?_UND.0002.tif", "xr_calib_wrist_cam0?.txt"),
    ("xr_rad_uln_cam0?_UND.0158.tif", "xr_calib_wrist_cam0?.txt"),
    ("L_Hop_Cam?_001_UND.0138.tif", "xr_calib_left_knee_cam0?.txt"),
    ("L_Hop_Cam?_001_UND.0180.tif", "xr_calib_left_knee_cam0?.txt"),
]
SIZE = (1760, 1760)
STEP = 4.0


def epipolar_planes(first, second):
    """(n, 3) normals of planes through both sources, within 4 degrees of the point that both look at."""
    base = (second.source - first.source) / np.linalg.norm(second.source - first.source)
    towards = convergence([first, second]) - first.source
    towards -= base * (towards @ base)
    towards /= np.linalg.norm(towards)
    angles = np.deg2rad(np.linspace(-4, 4, 161))
    return np.cross(base, np.cos(angles)[:, None] * towards + np.sin(angles)[:, None] * np.cross(base, towards))


def slopes(image, view, normals):
    """How the sum of line integrals along each plane's line in the image changes from plane to plane."""
    lines = normals @ np.linalg.inv(view.projection_matrix[:, :3])
    lines /= np.linalg.norm(lines[:, :2], axis=1, keepdims=True)
    center = (np.array(SIZE) - 1) / 2
    foot = center - (lines[:, :2] @ center + lines[:, 2])[:, None] * lines[:, :2]
    along = np.arange(-1200, 1200, STEP)[:, None] * np.stack([-lines[:, 1], lines[:, 0]], axis=1)[:, None]
    points = foot[:, None] + along
    return np.gradient(map_coordinates(image, points[..., ::-1].transpose(2, 0, 1), order=1).sum(axis=1))


def integrals(path):
    """Line integrals inside the round field of the image intensifier, 0 outside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        counts = read_pixels(path).values.astype(np.float64)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    radius = np.hypot(x - 880, y - 880)
    return np.where(radius < 820, -np.log(np.clip(counts, 2, None) / np.percentile(counts[radius < 800], 99)), 0)


@pytest.mark.parametrize(("images", "calibration"), PAIRS)
def test_two_views_agree_along_epipolar_lines_only_as_they_are_stored(images, calibration, data):
    folder = data / "xray_biplane_wrist_knee"
    views = [view.view(SIZE, "x") for view in read_calibration(folder / "calibration" / calibration).views]
    pictures = [integrals(path) for path in sorted((folder / "frames").glob(images))]
    normals = epipolar_planes(*views)

    def agreement(flip):
        found = [slopes(flip(image), view, normals) for image, view in zip(pictures, views, strict=True)]
        return np.corrcoef(*found)[0, 1]

    stored = agreement(lambda image: image)
    assert stored > 0.6
    for flip in (np.flipud, np.fliplr, np.rot90):
        assert agreement(flip) < stored - 0.1


def test_a_training_pair_can_be_read_as_a_case(data):
    folder = data / "xray_biplane_wrist_knee"
    images, calibration = PAIRS[0]
    case = load_calibrated(folder / "frames" / images, folder / "calibration" / calibration, values="intensity")
    assert [view.id for view in case.views] == ["xr_rad_uln_cam01_UND.0002", "xr_rad_uln_cam02_UND.0002"]
    assert len(case.hashes) == 4
    assert all(1000 < np.linalg.norm(case.grid.center - view.source) < 1100 for view in case.views)
