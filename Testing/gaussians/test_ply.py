"""The cloud as a PLY file."""

import numpy as np
import pytest
import torch

from IXGSLib.errors import FormatError, NotAnImage, TruncatedFile
from IXGSLib.gaussians import Cloud
from IXGSLib.gaussians.ply import PROPERTIES, load_ply, save_ply


@pytest.fixture
def cloud():
    draw = torch.Generator().manual_seed(0)
    return Cloud(
        position=torch.randn((20, 3), generator=draw) * 50 + 1300,
        scale=torch.rand((20, 3), generator=draw) * 5 + 0.1,
        rotation=torch.randn((20, 4), generator=draw),
        density=torch.rand(20, generator=draw) * 0.05,
    )


def test_saved_cloud_loads_identical(cloud, tmp_path):
    save_ply(cloud, tmp_path / "gaussians.ply")
    loaded = load_ply(tmp_path / "gaussians.ply")
    for name in ("position", "rotation", "density"):
        assert torch.equal(getattr(loaded, name), getattr(cloud, name))
    assert torch.allclose(loaded.scale, cloud.scale, rtol=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["gaussians.ply"]


def test_empty_cloud_survives(tmp_path):
    save_ply(Cloud.empty(), tmp_path / "none.ply")
    assert len(load_ply(tmp_path / "none.ply")) == 0


def test_other_readers_find_the_standard_properties(cloud, tmp_path):
    save_ply(cloud, tmp_path / "gaussians.ply")
    header, body = (tmp_path / "gaussians.ply").read_bytes().split(b"end_header\n")
    table = np.frombuffer(body, dtype=[(name, "<f4") for name in PROPERTIES])
    assert header.startswith(b"ply\nformat binary_little_endian 1.0\n")
    assert b"element vertex 20\nproperty float x\n" in header
    assert np.allclose(table["scale_1"], np.log(cloud.scale[:, 1].numpy()))
    assert np.array_equal(table["rot_0"], cloud.rotation[:, 0].numpy())
    opacity = 1 / (1 + np.exp(-table["opacity"]))
    denser = Cloud(cloud.position, cloud.scale, cloud.rotation, cloud.density * 2)
    save_ply(denser, tmp_path / "denser.ply")
    body = (tmp_path / "denser.ply").read_bytes().split(b"end_header\n")[1]
    twice = 1 / (1 + np.exp(-np.frombuffer(body, dtype=table.dtype)["opacity"]))
    assert np.allclose(1 - twice, (1 - opacity) ** 2, atol=1e-3)
    assert (opacity > 0).all()


def test_vtk_reads_the_positions(cloud, tmp_path):
    vtk = pytest.importorskip("vtk")
    save_ply(cloud, tmp_path / "gaussians.ply")
    reader = vtk.vtkPLYReader()
    reader.SetFileName(str(tmp_path / "gaussians.ply"))
    reader.Update()
    assert reader.GetOutput().GetNumberOfPoints() == 20
    assert np.allclose(reader.GetOutput().GetPoint(7), cloud.position[7].numpy())


@pytest.mark.parametrize("change", [{"scale": 0.0}, {"density": float("nan")}, {"position": float("inf")}])
def test_values_that_cannot_be_read_back_are_not_written(cloud, tmp_path, change):
    ((name, value),) = change.items()
    getattr(cloud, name)[3] = value
    with pytest.raises(FormatError, match="not finite"):
        save_ply(cloud, tmp_path / "gaussians.ply")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("edit", "error", "message"),
    [
        (lambda data: b"", NotAnImage, "expected a PLY"),
        (lambda data: b"solid cube\n", NotAnImage, "expected a PLY"),
        (lambda data: data[:100], TruncatedFile, "header does not end"),
        (lambda data: data[:-1], TruncatedFile, "bytes, expected"),
        (lambda data: data + b"x", FormatError, "bytes, expected"),
        (lambda data: data.replace(b"binary_little_endian", b"binary_big_endian"), FormatError, "another format"),
        (lambda data: data.replace(b"float density", b"float varnish"), FormatError, "no property density"),
        (lambda data: data.replace(b"float nx", b"double nx"), FormatError, "not all floats"),
        (lambda data: data.replace(b"float nx", b"float x"), FormatError, "distinct names"),
        (lambda data: data.replace(b"end_header", b"element face 0\nend_header"), FormatError, "is a mesh"),
        (lambda data: data[:-4] + b"\x00\x00\xc0\x7f", FormatError, "NaN"),
    ],
)
def test_damaged_and_foreign_files_are_refused(cloud, tmp_path, edit, error, message):
    path = tmp_path / "gaussians.ply"
    save_ply(cloud, path)
    path.write_bytes(edit(path.read_bytes()))
    with pytest.raises(error, match=message) as caught:
        load_ply(path)
    assert "gaussians.ply" in str(caught.value)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(FormatError, match="no such file"):
        load_ply(tmp_path / "none.ply")
