"""Landmarks of vertebrae are found by rule, wherever and however a vertebra lies."""

from __future__ import annotations

import numpy as np
import pytest

from IXGSLib.errors import GeometryError
from IXGSLib.evaluation.tasks.landmarks import find_vertebra
from IXGSLib.evaluation.tasks.mask import Mask
from IXGSLib.geometry import Grid
from IXGSLib.volume.images import read_image
from Testing.evaluation.tasks.phantom import CANAL_CENTER, UPRIGHT, Phantom, Pose, grid_around, labels


def found(phantom, pose, spacing):
    return find_vertebra(Mask.of(*labels(phantom, pose, grid_around(pose, spacing)), 20, "L3"))


def turn(rotation):
    return np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1)))


@pytest.mark.parametrize(("spacing", "seed"), [(1.5, 1), (2.0, 2), (3.0, 3)])
def test_landmarks_turn_and_move_with_the_vertebra(spacing, seed):
    pose = Pose.random(seed)
    vertebra = found(Phantom(), pose, spacing)
    assert turn(vertebra.axes.T @ pose.rotation) < 2
    canal = pose.rotation.T @ (vertebra.canal - pose.center)
    assert canal == pytest.approx((0, CANAL_CENTER, 4.0), abs=1.5)
    for side, pedicle in zip((1, -1), vertebra.pedicles, strict=True):
        place = pose.rotation.T @ (pedicle.center - pose.center)
        assert place[0] == pytest.approx(side * 15.5, abs=1.0)
        assert place[2] == pytest.approx(4.0, abs=0.8)
        assert 14 < place[1] < CANAL_CENTER
        assert pedicle.height == pytest.approx(9.0, abs=0.6 * spacing)


def test_superior_is_halfway_between_the_normals_of_the_endplates():
    vertebra = found(Phantom(superior=8.0), UPRIGHT, 1.5)
    assert np.degrees(np.arctan2(vertebra.axes[1, 2], vertebra.axes[2, 2])) == pytest.approx(4.0, abs=0.5)


@pytest.mark.parametrize("convergence", [0.0, 15.0, 30.0])
def test_the_axis_of_a_pedicle_follows_its_convergence(convergence):
    """Within 12 degrees: the section of a cylinder grows by only 2 % when it is turned by as much."""
    vertebra = found(Phantom(convergence=convergence), UPRIGHT, 1.5)
    for side, pedicle in zip((1, -1), vertebra.pedicles, strict=True):
        assert np.degrees(np.arctan2(-side * pedicle.axis[0], -pedicle.axis[1])) == pytest.approx(convergence, abs=12)


def test_a_vertebra_that_touches_the_border_is_refused():
    values, grid = labels(Phantom(), UPRIGHT, grid_around(UPRIGHT, 3.0))
    cut = values[:, 10:]
    with pytest.raises(GeometryError, match="L3: label 20 touches the border"):
        Mask.of(cut, Grid(cut.shape, grid.spacing, grid.origin, grid.direction), 20, "L3")


def test_a_label_without_a_canal_is_refused():
    grid = Grid.centered((0, 0, 0), (60, 60, 60), 3.0)
    ball = np.where(np.linalg.norm(grid.points(), axis=-1) < 20, 20, 0)
    with pytest.raises(GeometryError, match="L3: no canal can be seen"):
        find_vertebra(Mask.of(ball, grid, 20, "L3"))


def test_a_missing_label_is_refused():
    values, grid = labels(Phantom(), UPRIGHT, grid_around(UPRIGHT, 3.0))
    with pytest.raises(GeometryError, match="L4: label 21 has 0 connected voxels"):
        Mask.of(values, grid, 21, "L4")


def test_vertebrae_of_a_patient_have_the_widths_of_the_anatomy(data):
    """Pedicles from T9 to L5 become wider and converge more; widths as in Zindrick et al., Spine 1987."""
    values, grid = read_image(data / "mask_verse004" / "vert_msk.nii.gz")
    names = {16: "T9", 22: "L3", 24: "L5"}
    vertebrae = [find_vertebra(Mask.of(values, grid, label, name)) for label, name in names.items()]
    widths = [np.mean([pedicle.width for pedicle in each.pedicles]) for each in vertebrae]
    assert 5 < widths[0] < widths[1] < widths[2] < 24
    assert all(12 < pedicle.height < 20 for each in vertebrae for pedicle in each.pedicles)
    left, right = vertebrae[2].pedicles
    assert -left.axis @ vertebrae[2].axes[:, 0] > 0.3
    assert right.axis @ vertebrae[2].axes[:, 0] > 0.3


def test_landmarks_lie_in_the_parts_that_readers_labelled(data):
    """The isthmus lies in the arch, the endplates are the border of the body, and the canal has no label."""
    folder = data / "ct_l3_tptbox"
    vertebrae, grid = read_image(folder / "vert.nii.gz")
    parts, _ = read_image(folder / "subreg.nii.gz")
    vertebra = find_vertebra(Mask.of(vertebrae, grid, 22, "L3"))

    def part(point):
        index = np.rint((point - grid.origin) @ grid.direction / grid.spacing).astype(int)
        return int(parts[tuple(index[::-1])])

    body, arch = (49, 50), (41,)
    assert part(vertebra.canal) == 0
    assert part(vertebra.body) in body
    assert all(part(pedicle.center) in (*arch, *body) for pedicle in vertebra.pedicles)
    assert all(part(plate.point - 3 * plate.normal) in body for plate in vertebra.endplates)
