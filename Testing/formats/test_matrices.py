import json

import numpy as np
import pytest
import scipy.io

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


def decimal_comma(number):
    return repr(number).replace(".", ",")


FLAT = STACK.reshape(3, 12).tolist()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("\n".join(",".join([str(n), *map(repr, row)]) for n, row in enumerate(FLAT)), False),
        ("," + ",".join(map(str, range(12))) + "\n" + rows(STACK.reshape(3, 12), ","), False),
        ("\n".join(",".join(f'"{decimal_comma(x)}"' for x in row) for row in FLAT), False),
        ("\n".join(str(row) for row in FLAT), False),
        ("\n".join(";".join([f'"shot {n}"', *map(decimal_comma, row)]) for n, row in enumerate(FLAT)), True),
        ("\n".join(",".join([f"shot {n}", *map(repr, row)]) for n, row in enumerate(FLAT)), True),
        ("\n".join(" ".join([f"shot-{n}", *map(repr, row)]) for n, row in enumerate(FLAT)), True),
    ],
    ids=["index", "numbered columns", "quoted commas", "Python lists", "quoted names", "names", "names and blanks"],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-32"])
def test_tables_as_spreadsheets_and_scripts_write_them(tmp_path, text, named, encoding):
    (tmp_path / "table.csv").write_bytes(text.encode(encoding))
    matrices, names = read_matrices(tmp_path / "table.csv")
    assert np.array_equal(matrices, STACK)
    assert names is None or named
    assert not named or len(set(names)) == 3


def test_only_a_column_that_numbers_the_rows_is_an_index(tmp_path):
    text = "\n".join(" ".join(map(repr, [7.0 * n, *row])) for n, row in enumerate(FLAT))
    (tmp_path / "table.txt").write_text(text)
    with pytest.raises(FormatError, match="13 numbers per line"):
        read_matrices(tmp_path / "table.txt")


@pytest.mark.parametrize("count", [3, 12])
def test_turned_tables_are_recognised_by_what_they_hold(tmp_path, count):
    views = trajectory(CArm(), arc(count, 100, 10), (0, 0, 50))
    stack = np.array([view.projection_matrix for view in views])
    for array in (stack.reshape(count, 12).T, stack.transpose(0, 2, 1)):
        np.save(tmp_path / "m.npy", array)
        assert np.array_equal(read_matrices(tmp_path / "m.npy")[0], stack)


def test_the_only_table_among_several_arrays_is_read(tmp_path):
    np.savez(tmp_path / "m.npz", table=STACK, angles=np.arange(3.0), names=np.array(["a", "b", "c"]))
    assert np.array_equal(read_matrices(tmp_path / "m.npz")[0], STACK)
    np.savez(tmp_path / "two.npz", one=STACK, other=STACK)
    with pytest.raises(FormatError, match=r"'one' \(3, 3, 4\), 'other' \(3, 3, 4\)"):
        read_matrices(tmp_path / "two.npz")


def test_matlab_cells_and_structs_are_read_and_version_4_is_named(tmp_path):
    cells = np.empty(3, dtype=object)
    cells[:] = list(STACK)
    scipy.io.savemat(tmp_path / "cells.mat", {"P": cells})
    scipy.io.savemat(tmp_path / "structs.mat", {"cams": [{"P": P} for P in STACK]})
    for name in ("cells.mat", "structs.mat"):
        assert np.array_equal(read_matrices(tmp_path / name)[0], STACK)
    scipy.io.savemat(tmp_path / "old.mat", {"P": STACK.reshape(3, 12)}, format="4")
    with pytest.raises(FormatError, match="MATLAB 4"):
        read_matrices(tmp_path / "old.mat")


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
