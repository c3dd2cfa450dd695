"""Mirrored calibrations are refused by name in every format."""

import json

import numpy as np
import pytest
import tifffile

from IXGSLib.errors import GeometryError
from IXGSLib.formats import load_calibrated
from Testing.formats import foreign
from Testing.formats.views import GRID, VIEWS, read


def reflected(view):
    """A view whose rotation is a reflection, which View itself would refuse."""

    class Mirrored:
        id, K, size, pixel_spacing, source, axis = (
            *(view.id, view.K, view.size, view.pixel_spacing, view.source, view.axis),
        )
        world_from_camera = view.world_from_camera @ np.diag([-1.0, 1, 1, 1])
        camera_from_world = np.diag([-1.0, 1, 1, 1]) @ view.camera_from_world

    return Mirrored()


@pytest.mark.parametrize(
    "write",
    [
        *(foreign.npz_cameras, foreign.json_cameras, foreign.matlab_cameras, foreign.opencv_xml),
        *(foreign.mayacam, foreign.nerfstudio, foreign.itk, foreign.slicer),
    ],
    ids=lambda write: write.__name__,
)
def test_a_reflected_pose_is_refused_by_name(write, tmp_path):
    views = [*VIEWS[:4], reflected(VIEWS[4]), *VIEWS[5:]]
    with pytest.raises(GeometryError, match=r"reflection .* undo the flip"):
        read(write(tmp_path, views), format=foreign.WRITERS[write][0] or None)


@pytest.mark.parametrize("write", [foreign.text_rows, foreign.by_columns, foreign.conrad, foreign.matlab_matrices])
def test_mirrored_matrices_are_refused_by_name(write, tmp_path):
    flip = np.eye(3)
    flip[0, 0], flip[0, 2] = -1, 39

    class Mirrored:
        def __init__(self, view):
            self.id, self.projection_matrix = view.id, flip @ view.projection_matrix

    (tmp_path / "x").mkdir()
    for n, view in enumerate(VIEWS):
        image = np.random.default_rng(n).uniform(1, 2, (40, 40)).astype(np.float32)
        tifffile.imwrite(tmp_path / "x" / f"{view.id}.tiff", image)
    path = write(tmp_path, [Mirrored(view) for view in VIEWS])
    with pytest.raises(GeometryError, match="reflection"):
        load_calibrated(tmp_path / "x", path, values="line_integral", grid=GRID)


def test_a_cone_vector_mirrored_against_the_others_is_refused_by_name(tmp_path):
    vectors = foreign.cone_vectors(VIEWS, upwards=False)
    vectors[6, 6:9] *= -1
    np.save(tmp_path / "v.npy", vectors)
    with pytest.raises(GeometryError, match=r"v\.npy: row 7 is mirrored"):
        read(tmp_path / "v.npy")


def test_a_mirrored_tigre_detector_is_refused_by_name(tmp_path):
    fields = foreign.tigre_fields(VIEWS, -1)
    fields["dDetector"][1] *= -1
    (tmp_path / "t.json").write_text(json.dumps({**fields, "angles": [0.0, 0.5]}))
    with pytest.raises(GeometryError, match="mirrored"):
        read(tmp_path / "t.json")[0].view((40, 40), "a")
