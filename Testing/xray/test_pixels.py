import shutil
import struct
import warnings
import zlib

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from PIL import Image

from IXGSLib.errors import FormatError, IXGSWarning, NotAnImage, TruncatedFile
from IXGSLib.xray import read_pixels
from IXGSLib.xray.reading import frame_count

RAMP = np.random.default_rng(0).integers(1, 60000, (40, 52)).astype(np.uint16)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "Röntgen bilder"
    path.mkdir()
    return path


def write(path, array):
    if path.suffix == ".png":
        Image.fromarray(array).save(path)
    elif path.suffix == ".tiff":
        tifffile.imwrite(path, array, photometric="minisblack")
    else:
        sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
    return path


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("name", ["a.png", "a.tiff", "a.nrrd", "a.mha"])
def test_16_bit_pixels_come_back_unchanged(folder, name):
    pixels = read_pixels(write(folder / name, RAMP))
    assert np.array_equal(pixels.values, RAMP)
    assert pixels.limits == (0, 65535)
    assert pixels.values.dtype == np.float32


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *(("a.tiff", dtype) for dtype in ("float32", "float64", "int16", ">u2", ">f4")),
        *(("a.nrrd", dtype) for dtype in ("float32", "float64", "int16")),
    ],
)
def test_other_numbers_and_byte_orders_come_back_unchanged(folder, name, dtype):
    array = (RAMP.astype(np.float64) / 7 - 100).astype(dtype)
    pixels = read_pixels(write(folder / name, array))
    assert np.array_equal(pixels.values, array.astype(np.float32))
    assert (pixels.limits is None) == (array.dtype.kind == "f")


@pytest.mark.parametrize("name", ["a.png", "a.tiff", "a.nrrd"])
def test_8_bit_pixels_are_read_with_a_warning(folder, name):
    with pytest.warns(IXGSWarning, match="dynamic range lost"):
        pixels = read_pixels(write(folder / name, (RAMP // 256).astype(np.uint8)))
    assert np.array_equal(pixels.values, RAMP // 256)


@pytest.mark.filterwarnings("ignore::IXGSLib.errors.IXGSWarning")
def test_lzw_tiffs_of_a_real_system_are_read(data):
    frames = sorted((data / "xray_biplane_wrist_knee" / "frames").iterdir())
    pixels = read_pixels(frames[0])
    with Image.open(frames[0]) as image:
        assert np.array_equal(pixels.values, np.asarray(image))
    assert pixels.limits == (0, 255)


def test_white_is_zero_tiff_is_the_inverse_of_its_twin(folder):
    tifffile.imwrite(folder / "white.tiff", 65535 - RAMP, photometric="miniswhite")
    assert np.array_equal(read_pixels(folder / "white.tiff").values, RAMP)


def test_equal_colour_channels_are_grey_and_others_refused(folder):
    grey = np.repeat((RAMP // 256).astype(np.uint8)[..., None], 3, axis=2)
    with pytest.warns(IXGSWarning) as caught:
        pixels = read_pixels(write(folder / "grey.png", grey))
    assert any("stored in colour" in str(w.message) for w in caught)
    assert np.array_equal(pixels.values, grey[..., 0])
    grey[3, 4, 1] ^= 1
    with pytest.raises(FormatError, match=r"colour\.png: a colour image"):
        read_pixels(write(folder / "colour.png", grey))


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("empty.png", b"", "empty file"),
        ("notes.tiff", b"patient moved\n", "text file"),
        ("notes.nrrd", b"NRRD is what this is not\n", "text file"),
        ("photo.png", b"\xff\xd8\xff\xe0" + bytes(99), "JPEG"),
        ("noise.dcm", bytes(range(200, 255)) * 9, "no known kind"),
    ],
)
def test_files_that_are_no_images_are_named_for_what_they_are(folder, name, content, found):
    (folder / name).write_bytes(content)
    with pytest.raises(NotAnImage, match=found) as error:
        read_pixels(folder / name)
    assert name in str(error.value)
    assert str(folder) not in str(error.value)


def test_a_renamed_image_is_refused(folder):
    write(folder / "a.png", RAMP)
    (folder / "a.png").rename(folder / "a.dcm")
    with pytest.raises(NotAnImage, match=r"a\.dcm: holds PNG, its name promises DICOM"):
        read_pixels(folder / "a.dcm")


@pytest.mark.parametrize("name", ["a.png", "a.tiff", "zip.tiff", "a.nrrd", "a.mha"])
@pytest.mark.parametrize("part", [0.05, 0.3, 0.95])
def test_truncated_files_are_refused_with_their_length(folder, name, part):
    path = folder / name
    if name == "zip.tiff":
        tifffile.imwrite(path, RAMP, compression="zlib", photometric="minisblack", rowsperstrip=4)
    else:
        write(path, RAMP)
    length = path.stat().st_size
    data = path.read_bytes()[: int(part * length)]
    path.write_bytes(data)
    with pytest.raises(TruncatedFile, match=rf"{name}: {len(data)} bytes") as error:
        read_pixels(path)
    if name == "a.tiff" and part == 0.95:
        assert f"expected {length}" in str(error.value)


def test_a_png_bomb_is_refused_by_its_header(folder):
    head = struct.pack(">IIBBBBB", 65535, 65535, 16, 0, 0, 0, 0)
    (folder / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b""))
    with pytest.raises(FormatError, match="65535 x 65535 pixels"):
        read_pixels(folder / "bomb.png")


def test_a_nrrd_bomb_is_refused_by_its_header(folder):
    header = "NRRD0004\ntype: ushort\ndimension: 2\nsizes: 65535 65535\nendian: little\nencoding: raw\n\n"
    (folder / "bomb.nrrd").write_bytes(header.encode() + bytes(64))
    with pytest.raises(FormatError, match="65535 x 65535 pixels"):
        read_pixels(folder / "bomb.nrrd")


def test_a_tiff_bomb_is_refused_by_its_header(folder):
    path = write(folder / "bomb.tiff", RAMP)
    with tifffile.TiffFile(path, mode="r+") as file:
        for tag in ("ImageWidth", "ImageLength"):
            file.pages[0].tags[tag].overwrite(65535)
    with pytest.raises(FormatError, match="65535 x 65535 pixels"):
        read_pixels(path)


def test_pixels_in_a_second_file_are_refused(folder):
    header = (
        "NRRD0004\ntype: ushort\ndimension: 2\nsizes: 2 2\nendian: little\nencoding: raw\ndata file: /etc/passwd\n\n"
    )
    (folder / "a.nhdr").write_text(header)
    with pytest.raises(FormatError, match="in another file"):
        read_pixels(folder / "a.nhdr")


@pytest.mark.parametrize("name", ["stack.tiff", "stack.nrrd"])
def test_a_stack_needs_a_choice_and_obeys_it(folder, name):
    stack = np.stack([RAMP, RAMP // 2, RAMP // 3])
    path = write(folder / name, stack)
    assert frame_count(path) == 3
    with pytest.raises(FormatError, match='"frame": 0 to 2'):
        read_pixels(path)
    assert np.array_equal(read_pixels(path, 2).values, stack[2])
    with pytest.raises(FormatError, match="frame 3 of 3 does not exist"):
        read_pixels(path, 3)


def test_a_single_slice_volume_needs_no_choice(folder):
    assert np.array_equal(read_pixels(write(folder / "slice.nrrd", RAMP[None])).values, RAMP)


def test_a_missing_file_is_named(folder):
    with pytest.raises(FormatError, match=r"gone\.png: cannot be opened"):
        read_pixels(folder / "gone.png")


def test_reading_leaves_no_file_open(folder):
    path = write(folder / "a.tiff", RAMP)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        read_pixels(path)
    shutil.rmtree(folder)


TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.T,
    6: lambda a: a.T[::-1],
    7: lambda a: a[::-1, ::-1].T,
    8: lambda a: a.T[:, ::-1],
}
"""How the upright image is stored under each orientation (TIFF 6.0: where the first row and column lie)."""


def stored(path, orientation, array):
    array = np.ascontiguousarray(TURNS[orientation](array))
    if path.name == "lzw.tiff":
        Image.fromarray(array).save(path, compression="tiff_lzw", tiffinfo={274: orientation})
    elif path.suffix == ".tiff":
        tag = [(274, "H", 1, orientation, True)]
        tifffile.imwrite(path, array, extratags=tag, metadata=None, photometric="minisblack")
    else:
        exif = Image.Exif()
        exif[274] = orientation
        Image.fromarray(array).save(path, exif=exif)
    return path


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("name", ["a.tiff", "lzw.tiff", "a.png"])
def test_images_are_turned_upright_as_their_orientation_says(folder, name, orientation):
    path = stored(folder / name, orientation, RAMP)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert np.array_equal(read_pixels(path).values, RAMP)
    assert any(f"orientation {orientation}" in str(w.message) for w in caught) == (orientation != 1)


def test_an_orientation_that_does_not_exist_is_refused(folder):
    path = folder / "a.tiff"
    tifffile.imwrite(path, RAMP, extratags=[(274, "H", 1, 9, True)], metadata=None, photometric="minisblack")
    with pytest.raises(FormatError, match="orientation is 9, expected 1 to 8"):
        read_pixels(path)
