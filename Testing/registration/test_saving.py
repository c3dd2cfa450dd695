"""What a registration writes: transforms for Slicer, the moved vertebrae, outlines and the report."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image
from scipy.spatial.transform import Rotation

from IXGSLib import register, save_registration
from IXGSLib.errors import FormatError, GeometryError, IXGSError
from IXGSLib.geometry.rigid import apply, inverse, rigid
from IXGSLib.registration.moved import surface
from IXGSLib.registration.overlays import outlines
from IXGSLib.registration.transforms import read_tfm, tfm_bytes
from IXGSLib.volume.images import read_image
from Testing.registration import phantom

POSE = rigid(Rotation.from_rotvec([0.2, -0.3, 0.5]).as_matrix(), (12.0, -34.0, 5.5))
FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def result():
    values, labels = phantom.ct()
    return register((values, phantom.GRID), phantom.case(), (labels, phantom.GRID))


@pytest.fixture(scope="module")
def folder(result, tmp_path_factory):
    return save_registration(result, tmp_path_factory.mktemp("saved") / "run", {"ixgs": "test"}, "Drawn by hand.")


class TestTransforms:
    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "L3.tfm"
        path.write_bytes(tfm_bytes(POSE))
        return str(path)

    def test_itk_maps_the_world_to_the_ct(self, file):
        """As resampling the CT on the grid of the X-rays' volume needs it."""
        transform = sitk.ReadTransform(file)
        point = (3.0, 4.0, 5.0)
        assert transform.TransformPoint(apply(POSE, point).tolist()) == pytest.approx(point)

    def test_slicer_moves_the_ct_into_the_world(self, file):
        """A transform node that loads the file moves RAS points of the CT to the X-rays."""
        mrml = pytest.importorskip("slicer")
        node, storage = mrml.vtkMRMLLinearTransformNode(), mrml.vtkMRMLTransformStorageNode()
        scene = mrml.vtkMRMLScene()
        scene.AddNode(node)
        storage.SetFileName(file)
        assert storage.ReadData(node)
        from vtkmodules.vtkCommonMath import vtkMatrix4x4

        matrix = vtkMatrix4x4()
        node.GetMatrixTransformToParent(matrix)
        found = np.array([[matrix.GetElement(i, j) for j in range(4)] for i in range(4)])
        assert np.allclose(found, FLIP @ POSE @ FLIP, atol=1e-9)

    def test_round_trip(self, file):
        assert np.allclose(read_tfm(file), POSE, atol=1e-12)

    def test_a_transform_about_a_centre_is_read(self, tmp_path):
        centred = sitk.Euler3DTransform((5.0, 6.0, 7.0), 0.1, 0.2, 0.3, (1.0, 2.0, 3.0))
        sitk.WriteTransform(centred, str(tmp_path / "c.tfm"))
        pose = read_tfm(str(tmp_path / "c.tfm"))
        assert apply(inverse(pose), (9.0, 8.0, 7.0)) == pytest.approx(centred.TransformPoint((9.0, 8.0, 7.0)))

    def test_others_are_refused(self, tmp_path):
        (tmp_path / "no.tfm").write_text("hello")
        with pytest.raises(FormatError, match="not a transform that ITK can read"):
            read_tfm(str(tmp_path / "no.tfm"))
        sitk.WriteTransform(sitk.ScaleTransform(3, (2, 2, 2)), str(tmp_path / "scale.tfm"))
        with pytest.raises(GeometryError, match="not a rotation"):
            read_tfm(str(tmp_path / "scale.tfm"))


class TestFolder:
    def test_every_file_is_there(self, folder):
        names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        expected = {f"transforms/{name}.tfm" for name in phantom.NAMES} | {
            f"models/{name}.stl" for name in phantom.NAMES
        }
        expected |= {f"{kind}/{n:03d}.png" for kind in ("overlays", "xrays") for n in range(4)}
        expected |= {"CREDIT.txt", "report.html", "registration.json", "outlines.json"}
        assert names == expected | {"vertebrae.nrrd", "vertebrae-labels.nrrd"}

    def test_the_record_says_what_was_found(self, folder, result):
        record = json.loads((folder / "registration.json").read_text())
        assert (record["format"], record["version"], record["ixgs"]) == ("ixgs-registration", 1, "test")
        assert record["verified"] is True
        for entry, vertebra in zip(record["vertebrae"], result.vertebrae, strict=True):
            assert np.allclose(entry["world_from_ct"], vertebra.world_from_ct)
        assert [motion["upper"] for motion in record["motions"]] == ["L1", "L2", "L3"]
        assert "report.html" in record["outputs"]

    def test_transforms_are_those_of_the_result(self, folder, result):
        for vertebra in result.vertebrae:
            pose = read_tfm(str(folder / "transforms" / f"{vertebra.name}.tfm"))
            assert np.allclose(pose, vertebra.world_from_ct, atol=1e-12)

    def test_moved_labels_lie_where_the_vertebrae_are(self, folder):
        labels, grid = read_image(folder / "vertebrae-labels.nrrd")
        for label, true in phantom.motions().items():
            found = apply(grid.world_from_index, np.argwhere(labels == label).mean(axis=0)[::-1])
            assert np.linalg.norm(found - apply(true, phantom.points(label).mean(axis=0))) < 0.8
            volume = (labels == label).sum() * np.prod(grid.spacing)
            assert volume == pytest.approx(len(phantom.points(label)) * np.prod(phantom.GRID.spacing), rel=0.06)

    def test_the_moved_volume_holds_their_hounsfield_units(self, folder):
        values, _ = read_image(folder / "vertebrae.nrrd")
        labels, _ = read_image(folder / "vertebrae-labels.nrrd")
        assert np.all(values[labels == 0] == -1000)
        assert np.median(values[labels > 0]) == pytest.approx(np.median(phantom.ct()[0][phantom.ct()[1] > 0]), abs=80)

    def test_models_enclose_the_vertebrae(self, result):
        for vertebra in result.vertebrae:
            mesh = surface(result.anatomy, vertebra)
            volume = len(phantom.points(vertebra.label)) * np.prod(phantom.GRID.spacing)
            assert mesh.volume == pytest.approx(volume, rel=0.06)
            center = apply(vertebra.world_from_ct, phantom.points(vertebra.label)).mean(axis=0)
            assert np.linalg.norm((mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2 - center) < 12

    def test_outlines_surround_the_projected_vertebrae(self, result):
        for xray in result.case.xrays:
            for vertebra in result.vertebrae[1:3]:
                longest = max(outlines(result, vertebra, xray.view), key=len)
                pixels, _ = xray.view.project(apply(vertebra.world_from_ct, phantom.points(vertebra.label)))
                assert np.abs(longest.min(axis=0) - pixels.min(axis=0)).max() < 4
                assert np.abs(longest.max(axis=0) - pixels.max(axis=0)).max() < 4

    def test_pictures_open(self, folder):
        assert Image.open(folder / "overlays" / "000.png").size[0] > 900

    def test_the_report_stands_alone(self, folder):
        page = (folder / "report.html").read_text()
        assert "All 4 vertebrae verified" in page
        assert "Drawn by hand." in page
        assert "L1–L2" in page
        assert "http" not in page.replace("http-equiv", "")

    def test_a_folder_in_use_is_refused(self, folder, result):
        with pytest.raises(IXGSError, match="exists already"):
            save_registration(result, folder)
