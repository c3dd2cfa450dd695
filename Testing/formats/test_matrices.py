import json

import numpy as np
import pytest

from IXGSLib.errors import FormatError
from IXGSLib.formats.calibrations import read_calibration
from IXGSLib.formats.calibrations.matrices import write_matrices
from IXGSLib.geometry import View
from IXGSLib.geometry.trajectory import CArm, arc, trajectory

VIEWS = trajectory(CArm(), arc(3, 100, 10), (0, 0, 50))
STACK = np.array([view.projection_matrix for view in VIEWS])


def read_matrices(path):
    """The matrices of a file, brought to a proper rotation, and their names."""
    views = read_calibration(path).views
    names = tuple(view.name for view in views)
    return np.array([view.matrix for view in views]), names if any(names) else None


def rows(array, separator=" "):
    return "\n".join(separator.join(map(repr, row)) for row in array.tolist())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("n12.txt", rows(STACK.reshape(3, 12))),
        ("n12.csv", rows(STACK.reshape(3, 12), ",")),
        ("semicolon.csv", rows(STACK.reshape(3, 12), "; ")),
        ("rows.txt", "# one matrix in three lines\n" + "\n\n".join(rows(P, "\t") for P in STACK) + "\n% end\n"),
        ("crlf.txt", rows(STACK.reshape(3, 12)).replace("\n", "\r\n")),
        ("nested.json", json.dumps(STACK.tolist())),
        ("flat.json", json.dumps(STACK.reshape(3, 12).tolist())),
    ],
)
def test_every_layout_gives_the_same_matrices(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    matrices, ids = read_matrices(tmp_path / name)
    assert np.array_equal(matrices, STACK)
    assert ids is None


@pytest.mark.parametrize("shape", [(3, 12), (3, 3, 4), (9, 4)])
def test_numpy_arrays_of_every_layout(tmp_path, shape):
    np.save(tmp_path / "m.npy", STACK.reshape(shape))
    assert np.array_equal(read_matrices(tmp_path / "m.npy")[0], STACK)


@pytest.mark.parametrize("name", ["one.txt", "one.json", "one.npy"])
def test_one_matrix_is_a_list_of_one(tmp_path, name):
    text = json.dumps(STACK[0].tolist()) if name.endswith("json") else rows(STACK[0])
    (tmp_path / name).write_text(text) if not name.endswith("npy") else np.save(tmp_path / name, STACK[0])
    assert np.array_equal(read_matrices(tmp_path / name)[0], STACK[:1])


@pytest.mark.parametrize("name", ["Matrizen für 1.csv", "Matrizen.json"])
def test_written_matrices_come_back(tmp_path, name):
    write_matrices(tmp_path / name, VIEWS)
    matrices, ids = read_matrices(tmp_path / name)
    assert np.array_equal(matrices, STACK)
    assert ids == (("000", "001", "002") if name.endswith("json") else None)


def test_a_real_calibrated_sweep_gives_plausible_c_arm_poses(data):
    matrices, _ = read_matrices(data / "geom_carm_248" / "camera_matrices_248x12.txt")
    views = [View.from_projection_matrix(P, (616, 480)) for P in matrices]
    assert len(views) == 248
    distances = [np.linalg.norm(view.source) for view in views]
    assert 740 < min(distances) < max(distances) < 760
    depths = [view.project((0, 0, 0))[1] for view in views]
    assert min(depths) > 700


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("eleven.txt", b"1 2 3 4 5 6 7 8 9 10 11\n", "11 numbers per line"),
        ("ragged.txt", b"1 2 3 4\n1 2 3\n", "line 2 holds 3 numbers"),
        ("four.txt", b"1 2 3 4\n" * 4, "shape"),
        ("pose.txt", b"1 0 0 9\n0 1 0 9\n0 0 1 9\n0 0 0 1\n" * 3, "4x4 transforms"),
        ("words.csv", b"p11,p12,p13,p14\n", "numbers of shape"),
        ("empty.txt", b"", "an empty file"),
        ("nan.json", b"[[1,2,3,NaN]]", "holds NaN"),
        ("short.json", b'{"ap": [[1, 2], [3, 4]]}', "matrix 'ap' has shape"),
        ("object.json", b'"text"', "neither a list"),
        ("cut.npy", b"\x93NUMPY\x01\x00v\x00", "truncated"),
        ("late.csv", b"1,2,3,4\n1,2,x,4\n1,2,3,4\n", "line 2 holds something other than numbers"),
        ("some.csv", b"a,1,2,3,4\n1,2,3,4\n1,2,3,4\n", "only some of its rows"),
        ("nan.txt", b"nan " * 12, "NaN or infinite"),
        ("pickle.npy", None, "no NumPy array of numbers"),
        ("geometry.mat", b"\xff\x00", "not a known calibration"),
    ],
)
def test_other_content_is_refused_by_name(tmp_path, name, content, message):
    if content is None:
        np.save(tmp_path / name, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=message) as error:
        read_matrices(tmp_path / name)
    assert name in str(error.value)
