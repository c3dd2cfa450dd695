"""Bad X-rays as a user hands them to `ixgs check`; each test is named after its row on the page of trust."""

import numpy as np
import pytest
import tifffile
from PIL import Image
from pydicom.uid import ExplicitVRBigEndian, JPEGLSLossless, RLELossless

from IXGSLib.formats import load_case
from IXGSLib.xray import png
from Testing.xray.test_dicom import dicom


@pytest.fixture
def check(case, ixgs, tmp_path):
    """check(words expected): the table of `ixgs check` on the case, or the words of its refusal or its warnings."""

    def run(refused=None, warned=None):
        out = tmp_path / "check.png"
        out.unlink(missing_ok=True)
        code, text, err = ixgs("check", case, "--out", out)
        if refused is not None:
            assert (code, text) == (2, "")
            assert err.startswith("ixgs: error: ")
            assert err.count("\n") == 1, err
            assert not out.exists()
            for word in [refused] if isinstance(refused, str) else refused:
                assert word in err, err
            return err
        assert code == 0, err
        assert out.exists()
        if warned is not None:
            assert warned in err, err
        return text

    return run


@pytest.fixture
def shot(intensities):
    """The third X-ray as detector counts, 16 bits."""
    return np.rint(60000 * np.exp(-load_case(intensities).xrays[2].image)).clip(1, 60000).astype(np.uint16)


@pytest.fixture
def give(intensities, edit):
    """give(name, write, keys of the view): the third X-ray as another file."""

    def change(name, write, **keys):
        write(intensities / "images" / name)
        edit(lambda data: data["views"][2].update({"image": f"images/{name}"} | keys))

    return change


def as_dicom(pixels, bits=16, syntax=None, **tags):
    extra = {} if syntax is None else {"syntax": syntax}
    return lambda path: dicom(path, pixels, bits=bits, **extra, **tags)


@pytest.mark.parametrize("part", [0.02, 0.3, 0.95])
def test_01_cut_dicom(check, intensities, part):
    file = intensities / "images" / "2.dcm"
    data = file.read_bytes()
    file.write_bytes(data[: int(part * len(data))])
    check(refused=("2.dcm", " bytes of", "copy") if part > 0.05 else ("2.dcm", "expected DICOM", "export"))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("zero.tiff", b"", "an empty file"),
        ("a.dcm", png.encode(np.ones((48, 48), np.uint16)), "holds PNG, its name promises DICOM"),
        ("a.nrrd", b"see the attachment", "a text file, expected NRRD"),
    ],
)
def test_02_empty_and_renamed_files(check, give, name, content, words):
    give(name, lambda path: path.write_bytes(content))
    check(refused=(name, words))


def test_03_monochrome1_measures_what_its_twin_does(check, give, shot):
    give("bright.dcm", as_dicom(shot))
    bright = check()
    give("dark.dcm", as_dicom(65535 - shot, PhotometricInterpretation="MONOCHROME1"))
    assert check() == bright


@pytest.mark.parametrize("found", [None, "PALETTE COLOR", "MONOCHROME7"])
def test_04_photometric_interpretation(check, give, shot, found):
    give("a.dcm", as_dicom(shot, PhotometricInterpretation=found))
    check(refused=("a.dcm", f"PhotometricInterpretation is {found or 'missing'}", "expected"))


def test_04_grey_in_colour(check, give, shot):
    colour = np.stack([shot // 256] * 3, axis=-1).astype(np.uint8)
    tags = {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3, "PlanarConfiguration": 0}
    tags |= {"Rows": shot.shape[0], "Columns": shot.shape[1]}
    give("grey.dcm", as_dicom(colour, bits=8, **tags))
    check(warned="stored in colour, its equal channels are read as grey")
    colour[3, 4, 0] ^= 9
    give("red.dcm", as_dicom(colour, bits=8, **tags))
    check(refused=("red.dcm: a colour image", "without overlays"))


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, RLELossless])
def test_05_other_encodings_are_the_same_picture(check, give, shot, syntax):
    give("plain.dcm", as_dicom(shot))
    plain = check()
    give("other.dcm", as_dicom(shot, syntax=syntax))
    assert check() == plain


def test_05_a_decoder_that_is_missing_is_named(check, give, shot):
    from pydicom.pixels import get_decoder

    if get_decoder(JPEGLSLossless).is_available:
        pytest.skip("a decoder of JPEG-LS is installed")

    def write(path):
        file = dicom(path, shot, bits=16)
        file.write_bytes(file.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.4.80"[:20]))

    give("a.dcm", write)
    check(refused=("a.dcm", "export"))


def test_06_8_bits_among_16(check, give, shot):
    give("a.png", lambda path: Image.fromarray((shot // 256).astype(np.uint8)).save(path), i0=234)
    check(warned="8-bit pixels, dynamic range lost")


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"PixelIntensityRelationship": "DISP"}, "processed for display"),
        ({"PixelIntensityRelationship": None}, "PixelIntensityRelationship"),
    ],
)
def test_07_relationship_of_pixels_and_intensity(check, give, shot, tags, words):
    give("a.dcm", as_dicom(shot, **tags))
    check(warned=words)


@pytest.mark.parametrize("value", [0, 1234])
def test_08_constant_images(check, give, shot, value):
    give("a.dcm", as_dicom(np.full_like(shot, value)))
    check(refused=("a.dcm", "expected"))


def test_08_saturated_pixels(check, give, shot):
    give("a.dcm", as_dicom(np.where(np.arange(48) < 6, 65535, shot).astype(np.uint16)), i0=65535)
    check(warned="saturated")


@pytest.mark.parametrize(("share", "refused"), [(0.005, False), (0.05, True)])
def test_09_nan_and_infinity(check, give, shot, share, refused):
    spoilt = shot.astype(np.float32)
    count = int(share * spoilt.size)
    spoilt.ravel()[:count:2], spoilt.ravel()[1:count:2] = np.nan, np.inf
    give("a.tiff", lambda path: tifffile.imwrite(path, spoilt))
    if refused:
        check(refused=("a.tiff", "% of the pixels are NaN or infinite", "at most 1 %"))
    else:
        check(warned="of the pixels are NaN or infinite and are masked")


def test_10_images_that_claim_any_size(check, give):
    header = b"NRRD0004\ntype: ushort\ndimension: 2\nsizes: 65535 65535\nencoding: gzip\nendian: little\n\n"
    give("a.nrrd", lambda path: path.write_bytes(header + bytes(99)))
    check(refused=("a.nrrd: its header says 65535 x 65535 pixels", "at most"))


@pytest.mark.parametrize("tags", [{"Rows": 65535}, {"Rows": 49}, {"NumberOfFrames": 5}])
def test_11_sizes_that_disagree_with_the_pixels(check, give, shot, tags):
    give("a.dcm", as_dicom(shot, **tags))
    check(refused="a.dcm")


def test_12_a_cine_needs_a_frame(check, give, shot):
    cine = np.stack([shot, shot // 2])
    give("a.dcm", as_dicom(cine, NumberOfFrames=2))
    check(refused=("a.dcm: holds 2 frames", 'choose it with "frame": 0 to 1'))
    give("a.dcm", as_dicom(cine, NumberOfFrames=2), frame=1)
    check()


def test_13_images_of_another_size_than_their_calibration(check, give, edit, shot):
    edit(lambda data: data["views"][2].update(size=[48, 48]))
    give("small.dcm", as_dicom(shot[::2, ::2]))
    check(warned="24 x 24")
    give("odd.dcm", as_dicom(shot[:40, :]))
    check(refused=("view '002'", "48 x 40", "48 x 48"))


def test_14_dicom_x_rays_without_distances(ixgs, tmp_path, shot):
    (tmp_path / "shots").mkdir()
    for n in range(3):
        dicom(tmp_path / "shots" / f"{n}.dcm", np.roll(shot, n), bits=16, PixelSpacing=[0.3, 0.3])
    code, _, err = ixgs("check", tmp_path / "shots", "--out", tmp_path / "out.png")
    assert code == 2
    assert "ImagerPixelSpacing (0018,1164)" in err
    assert "--calibration FILE" in err


def test_15_pixels_that_are_not_square(check, give, edit, shot):
    before = check()

    def stretched(data):
        view = data["views"][2]
        view.pop("size", None)
        view["K"][1] = [2 * view["K"][1][0], 2 * view["K"][1][1], 2 * view["K"][1][2] + 0.5]
        if "pixel_spacing" in view:
            view["pixel_spacing"][1] /= 2

    edit(stretched)
    give("a.dcm", as_dicom(np.repeat(shot, 2, axis=0)))
    assert check().splitlines()[2:4] == before.splitlines()[2:4]


def test_26_duplicates(check, edit, intensities):
    edit(lambda data: data["views"][2].update(image=data["views"][3]["image"]))
    check(refused=("'002' and '003' hold the same image with different poses",))
    for key in ("K", "world_from_camera"):
        edit(lambda data, key=key: data["views"][2].update({key: data["views"][3][key]}))
    check(warned="have the same pose and count as one view")
