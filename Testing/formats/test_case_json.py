"""Cases are written and read again, with everything that they state."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image

from IXGSLib.errors import FormatError, GeometryError, IXGSError
from IXGSLib.files import sha256
from IXGSLib.formats import load_case, save_case
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import arc, trajectory
from IXGSLib.xray import XRay
from Testing.formats.cases import ARM, CENTER, a_case, edit, in_case, in_view, noise, views


@pytest.mark.parametrize("masked", [False, True])
def test_a_case_comes_back_bit_by_bit(tmp_path, masked):
    case = a_case(masked)
    save_case(case, tmp_path / "a b")
    back = load_case(tmp_path / "a b")
    for before, after in zip(case.xrays, back.xrays, strict=True):
        assert np.array_equal(before.image, after.image)
        assert np.array_equal(before.mask, after.mask)
        assert np.array_equal(before.view.K, after.view.K)
        assert np.array_equal(before.view.world_from_camera, after.view.world_from_camera)
        assert (before.view.id, before.view.pixel_spacing) == (after.view.id, after.view.pixel_spacing)
    assert back.grid.shape == case.grid.shape
    assert np.abs(back.grid.world_from_index - case.grid.world_from_index).max() < 1e-10
    assert back.name == "Würfel"
    assert back.warnings == ()


def test_hashes_are_those_of_the_files(folder):
    hashes = load_case(folder).hashes
    images = {sha256(path.read_bytes()) for path in (folder / "images").iterdir()}
    assert hashes.pop("case.json") == sha256((folder / "case.json").read_bytes())
    assert list(hashes) == [f"file-{n + 1:03d}" for n in range(len(images))]
    assert set(hashes.values()) == images


def test_ids_that_are_no_file_names_are_kept_apart(tmp_path):
    ids = ["../../etc", "AP", "ap", "CON", "Säule links"]
    poses = trajectory(ARM, arc(5, 120, 15), CENTER)
    xrays = [
        XRay(replace(v, id=i), noise(n), np.ones((30, 40), bool))
        for n, (v, i) in enumerate(zip(poses, ids, strict=True))
    ]
    save_case(replace(a_case(), xrays=tuple(xrays)), tmp_path / "case")
    assert [p.name for p in tmp_path.iterdir()] == ["case"]
    assert len({p.name.lower() for p in (tmp_path / "case" / "images").iterdir()}) == 5
    assert [view.id for view in load_case(tmp_path / "case").views] == ids


def test_a_projection_matrix_of_any_scale_is_the_same_view(folder):
    expected = views()[1]
    for scale in (1, -3e-4):
        P = (scale * expected.projection_matrix).tolist()
        case = edit(folder, in_view(1, P=P, K=None, world_from_camera=None) if scale == 1 else in_view(1, P=P))
        points = CENTER + np.random.default_rng(0).normal(size=(20, 3)) * 30
        assert np.abs(case.views[1].project(points)[0] - expected.project(points)[0]).max() < 1e-8


def test_without_a_volume_the_common_region_is_taken(folder):
    grid = edit(folder, in_case(volume=None)).grid
    assert all(view.sees(grid.corners()).all() for view in views())


def test_intensity_frames_masks_and_i0_per_view(tmp_path):
    save_case(a_case(), tmp_path)
    truth = noise(7)
    counts = 30000 * np.exp(-np.stack([noise(8), truth]))
    tifffile.imwrite(tmp_path / "stack.tiff", counts.astype(np.float32), photometric="minisblack")
    mask = np.full((30, 40), 7, np.uint8)
    mask[:, :4] = 0
    Image.fromarray(mask).save(tmp_path / "mask.png")
    for n in (0, 2):
        tifffile.imwrite(tmp_path / f"images/00{n}.tiff", 20000 * np.exp(-noise(n)), photometric="minisblack")

    def change(data):
        in_case(values="intensity", i0=20000)(data)
        in_view(1, image="stack.tiff", frame=1, mask="mask.png", i0=30000, sha256=None)(data)
        for n in (0, 2):
            in_view(n, sha256=None)(data)

    case = edit(tmp_path, change)
    assert case.warnings == ()
    assert np.array_equal(case.xrays[1].mask, mask > 0)
    assert np.abs(case.xrays[1].image - truth)[mask > 0].max() < 1e-5
    assert np.abs(case.xrays[0].image - noise(0)).max() < 1e-5
    assert case.xrays[0].values == "intensity"


def test_one_view_for_testing_needs_no_check(folder):
    data = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    data["views"] = data["views"][:1]
    (folder / "test.json").write_text(json.dumps(data))
    assert len(load_case(folder / "test.json", check=False).xrays) == 1
    with pytest.raises(GeometryError, match="1 view, expected at least two"):
        load_case(folder / "test.json")


def test_a_calibration_at_another_image_size_is_scaled_with_a_warning(folder):
    known = load_case(folder).views[1]
    double = known.resized((80, 60))
    case = edit(folder, in_view(1, size=[80, 60], K=double.K.tolist(), pixel_spacing=double.pixel_spacing))
    np.testing.assert_allclose(case.views[1].K, known.K)
    assert case.views[1].pixel_spacing == pytest.approx(known.pixel_spacing)
    (text,) = case.warnings
    assert "view '001'" in text
    assert "K was multiplied by 0.5" in text


def test_warnings_are_stored_and_not_shown(folder):
    def change(data):
        in_case(colour="red", i0=5)(data)
        in_view(1, note="x", world_from_camera=data["views"][0]["world_from_camera"])(data)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        case = edit(folder, change)
    assert [part for part in ("colour", "note", "i0", "same pose") if not any(part in w for w in case.warnings)] == []
    assert len(set(case.warnings)) == len(case.warnings) == 4


def test_saving_into_what_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(IXGSError, match="cannot be created"):
        save_case(a_case(), tmp_path / "file")


def test_voxels_that_are_not_cubes_are_refused_before_anything_is_written(tmp_path):
    grid = Grid((3, 3, 3), (1, 1, 2), CENTER, np.eye(3))
    with pytest.raises(FormatError, match="expected cubes"):
        save_case(replace(a_case(), grid=grid), tmp_path / "new")
    assert not (tmp_path / "new").exists()
