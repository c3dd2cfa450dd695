"""Small image files that ask for a lot, and what is no file: refused before memory is taken."""

import os
import resource
import struct
import zlib

import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from IXGSLib.errors import FormatError, IXGSError
from IXGSLib.parsing import MAX_TEXT_BYTES, parsing, read_file
from IXGSLib.xray import read_pixels
from IXGSLib.xray.dicom import objects
from IXGSLib.xray.tiff import unpacked_size
from Testing.xray.test_dicom import dicom


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks)


def header(side):
    return b"IHDR", struct.pack(">IIBBBBB", side, side, 16, 0, 0, 0, 0)


def tiff(width, height, data, bits=16, samples=1, compression=8, photometric=1, rows=None):
    tags = [
        *(
            (256, 4, width),
            (257, 4, height),
            (258, 3, bits),
            (259, 3, compression),
            (262, 3, photometric),
            (273, 4, None),
        ),
        *((277, 3, samples), (278, 4, height if rows is None else rows), (279, 4, len(data)), (339, 3, 1)),
    ]
    start = 8 + 2 + 12 * len(tags) + 4
    text = b"II*\0" + struct.pack("<IH", 8, len(tags))
    for tag, kind, value in tags:
        text += struct.pack("<HHII", tag, kind, 1, start if value is None else value)
    return text + bytes(4) + data


BOMBS = {
    "two headers.png": (png((b"prIV", header(64)[1]), header(60000), (b"IDAT", zlib.compress(bytes(9)))), "PNG header"),
    "second header.png": (png(header(64), header(9000), (b"IDAT", zlib.compress(bytes(9)))), "png: "),
    "strip.tiff": (tiff(64, 64, zlib.compress(bytes(2**27), 9)), "compressed content is larger"),
    "packbits.tiff": (tiff(64, 64, b"\x81\0" * 9000, compression=32773), "strips hold more"),
    "samples.tiff": (tiff(4096, 4096, zlib.compress(bytes(99)), bits=64, samples=200), "200 samples of 64 bits"),
    "white.tiff": (tiff(4096, 4096, zlib.compress(bytes(99)), samples=40, photometric=0), "40 samples"),
    "no rows.tiff": (tiff(64, 64, zlib.compress(bytes(8192)), rows=0), "without rows"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_without_their_memory(tmp_path, name):
    data, words = BOMBS[name]
    (tmp_path / name).write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(IXGSError, match=words) as error:
        read_pixels(tmp_path / name)
    assert name in str(error.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def deflated(path, rest):
    dataset = pydicom.dcmread(dicom(path))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.add_new(0x7FE1_0010, "LO", "test")
    dataset.add_new(0x7FE1_1010, "OB", rest)
    dataset.save_as(path)
    return path


def test_a_deflated_file_is_inflated_within_bounds(tmp_path, monkeypatch):
    path = deflated(tmp_path / "a.dcm", bytes(2**20))
    assert read_pixels(path).values.shape == (64, 48)
    monkeypatch.setattr(objects, "MAX_INFLATED_BYTES", 2**19)
    with pytest.raises(FormatError, match=r"a\.dcm: its compressed content is larger than 524288 bytes"):
        read_pixels(path)


def test_compressed_pixels_of_more_than_twice_the_image_are_refused(tmp_path):
    from pydicom.encaps import encapsulate
    from pydicom.uid import RLELossless

    path = dicom(tmp_path / "a.dcm", syntax=RLELossless)
    dataset = pydicom.dcmread(path)
    dataset.PixelData = encapsulate([b"\x81\0" * 50_000])
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path)
    with pytest.raises(FormatError, match=r"a\.dcm: \d+ bytes of compressed pixels, expected at most"):
        read_pixels(path)


@pytest.mark.parametrize("tag", [b"\x02\0\x02\0UI", b"\x08\0\x60\0CS", b"\x28\0\x10\0US", b"\xe0\x7f\x10\0OW"])
def test_a_tag_with_an_unknown_representation_is_refused(tmp_path, tag):
    path = dicom(tmp_path / "a.dcm")
    # Without the class in the dataset, that of the meta information is looked at.
    data = path.read_bytes().replace(b"\x08\0\x16\0UI", b"\x08\0\x17\0UI", 1)
    assert tag in data
    path.write_bytes(data.replace(tag, tag[:4] + b"Ut", 1))
    with pytest.raises(IXGSError, match=r"a\.dcm"):
        read_pixels(path)


@pytest.mark.parametrize(
    ("packed", "size"), [(b"", 0), (b"\0a", 1), (b"\x02abc", 3), (b"\xfea", 3), (b"\x80", 0), (b"\x81a" * 2, 256)]
)
def test_the_size_of_packbits(packed, size):
    assert unpacked_size(packed) == size


# What is no file


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes as files")
def test_pipes_devices_and_folders_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    for path in (tmp_path / "pipe.png", tmp_path / "folder.png"):
        with pytest.raises(FormatError, match=r"expected a file|cannot be opened"):
            read_pixels(path)
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    with pytest.raises(FormatError, match="a device or a pipe, expected"):
        read_pixels(tmp_path / "zero.png")


def test_text_of_any_size_is_not_read(tmp_path):
    with (tmp_path / "case.json").open("wb") as file:
        file.truncate(MAX_TEXT_BYTES + 1)
    with pytest.raises(FormatError, match=r"case\.json: 17 MiB, expected at most 16 MiB"):
        read_file(tmp_path / "case.json")
    with pytest.raises(FormatError, match="cannot be opened"):
        read_file(tmp_path / ("a" * 300))
    with pytest.raises(FormatError, match="no file can have this name"):
        read_file(tmp_path / "a\0b")


def test_whatever_a_parser_raises_names_the_file_and_quotes_nothing():
    for error in (KeyError("DOE^JOHN"), RecursionError("DOE"), AssertionError("DOE")):
        with pytest.raises(FormatError, match=r"^a\.dcm: ") as caught, parsing("a.dcm"):
            raise error
        assert "DOE" not in str(caught.value)
    with pytest.raises(FormatError, match="more memory than there is"), parsing("a.dcm"):
        raise MemoryError
    with pytest.raises(KeyboardInterrupt), parsing("a.dcm"):
        raise KeyboardInterrupt


def test_large_images_are_read_all_the_same(tmp_path):
    image = np.arange(600 * 500, dtype=np.uint16).reshape(500, 600)
    (tmp_path / "a.tiff").write_bytes(tiff(600, 500, zlib.compress(image.tobytes())))
    assert np.array_equal(read_pixels(tmp_path / "a.tiff").values, image)
