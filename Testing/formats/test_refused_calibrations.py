"""Files that are no calibration, or one that cannot be used, are refused by name."""

import json

import numpy as np
import pytest

from IXGSLib.errors import FormatError
from IXGSLib.formats import load_calibrated
from IXGSLib.formats.calibrations import CalibrationOptions, read_calibration
from Testing.formats.test_foreign_geometries import deepfluoro
from Testing.formats.views import GRID, VIEWS, read


def linked(file, key, other):
    import h5py

    del file[key]
    file[key] = h5py.ExternalLink(other, key)


def stored(file, key, other):
    shape, kind = file[key].shape, file[key].dtype
    del file[key]
    file.create_dataset(key, shape, kind, external=[(other, 0, 6400)])


def virtual(file, key, other):
    import h5py

    layout = h5py.VirtualLayout(file[key].shape, file[key].dtype)
    layout[...] = h5py.VirtualSource(other, key, layout.shape)
    del file[key]
    file.create_virtual_dataset(key, layout)


def emptied(file, key, other):
    del file[key]
    file.create_group(key)


@pytest.mark.parametrize("key", ["proj-params/intrinsic", "17-1882/projections/001/image/pixels"])
@pytest.mark.parametrize("change", [linked, stored, virtual, emptied])
def test_hdf5_reads_nothing_of_other_files(tmp_path, change, key):
    h5py = pytest.importorskip("h5py")
    path, other = tmp_path / "full.h5", tmp_path / "other.h5"
    deepfluoro(path), deepfluoro(other)
    with h5py.File(path, "a") as file:
        change(file, key, str(other))
    options = CalibrationOptions("deepfluoro:17-1882")
    expected = "does not follow its format" if change is emptied else "leads to other files"
    with pytest.raises(FormatError, match=f"full.h5: .*{expected}"):
        load_calibrated(path, path, values="line_integral", grid=GRID, options=options)


def test_hdf5_without_its_reader_names_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    (tmp_path / "full.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(600))
    with pytest.raises(FormatError, match="run: pip install h5py"):
        read_calibration(tmp_path / "full.h5")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("pose.json", {"K": np.eye(3).tolist(), "pose": np.eye(4).tolist()}, "direction is unclear"),
        ("K.json", {"K": np.eye(3).tolist()}, "no pose beside K"),
        ("fish.json", {"frames": [{"transform_matrix": np.eye(4).tolist(), "camera_model": "FISHEYE"}]}, "FISHEYE"),
        ("focal.json", {"frames": [{"transform_matrix": np.eye(4).tolist()}]}, "no focal length"),
        ("mix.json", {"K": np.eye(3).tolist(), "R": [np.eye(3).tolist()] * 2, "t": [1, 2, 3]}, "2 rotations and 1"),
        ("scanner.json", {"scanner": {}, "proj_train": []}, "no list of projections"),
        ("tigre.json", {"DSD": 1, "DSO": 1, "nDetector": [1, 1]}, "no 'angles'"),
        ("parallel.json", {"type": "parallel3d_vec", "Vectors": [[0] * 12]}, "type parallel3d_vec"),
        ("maya.txt", "image size\n4,4\n\ncamera matrix\n1,0\n", "'camera matrix' holds 2 numbers, expected 9"),
        ("maya.txt", "image size\n4,4\n\nlens\n1\n", "line 4 is 'lens'"),
        (
            "projtable.txt",
            "projtable version 3\n\n2\n@ 1\n0 0\n1 2 3 4\n1 2 3 4\n1 2 3 4\n",
            "1 projections, expected 2",
        ),
        ("cut.yml", "%YAML:1.0\nK: !!opencv-matrix\n  rows: 3\n  data: [ 1, 2,", "a bracket does not close"),
        (
            "short.yml",
            "%YAML:1.0\nK: !!opencv-matrix\n  rows: 3\n  cols: 3\n  data: [ 1 ]",
            "incomplete OpenCV matrix",
        ),
        ("words.xml", "<html/>", "not a known calibration"),
        ("x.tfm", "#Insight Transform File V1.0\nnonsense", "not a transform that ITK can read"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)
def test_files_that_cannot_be_used_are_refused_by_name(tmp_path, name, content, message):
    (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(FormatError, match=message) as caught:
        read(tmp_path / name, format="itk" if name.endswith("tfm") else None)
    assert name in str(caught.value)


def test_matlabs_new_files_are_refused_with_the_cure(tmp_path):
    (tmp_path / "c.mat").write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512))
    with pytest.raises(FormatError, match=r"c\.mat: a MATLAB 7\.3 file.*'-v7'"):
        read(tmp_path / "c.mat")


def test_matlabs_transposed_intrinsics_are_refused(tmp_path):
    data = {"K": VIEWS[0].K.T.tolist(), "R": np.eye(3).tolist(), "t": [0, 0, 600]}
    (tmp_path / "c.json").write_text(json.dumps(data))
    with pytest.raises(FormatError, match="subtract 1 from the principal point"):
        read(tmp_path / "c.json")


def test_twelve_numbers_that_are_no_camera_are_not_guessed(tmp_path):
    np.savetxt(tmp_path / "n.csv", np.random.default_rng(0).normal(size=(9, 12)), delimiter=",")
    with pytest.raises(FormatError, match=r"neither .* --calibration-format matrices"):
        read(tmp_path / "n.csv")
