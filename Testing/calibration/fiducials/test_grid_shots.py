"""Shots of a grid plate: the lattice, the distortion, and X-rays that are undistorted once."""

import numpy as np
import pytest

from IXGSLib.calibration.fiducials.grid_shots import measured_grid, undistorted_shots
from IXGSLib.calibration.fiducials.lattice import find_lattice
from IXGSLib.calibration.fiducials.reading import read_shots
from IXGSLib.errors import FormatError
from IXGSLib.xray import png
from IXGSLib.xray.distortion import Distortion

SIZE, STEP = 320, 14.0


def bent(pixels, amount=0.02, twist=0.015):
    """Where an intensifier shows undistorted pixels."""
    half = SIZE / 2
    x = (np.asarray(pixels) - (SIZE - 1) / 2) / half
    square = (x**2).sum(axis=-1)
    c, s = np.cos(twist * square), np.sin(twist * square)
    turned = np.stack([c * x[..., 0] - s * x[..., 1], s * x[..., 0] + c * x[..., 1]], axis=-1)
    return turned * (1 + amount * square)[..., None] * half + (SIZE - 1) / 2


def dots(hexagonal, turn=6.0):
    basis = np.array([[1, 0], [0.5, np.sqrt(0.75)]]) if hexagonal else np.eye(2)
    numbers = np.stack(np.meshgrid(*[np.arange(-40, 41)] * 2), axis=-1).reshape(-1, 2)
    c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    places = STEP * numbers @ basis @ np.array([[c, s], [-s, c]]) + (SIZE - 1) / 2 + (3, -2)
    return places[np.abs(places - (SIZE - 1) / 2).max(axis=1) < SIZE / 2 - 12]


def plate(hexagonal=False, hollow=False, seed=0, **how):
    """The picture (SIZE, SIZE) of a plate and the undistorted places of its dots."""
    places = dots(hexagonal)
    y, x = np.mgrid[:SIZE, :SIZE]
    image = 1 + 0.4 * ((x - 100) / SIZE) ** 2
    for cx, cy in bent(places, **how):
        image += (-0.5 if hollow else 0.5) * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 2 / 1.8**2)
    return image + np.random.default_rng(seed).normal(0, 0.01, image.shape), places


@pytest.mark.parametrize("hexagonal", [False, True])
@pytest.mark.parametrize("hollow", [False, True])
def test_the_distortion_of_dense_and_hollow_dots_is_measured(hexagonal, hollow):
    image, places = plate(hexagonal, hollow)
    lattice = find_lattice(image, np.ones(image.shape, bool), "plate")
    assert lattice.hexagonal == hexagonal
    assert len(lattice.dots) == len(places)
    grid, _ = measured_grid(image, "plate", "plate")
    assert grid.rms < 0.15
    assert grid.dots > 0.95 * len(places)
    # Undistorted, the dots are a lattice again: an affine map of where they are on the plate.
    flat = grid.distortion.undistorted(bent(places))
    design = np.column_stack([places, np.ones(len(places))])
    left = design @ np.linalg.lstsq(design, flat, rcond=None)[0] - flat
    assert np.sqrt((left**2).sum(axis=1).mean()) < 0.06
    assert grid.largest > 1.0


def test_two_shots_of_one_plate_agree_where_the_plate_is():
    first, places = plate()
    grid, reference = measured_grid(first, "first", "first")
    second, _ = plate(amount=0.03, twist=-0.02, seed=1)
    other, _ = measured_grid(second, "second", "second", reference)
    one = grid.distortion.undistorted(bent(places))
    two = other.distortion.undistorted(bent(places, 0.03, -0.02))
    assert np.linalg.norm(one - two, axis=1).max() < 0.3


def test_undistorting_is_the_inverse_of_taking():
    places = dots(False)
    distortion = Distortion.fitted(places, bent(places), (SIZE, SIZE), 5, STEP)
    np.testing.assert_allclose(distortion.taken(places), bent(places), atol=0.02)
    np.testing.assert_allclose(distortion.undistorted(distortion.taken(places)), places, atol=1e-6)


def test_an_image_is_undistorted_where_the_grid_is_known():
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    places = np.stack([x, y], axis=-1)
    smooth = lambda at: np.sin(at[..., 0] / 15) + np.cos(at[..., 1] / 20)  # noqa: E731
    lattice = dots(False)
    distortion = Distortion.fitted(lattice, bent(lattice), (SIZE, SIZE), 5, 0.5 * STEP)
    undone = np.stack([distortion.undistorted(row.reshape(-1, 2)) for row in places], axis=0)
    image, mask = distortion.undistort(smooth(undone).astype(np.float32), np.ones((SIZE, SIZE), bool))
    np.testing.assert_allclose(image[mask], smooth(places)[mask], atol=0.01)
    assert 0.8 < mask.mean() < 1
    assert not mask[0, 0]


def write(path, image):
    pixels = np.rint(30_000 * np.exp(-image)).clip(1, 65535).astype(np.uint16)
    path.write_bytes(png.encode(pixels))


@pytest.fixture
def folder(tmp_path):
    """Two X-rays, and shots of a grid of the same names."""
    rng = np.random.default_rng(0)
    for name in ("shots", "grids"):
        (tmp_path / name).mkdir()
    for n in range(2):
        y, x = np.mgrid[:SIZE, :SIZE]
        image = 1 + 0.2 * np.sin(x / 30 + n) + 0.1 * np.cos(y / 20) + rng.normal(0, 0.01, (SIZE, SIZE))
        write(tmp_path / "shots" / f"s{n}.png", image)
        write(tmp_path / "grids" / f"s{n}.png", plate(amount=0.02 + 0.01 * n, seed=n)[0])
    return tmp_path


def read(folder):
    return read_shots(folder / "shots", i0=60_000)


def test_x_rays_are_undistorted_once_by_the_shot_of_their_name(folder):
    shots = undistorted_shots(read(folder), folder / "grids")
    assert shots.distortion["order"] == 5
    assert shots.distortion["views"] == {"s0": "s0", "s1": "s1"}
    assert all(record["rms_px"] < 0.2 for record in shots.distortion["grids"].values())
    with pytest.raises(FormatError, match="the X-rays are undistorted already"):
        undistorted_shots(shots, folder / "grids")


def test_one_shot_serves_all_x_rays(folder):
    (folder / "grids" / "s1.png").unlink()
    shots = undistorted_shots(read(folder), folder / "grids")
    assert shots.distortion["views"] == {"s0": "s0", "s1": "s0"}
    before = read(folder).xrays[0]
    assert np.abs(shots.xrays[0].image - before.image)[shots.xrays[0].mask].max() > 0.05


def test_grids_that_do_not_match_or_are_none_are_refused(folder):
    for n in range(3):
        write(folder / "grids" / f"other{n}.png", plate(seed=n)[0])
    (folder / "grids" / "s0.png").unlink()
    with pytest.raises(FormatError, match="4 shots of the grid for 2 X-rays, expected one"):
        undistorted_shots(read(folder), folder / "grids")
    with pytest.raises(FormatError, match=r"s0.png: \d+ dots without a lattice|s0.png: .* expected at least 60"):
        undistorted_shots(read(folder), folder / "shots")
