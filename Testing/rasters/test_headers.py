"""NRRD and MetaImage files: read like ITK reads them where they are right, refused with bounds where they are wrong."""

import re
import zlib

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from IXGSLib.errors import FormatError, IXGSError, NotAnImage, TruncatedFile
from IXGSLib.rasters.numbers import read_numbers
from IXGSLib.rasters.raster import MAX_HEADER_BYTES
from IXGSLib.rasters.reading import read_header

PIXELS = np.arange(64 * 48, dtype="<u2").reshape(48, 64)
BYTES = PIXELS.tobytes()
NRRD = "NRRD0004\ntype: unsigned short\ndimension: 2\nsizes: 64 48\nencoding: raw\nendian: little\n"
META = (
    "ObjectType = Image\nNDims = 2\nBinaryData = True\nBinaryDataByteOrderMSB = False\nDimSize = 64 48\n"
    "ElementType = MET_USHORT\n"
)
TYPES = (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, np.float32, np.float64)


def read(path):
    header = read_header(path)
    return header, read_numbers(header).reshape(header.sizes[::-1])


def rotation(seed, n):
    Q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))
    return Q


@pytest.fixture
def written(tmp_path):
    """written(name, header, numbers): the file with that text and these bytes."""

    def write(name, text, data=BYTES):
        (tmp_path / name).write_bytes(text.encode("latin-1") + data)
        return tmp_path / name

    return write


# Files that are right


@pytest.mark.parametrize("suffix", ["nrrd", "mha", "nhdr", "mhd"])
@settings(max_examples=40, deadline=None)
@given(dtype=st.sampled_from(TYPES), n=st.sampled_from([2, 3]), packed=st.booleans(), seed=st.integers(0, 2**16))
def test_files_of_itk_are_read_as_itk_reads_them(tmp_path_factory, suffix, dtype, n, packed, seed):
    rng = np.random.default_rng(seed)
    values = (rng.normal(size=rng.integers(1, 9, n)) * 50).astype(dtype)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(rng.uniform(0.01, 9, n))
    image.SetOrigin(rng.normal(size=n) * 300)
    image.SetDirection(rotation(seed, n).ravel())
    path = tmp_path_factory.mktemp("itk") / f"image.{suffix}"
    sitk.WriteImage(image, path, packed)
    header, found = read(path)
    again = sitk.ReadImage(path)
    assert found.dtype == values.dtype
    assert np.array_equal(found, sitk.GetArrayFromImage(again))
    for mine, theirs in (
        (header.spacing, again.GetSpacing()),
        (header.origin, again.GetOrigin()),
        (header.direction.ravel(), again.GetDirection()),
    ):
        assert np.allclose(mine, theirs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("space", ["right-anterior-superior", "left-anterior-superior", "LPS", "RAS", "LAS"])
@pytest.mark.parametrize("rest", ["encoding: raw\nendian: big", "encoding: ascii"])
def test_spaces_and_encodings_are_those_of_itk(written, space, rest):
    values = np.arange(24, dtype=">i2")
    lattice = f"space: {space}\nspace directions: (0,0.5,0) (-0.7,0,0) (0,0,2)\nspace origin: (1,-2,3.5)\n"
    data = values.tobytes() if "raw" in rest else " ".join(map(str, values)).encode()
    path = written("a.nrrd", f"NRRD0005\ntype: int16\ndimension: 3\nsizes: 2 3 4\n{lattice}{rest}\n\n", data)
    header, found = read(path)
    theirs = sitk.ReadImage(path)
    assert np.array_equal(found, sitk.GetArrayFromImage(theirs))
    assert np.allclose(header.origin, theirs.GetOrigin(), atol=1e-12)
    assert np.allclose(header.direction.ravel(), theirs.GetDirection(), atol=1e-12)
    assert np.allclose(header.spacing, theirs.GetSpacing(), atol=1e-12)


def test_one_frame_of_a_compressed_stack_is_that_of_the_whole(written):
    text = "NRRD0004\ntype: ushort\ndimension: 3\nsizes: 64 16 3\nencoding: gzip\nendian: little\n\n"
    stream = zlib.compressobj(wbits=31)
    header = read_header(written("a.nrrd", text, stream.compress(PIXELS.tobytes()) + stream.flush()))
    for n in range(3):
        found = read_numbers(header, n * 1024, (n + 1) * 1024)
        assert np.array_equal(found.reshape(16, 64), PIXELS[16 * n : 16 * n + 16])


# Headers that are wrong

WRONG_NRRD = {
    "a line of 1100 letters before an end": ("NRRD0004\ndimension: 2\n" + "x" * 1100 + "\n\n", "states no sizes"),
    "no end": (NRRD, "without an end"),
    "more than the longest header": (NRRD + "# " + "c" * MAX_HEADER_BYTES, "bytes of header"),
    "no dimension": (NRRD.replace("dimension: 2\n", "") + "\n", "states no dimension"),
    "dimension -1": (NRRD.replace("dimension: 2", "dimension: -1") + "\n", "dimension is -1"),
    "dimension 2147483648": (NRRD.replace("dimension: 2", "dimension: 2147483648") + "\n", "dimension is 2147483648"),
    "dimension 9**99": (NRRD.replace("dimension: 2", "dimension: " + "9" * 99) + "\n", "expected a whole number"),
    "another number of sizes": (NRRD.replace("64 48", "64 48 2") + "\n", "sizes has 3 numbers"),
    "negative sizes": (NRRD.replace("64 48", "-64 -48") + "\n", "expected at least 1"),
    "more than there is": (NRRD.replace("64 48", "64 49") + "\n", "6144 bytes of numbers in them, expected 6272"),
    "unknown type": (NRRD.replace("unsigned short", "block") + "\n", "type 'block'"),
    "unknown encoding": (NRRD.replace("raw", "hex") + "\n", "encoding 'hex'"),
    "no byte order": (NRRD.replace("endian: little\n", "") + "\n", "endian is ''"),
    "two sizes": (NRRD + "sizes: 64 48\n\n", "twice"),
    "skipped lines": (NRRD + "line skip: 3\n\n", "skips lines"),
    "negative skip": (NRRD + "byte skip: -9\n\n", "byte skip -9"),
    "zero spacing": (NRRD + "spacings: 0 1\n\n", "expected positive numbers"),
    "infinite spacing": (NRRD + "spacings: inf 1\n\n", "expected positive numbers"),
    "words for spacings": (NRRD + "spacings: one two\n\n", "expected numbers"),
    "one direction": (NRRD + "space: LPS\nspace directions: (1,0,0)\n\n", "space directions of other axes"),
    "NaN directions": (NRRD + "space: LPS\nspace directions: (nan,0,0) (0,1,0)\n\n", "spacing"),
    "long direction": (NRRD + f"space: LPS\nspace directions: (1,0,0) ({'x' * 5000})\n\n", "expected numbers"),
    "colour": (NRRD + "kinds: RGB-color domain\n\n", "expected one number per sample"),
}
WRONG_META = {
    "NDims -1": (META.replace("NDims = 2", "NDims = -1") + "ElementDataFile = LOCAL\n", "NDims is -1"),
    "NDims 0": (META.replace("NDims = 2", "NDims = 0") + "ElementDataFile = LOCAL\n", "NDims is 0"),
    "NDims 2**31": (META.replace("NDims = 2", "NDims = 2147483648") + "ElementDataFile = LOCAL\n", "2147483648"),
    "NDims alone": ("NDims = -1\nElementDataFile = LOCAL\n", "NDims is -1"),
    "no NDims": (META.replace("NDims = 2\n", "") + "ElementDataFile = LOCAL\n", "states no ndims"),
    "no data": (META, "breaks off before ElementDataFile"),
    "a carriage return before the data": (META + "Comment = x\rElementDataFile = LOCAL\n", "breaks off"),
    "another number of sizes": (META.replace("64 48", "64") + "ElementDataFile = LOCAL\n", "DimSize has 1 numbers"),
    "zero sizes": (META.replace("64 48", "0 48") + "ElementDataFile = LOCAL\n", "expected at least 1"),
    "channels": (META + "ElementNumberOfChannels = 3\nElementDataFile = LOCAL\n", "3 channels"),
    "unknown type": (META.replace("MET_USHORT", "MET_STRING") + "ElementDataFile = LOCAL\n", "ElementType"),
    "negative spacing": (META + "ElementSpacing = 1 -1\nElementDataFile = LOCAL\n", "expected positive numbers"),
    "another number of spacings": (META + "ElementSpacing = 1\nElementDataFile = LOCAL\n", "does not have 2 axes"),
    "LOCAL, then a file": (META + "ElementDataFile = LOCAL\nElementDataFile = b.raw\n", None),
    "too few bytes": (META.replace("64 48", "64 480") + "ElementDataFile = LOCAL\n", "expected 61440"),
}


@pytest.mark.parametrize("what", WRONG_NRRD)
def test_wrong_nrrd_headers_are_refused_with_their_name(written, what):
    text, expected = WRONG_NRRD[what]
    path = written("Röntgen.nrrd", text, b"" if what == "no end" else PIXELS.tobytes())
    with pytest.raises(FormatError, match=re.escape(expected)) as error:
        read(path)
    assert str(error.value).startswith("Röntgen.nrrd: ")


@pytest.mark.parametrize("what", WRONG_META)
def test_wrong_metaimage_headers_are_refused_with_their_name(written, what):
    text, expected = WRONG_META[what]
    path = written("a.mha", text)
    if expected is None:  # the first statement counts: what follows are numbers
        assert read_header(path).data == path
        return
    with pytest.raises(FormatError, match=re.escape(expected)) as error:
        read(path)
    assert str(error.value).startswith("a.mha: ")


@pytest.mark.parametrize("letters", [500, 900, 1100, 2000, 5000, 70_000])
def test_long_lines_are_read_over(written, letters):
    comment = f"# {'c' * letters}\nfree text:={'v' * letters}\n{'x' * letters}\n"
    assert np.array_equal(read(written("a.nrrd", NRRD + comment + "\n"))[1], PIXELS)
    assert np.array_equal(
        read(written("a.mha", META + f"Comment = {'c' * letters}\n\nElementDataFile = LOCAL\n"))[1], PIXELS
    )


# Numbers elsewhere


@pytest.mark.parametrize("how", ["{}", "{} 1 1 1", "LIST\n{}", "LIST 2D\n{}"])
@pytest.mark.parametrize(
    "key", ["ElementDataFile = ", "\nElementDataFile = ", "ELEMENTDATAFILE\t:\t", "\n\nElementDataFile="]
)
@pytest.mark.parametrize("place", ["absolute", "relative", "a link"])
def test_metaimage_numbers_outside_the_folder_are_never_opened(written, tmp_path, how, key, place):
    (tmp_path / "case").mkdir()
    (tmp_path / "secret.raw").write_bytes(PIXELS.tobytes())
    (tmp_path / "case" / "link.raw").symlink_to(tmp_path / "secret.raw")
    name = {"absolute": str(tmp_path / "secret.raw"), "relative": "../secret.raw", "a link": "link.raw"}[place]
    path = written("case/a.mhd", META + key + how.format(name) + "\n", b"")
    with pytest.raises(IXGSError, match=r"not a file in the folder of the header|cannot be used"):
        read(path)
    with pytest.raises(IXGSError, match="pixels lie in another file"):
        read_header(path, attached=True)


@pytest.mark.parametrize("key", ["data file: ", "datafile: ", "DATA FILE: ", " data file: ", "# c\ndata file: "])
def test_nrrd_numbers_outside_the_folder_are_never_opened(written, tmp_path, key):
    (tmp_path / "case").mkdir()
    (tmp_path / "secret.raw").write_bytes(PIXELS.tobytes())
    for behind in ("", ("# " + "c" * 500 + "\n") * 140):
        path = written("case/a.nhdr", NRRD + behind + key + "../secret.raw\n\n", b"")
        with pytest.raises(IXGSError, match="not a file in the folder of the header"):
            read(path)
        with pytest.raises(IXGSError, match="pixels lie in another file"):
            read_header(path, attached=True)


def test_numbers_in_the_folder_of_the_header_are_read(written, tmp_path):
    (tmp_path / "b.raw").write_bytes(b"skip" + PIXELS.tobytes())
    assert np.array_equal(read(written("a.nhdr", NRRD + "byte skip: 4\ndata file: b.raw\n", b""))[1], PIXELS)
    assert np.array_equal(read(written("a.nhdr", NRRD + "byte skip: -1\ndata file: b.raw\n", b""))[1], PIXELS)
    assert np.array_equal(read(written("a.mhd", META + "HeaderSize = 4\nElementDataFile = b.raw\n", b""))[1], PIXELS)
    (tmp_path / "sub").mkdir()
    with pytest.raises(FormatError, match="not a file"):
        read(written("a.mhd", META + "ElementDataFile = sub\n", b""))


# Compressed numbers


def packed(name, data, size=None):
    text = "NRRD0004\ntype: ushort\ndimension: 2\nsizes: 64 48\nencoding: gzip\nendian: little\n\n"
    if name.endswith(".mha"):
        count = len(data) if size is None else size
        text = META + f"CompressedData = True\nCompressedDataSize = {count}\nElementDataFile = LOCAL\n"
    return text, data


def stream(name, content=BYTES):
    packer = zlib.compressobj(9, wbits=15 if name.endswith(".mha") else 31)
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_every_flipped_bit_and_every_cut_of_compressed_numbers_is_noticed(written, name):
    whole = stream(name)
    assert np.array_equal(read(written(name, *packed(name, whole)))[1], PIXELS)
    rng = np.random.default_rng(0)
    start = 0 if name.endswith(".mha") else 10  # the header of gzip holds a time and flags without meaning
    for at in rng.integers(start, len(whole), 60):
        data = bytearray(whole)
        data[at] ^= 1 << int(rng.integers(8))
        with pytest.raises((FormatError, TruncatedFile), match=name):
            read(written(name, *packed(name, bytes(data))))
    for part in (0, 1, 2, 10, len(whole) // 2, len(whole) - 4, len(whole) - 1):
        with pytest.raises((FormatError, TruncatedFile), match=name):
            read(written(name, *packed(name, whole[:part])))
        if name.endswith(".mha"):
            with pytest.raises(TruncatedFile, match=f"{part} bytes of numbers in them"):
                read(written(name, *packed(name, whole[:part], len(whole))))


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
@pytest.mark.parametrize(("rows", "message"), [(47, "bytes of numbers in them"), (49, "longer than 6144 bytes")])
def test_compressed_numbers_must_have_the_length_of_the_header(written, name, rows, message):
    with pytest.raises(FormatError, match=message):
        read(written(name, *packed(name, stream(name, bytes(rows * 128)))))


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_a_bomb_is_not_inflated(written, name, monkeypatch):
    """64 MB in 64 kB where 6 kB are promised: one piece is inflated."""
    pieces = []
    original = zlib.decompressobj

    class Counted:
        def __init__(self, wbits):
            self.stream = original(wbits=wbits)

        def decompress(self, data, limit):
            pieces.append(limit)
            return self.stream.decompress(data, limit)

        def __getattr__(self, name):
            return getattr(self.stream, name)

    monkeypatch.setattr("IXGSLib.rasters.numbers.zlib.decompressobj", Counted)
    with pytest.raises(FormatError, match="longer than 6144 bytes"):
        read(written(name, *packed(name, stream(name, bytes(2**26)))))
    assert len(pieces) == 1


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_a_header_that_asks_for_more_than_its_bytes_can_hold_gets_no_memory(written, name):
    text, data = packed(name, stream(name))
    with pytest.raises(TruncatedFile, match="compressed bytes of numbers"):
        read(written(name, text.replace("64 48", "1000000 1000000"), data))


def test_other_files_are_no_rasters(written):
    with pytest.raises(NotAnImage, match="expected a NRRD or MetaImage file"):
        read_header(written("a.nrrd", "P5 64 48\n"))
