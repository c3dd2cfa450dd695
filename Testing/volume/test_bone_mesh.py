"""The bone surface: where it lies, which way it faces, and the mesh files."""

import numpy as np
import pytest
from scipy import ndimage

from IXGSLib.errors import FormatError, GeometryError, ReconstructionError, SettingsError
from IXGSLib.geometry import Grid
from IXGSLib.volume import Volume
from IXGSLib.volume.bone import (
    BONE_THRESHOLD,
    ENHANCED_THRESHOLD,
    WATER,
    bone_surface,
    bone_threshold,
    nominal_threshold,
)
from IXGSLib.volume.mesh import Mesh

CENTER = np.array([12.0, -7.0, 1250.0])
RADIUS = 14.0


def oblique():
    Q, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    return Q * np.sign(np.linalg.det(Q))


def ball(grid, radius=RADIUS, center=CENTER):
    """A ball of attenuation that falls through the bone threshold at `radius`."""
    distance = np.linalg.norm(grid.points() - center, axis=-1)
    return Volume(np.clip(BONE_THRESHOLD + (radius - distance) * 0.005, 0, 0.05), grid)


@pytest.fixture(scope="module")
def sphere():
    grid = Grid((44, 40, 36), [1.0, 0.9, 0.8], (0, 0, 0), oblique())
    grid = Grid(grid.shape, grid.spacing, CENTER - grid.center, grid.direction)
    return bone_surface(ball(grid))


def test_threshold_is_about_300_HU():
    assert pytest.approx(300, abs=10) == 1000 * (BONE_THRESHOLD / WATER - 1)


def test_surface_lies_at_the_threshold_in_the_world(sphere):
    distance = np.linalg.norm(sphere.vertices - CENTER, axis=1)
    assert np.allclose(distance, RADIUS, atol=0.05)
    assert np.allclose(sphere.vertices.mean(axis=0), CENTER, atol=0.2)


def test_the_surface_encloses_the_volume_of_the_sphere(sphere):
    assert sphere.volume == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.01)


def test_normals_point_outward(sphere):
    outward = sphere.vertices[sphere.faces].mean(axis=1) - CENTER
    big = np.linalg.norm(sphere.normals, axis=1) > 1e-3
    assert big.mean() > 0.9
    assert (np.einsum("ij,ij->i", outward, sphere.normals)[big] > 0).all()


def test_bone_cut_by_the_border_is_capped_only_when_asked():
    half = ball(Grid((41, 41, 21), [1, 1, 1], CENTER - (20, 20, 20), np.eye(3)))
    capped, open_ = (bone_surface(half, BONE_THRESHOLD, closed) for closed in (True, False))
    assert capped.volume == pytest.approx(2 / 3 * np.pi * RADIUS**3 + 0.5 * np.pi * RADIUS**2, rel=0.05)
    assert open_.vertices[:, 0].max() <= CENTER[0]
    assert len(open_.faces) < len(capped.faces)


def test_no_bone_is_an_error_that_says_what_was_found():
    grid = Grid.centered((0, 0, 0), (8, 8, 8), 1.0)
    with pytest.raises(ReconstructionError, match=r"largest attenuation is 0.0192.*lower the threshold"):
        bone_surface(Volume(np.full(grid.shape, WATER), grid))
    with pytest.raises(ReconstructionError, match="every voxel"):
        bone_surface(Volume(np.full(grid.shape, 0.04), grid), closed=False)
    with pytest.raises(SettingsError, match="positive"):
        bone_surface(Volume(np.zeros(grid.shape), grid), threshold=0.0)


@pytest.mark.parametrize("suffix", [".stl", ".ply", ".PLY"])
def test_mesh_files_read_back_in_vtk(sphere, tmp_path, suffix):
    vtk = pytest.importorskip("vtk")
    from vtk.util.numpy_support import vtk_to_numpy

    path = tmp_path / f"bone{suffix}"
    sphere.save(path)
    assert b"SPACE=LPS" in path.read_bytes()[:400]
    reader = vtk.vtkSTLReader() if suffix == ".stl" else vtk.vtkPLYReader()
    reader.SetFileName(str(path))
    reader.Update()
    surface = reader.GetOutput()
    points = vtk_to_numpy(surface.GetPoints().GetData()).astype(float)
    faces = vtk_to_numpy(surface.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    assert Mesh(points, faces).volume == pytest.approx(sphere.volume, rel=1e-4)
    if suffix != ".stl":
        assert np.array_equal(faces, sphere.faces)
        assert np.allclose(points, sphere.vertices, atol=1e-3)


def test_stl_holds_every_triangle_with_its_unit_normal(sphere, tmp_path):
    sphere.save(tmp_path / "bone.stl")
    data = (tmp_path / "bone.stl").read_bytes()
    assert not data.startswith(b"solid")
    assert int.from_bytes(data[80:84], "little") == len(sphere.faces)
    assert len(data) == 84 + 50 * len(sphere.faces)
    record = np.frombuffer(data[84 : 84 + 48], dtype="<f4")
    assert np.linalg.norm(record[:3]) == pytest.approx(1, abs=1e-5)
    assert np.allclose(record[3:].reshape(3, 3), sphere.vertices[sphere.faces[0]], atol=1e-3)


def test_mesh_refuses_foreign_suffix_and_bad_arrays(sphere, tmp_path):
    with pytest.raises(FormatError, match=r"\.stl or \.ply"):
        sphere.save(tmp_path / "bone.obj")
    with pytest.raises(GeometryError, match="outside 0 to"):
        Mesh(np.zeros((3, 3)), np.array([[0, 1, 3]]))
    with pytest.raises(GeometryError, match="finite"):
        Mesh(np.full((3, 3), np.nan), np.array([[0, 1, 2]]))


def test_the_threshold_is_that_of_bone_alone_unless_soft_tissue_fills_the_region():
    grid = Grid((10, 10, 10), (1, 1, 1), (0, 0, 0), np.eye(3))
    bone = np.zeros(grid.shape)
    bone[:2] = 0.03
    assert bone_threshold(Volume(bone, grid)) == ENHANCED_THRESHOLD
    assert bone_threshold(Volume(np.maximum(bone, WATER), grid)) == BONE_THRESHOLD


def faint_bone(density, spread=1.0):
    """A fifth of the voxels are bone of varying density, blurred into empty space."""
    values = np.zeros((30, 20, 20))
    values[:6] = density * np.random.default_rng(0).lognormal(0, spread, (6, 20, 20))
    grid = Grid((30, 20, 20), (1, 1, 1), (0, 0, 0), np.eye(3))
    return Volume(ndimage.gaussian_filter(values, 0.5), grid)


@pytest.mark.parametrize("density", [0.006, 0.009])
def test_the_threshold_of_faint_bone_follows_its_density(density):
    threshold = bone_threshold(faint_bone(density))
    assert 0.4 * density < threshold < 1.2 * density
    assert threshold == pytest.approx(1.5 * bone_threshold(faint_bone(density / 1.5)), rel=1e-3)
    assert nominal_threshold(faint_bone(density)) == ENHANCED_THRESHOLD


def test_bone_that_stands_out_keeps_the_nominal_threshold():
    assert bone_threshold(faint_bone(0.018, spread=0.1)) == ENHANCED_THRESHOLD


def test_dense_bone_and_metal_do_not_raise_the_threshold():
    volume = faint_bone(0.05)
    assert bone_threshold(volume) == ENHANCED_THRESHOLD
    values = volume.values.copy()
    values[2:4, 4:9, 4:9] = 0.3
    assert bone_threshold(Volume(values, volume.grid)) == ENHANCED_THRESHOLD


def test_noise_alone_is_no_bone():
    with pytest.raises(ReconstructionError, match="no bone surface"):
        bone_surface(faint_bone(0.0002))
