"""Arrays of NumPy and MATLAB and transforms of ITK: read as their own programs read them, and bounded where damaged."""

import io
import random
import struct
import zipfile

import numpy as np
import pytest
import scipy.io

from IXGSLib.errors import FormatError
from IXGSLib.formats.calibrations import CalibrationOptions, read_calibration
from IXGSLib.formats.calibrations.matlab import matlab_content
from IXGSLib.formats.calibrations.numpy_files import MAX_ARRAY_BYTES, numpy_array, numpy_arrays
from Testing.fuzz.mutation import mutated

CONTENT = {
    "P": np.arange(24.0).reshape(3, 4, 2),
    "small": np.arange(6, dtype=np.int8).reshape(2, 3),
    "flag": np.array([[True, False]]),
    "word": "Röntgen",
    "words": np.array(["ab", "cde"]),
    "camera": {"K": np.eye(3), "name": "ap", "deep": {"f": 1.5}},
}


def matlab(content, packed):
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, content, do_compression=packed)
    return buffer.getvalue()


def assert_same(found, expected):
    assert type(found) is type(expected) or isinstance(expected, np.ndarray)
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            assert_same(found[key], expected[key])
    else:
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("packed", [False, True])
def test_matlab_files_are_read_as_scipy_reads_them(packed):
    data = matlab(CONTENT, packed)
    theirs = scipy.io.loadmat(io.BytesIO(data), simplify_cells=True)
    assert_same(matlab_content(data, "a.mat"), {key: theirs[key] for key in CONTENT})


def test_cells_are_lists():
    cells = np.empty((1, 3), dtype=object)
    cells[0, 0], cells[0, 1], cells[0, 2] = np.eye(3), "text", 4.0
    found = matlab_content(matlab({"c": cells}, True), "a.mat")["c"]
    assert np.array_equal(found[0], np.eye(3))
    assert found[1:] == ["text", 4.0]


@pytest.mark.parametrize("packed", [False, True])
def test_damaged_matlab_files_never_end_the_process(packed):
    data, rng, messages = matlab(CONTENT, packed), random.Random(0), []
    for _ in range(400):
        try:
            matlab_content(mutated(rng, data, [data]), "a.mat")
        except FormatError as error:
            messages.append(str(error))
    assert len(messages) > 100
    assert all(message.startswith("a.mat: ") for message in messages)


def test_a_matlab_variable_that_inflates_without_end_is_refused():
    import zlib

    packed = zlib.compress(bytes(MAX_ARRAY_BYTES + 9), 9)
    header = matlab({}, False)[:128]
    with pytest.raises(FormatError, match=r"a\.mat: a MATLAB file that cannot be read"):
        matlab_content(header + struct.pack("<2I", 15, len(packed)) + packed, "a.mat")


def npy(shape, kind="<f8", data=bytes(96)):
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (63 - (len(text) + 10) % 64) + "\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text.encode() + data


WRONG_NUMPY = {
    "87 TiB": npy("(1000000000000, 12)"),
    "negative": npy("(-1, 12)"),
    "objects": npy("(1,)", "|O"),
    "brackets": b"\x93NUMPY\x01\0" + struct.pack("<H", 10) + b"(((((((((\n",
    "code": b"\x93NUMPY\x01\0" + struct.pack("<H", 30) + b"__import__('os').getpid()".ljust(29) + b"\n",
    "cut": npy("(1, 12)")[:-8],
    "another version": b"\x93NUMPY\x09\0" + bytes(60),
}


@pytest.mark.parametrize("what", WRONG_NUMPY)
def test_wrong_arrays_are_refused(what):
    with pytest.raises(FormatError, match=r"a\.npy: no NumPy array of numbers"):
        numpy_array(WRONG_NUMPY[what], "a.npy")


@pytest.mark.parametrize("order", "CF")
def test_arrays_are_read_as_numpy_reads_them(order):
    array = np.asarray(np.arange(24).reshape(2, 3, 4), order=order)
    buffer = io.BytesIO()
    np.save(buffer, array)
    assert np.array_equal(numpy_array(buffer.getvalue(), "a.npy"), array)


def test_archives_of_arrays_are_bounded():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.npy", npy("(9000000,)", data=bytes(MAX_ARRAY_BYTES + 9)))
    with pytest.raises(FormatError, match=r"a\.npz: more than 67108864 bytes of arrays"):
        numpy_arrays(buffer.getvalue(), "a.npz")
    with pytest.raises(FormatError, match=r"a\.npz: a ZIP file without NumPy arrays"):
        numpy_arrays(b"PK\x03\x04xxxx", "a.npz")


@pytest.mark.parametrize(("rows", "columns"), [(2**30, 1), (46341, 46341), (-1, 12), (13, 1)])
def test_a_transform_of_itk_that_claims_more_numbers_than_it_has_is_refused(tmp_path, rows, columns):
    name = b"AffineTransform_double_3_3\0"
    data = struct.pack("<5i", 0, rows, columns, 0, len(name)) + name + bytes(96)
    (tmp_path / "a.mat").write_bytes(data + struct.pack("<5i", 0, 3, 1, 0, 6) + b"fixed\0" + bytes(24))
    (tmp_path / "intrinsics.json").write_text('{"K": [[500, 0, 24], [0, 500, 24], [0, 0, 1]]}')
    with pytest.raises(FormatError, match=r"a\.mat: not the matrices of a transform"):
        read_calibration(tmp_path / "a.mat", CalibrationOptions("itk"))
