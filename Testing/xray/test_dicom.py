import io
import logging
import warnings
import zlib

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.pixels import get_decoder
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

from IXGSLib.errors import FormatError, IXGSError, IXGSWarning, NotAnImage, TruncatedFile
from IXGSLib.xray import line_integrals, read_pixels
from IXGSLib.xray.dicom.tags import carm_tags
from IXGSLib.xray.reading import frame_count

SHOT = np.random.default_rng(1).integers(50, 3800, (64, 48)).astype(np.uint16)
XA = "1.2.840.10008.5.1.4.1.1.12.1"


def dicom(path, pixels=SHOT, bits=12, syntax=ExplicitVRLittleEndian, preamble=True, **tags):
    """Write an XA image whose tags may be replaced, or left out with None."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax if syntax != RLELossless else ExplicitVRLittleEndian
    pixels = np.asarray(pixels)
    standard = {
        "SOPClassUID": XA,
        "SOPInstanceUID": "1.2.3",
        "Modality": "XA",
        "PatientName": "DOE^JOHN",
        "PatientID": "4711SECRET",
        "Rows": pixels.shape[-2],
        "Columns": pixels.shape[-1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "PixelIntensityRelationship": "LIN",
        "BitsAllocated": pixels.dtype.itemsize * 8,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
    }
    for key, value in (standard | tags).items():
        if value is not None:
            setattr(dataset, key, value)
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    dataset["PixelData"].VR = "OW"
    if syntax == RLELossless:
        dataset.compress(RLELossless)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    data = buffer.getvalue()
    path.write_bytes(data if preamble else data[132:])
    return path


@pytest.fixture
def file(tmp_path):
    folder = tmp_path / "Aufnahme für Ärzte"
    folder.mkdir()
    return folder / "shot 1.dcm"


@pytest.mark.parametrize("end", ["94", "95", "204", "205"])
def test_pixels_on_a_server_are_not_called_a_damaged_copy(file, end):
    """The deflated variants compress the whole dataset."""
    dataset = pydicom.dcmread(dicom(file))
    del dataset.PixelData
    dataset.PixelDataProviderURL = "https://pacs.invalid/jpip?target=1"
    dataset.file_meta.TransferSyntaxUID = f"1.2.840.10008.1.2.4.{end}"
    head, body = DicomBytesIO(), DicomBytesIO()
    body.is_little_endian, body.is_implicit_VR = True, False
    write_file_meta_info(head, dataset.file_meta, enforce_standard=False)
    write_dataset(body, dataset)
    rest = zlib.compress(body.getvalue(), wbits=-15) if end in ("95", "205") else body.getvalue()
    file.write_bytes(bytes(128) + b"DICM" + head.getvalue() + rest)
    with pytest.raises(FormatError, match=r"not in the file but on a server \(JPIP.*export the X-ray from there"):
        read_pixels(file)
    with pytest.raises(FormatError, match="not in the file but on a server"):
        carm_tags(file)


def attenuation(path, i0=4095.0):
    return line_integrals(read_pixels(path), "intensity", i0)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless])
def test_stored_values_come_back_in_every_encoding(file, syntax):
    pixels = read_pixels(dicom(file, syntax=syntax))
    assert np.array_equal(pixels.values, SHOT)
    assert pixels.limits == (0, 4095)
    assert pixels.scale == "linear"


def test_a_file_without_preamble_is_read(file):
    assert np.array_equal(read_pixels(dicom(file, preamble=False)).values, SHOT)


def test_signed_pixels_keep_their_sign(file):
    signed = SHOT.astype(np.int16) - 2000
    pixels = read_pixels(dicom(file, signed))
    assert np.array_equal(pixels.values, signed)
    assert pixels.limits == (-2048, 2047)


def test_the_unused_high_bits_are_no_signal(file):
    assert np.array_equal(read_pixels(dicom(file, SHOT | 0xA000)).values, SHOT)


def test_8_bits_are_warned_of(file):
    with pytest.warns(IXGSWarning, match="dynamic range lost"):
        read_pixels(dicom(file, (SHOT // 16).astype(np.uint8), bits=8))


def test_rescale_moves_values_and_limits(file):
    pixels = read_pixels(dicom(file, RescaleSlope="2", RescaleIntercept="-10"))
    assert np.array_equal(pixels.values, SHOT * 2.0 - 10)
    assert pixels.limits == (-10, 8180)


@pytest.mark.parametrize("tags", [{}, {"RescaleSlope": "2", "RescaleIntercept": "30"}])
def test_monochrome1_measures_the_same_as_its_monochrome2_twin(file, tags):
    bright = attenuation(dicom(file, **tags), 8300.0)
    dark = attenuation(dicom(file, 4095 - SHOT, PhotometricInterpretation="MONOCHROME1", **tags), 8300.0)
    assert np.array_equal(bright[0], dark[0])
    assert np.array_equal(bright[1], dark[1])
    assert np.ptp(bright[0]) > 1


def test_the_sign_outranks_how_the_image_is_shown(file):
    plain = attenuation(dicom(file, PixelIntensityRelationshipSign=1))
    shown = attenuation(dicom(file, PixelIntensityRelationshipSign=1, PhotometricInterpretation="MONOCHROME1"))
    turned = attenuation(dicom(file, 4095 - SHOT, PixelIntensityRelationshipSign=-1))
    assert np.array_equal(plain[0], shown[0])
    assert np.array_equal(plain[0], turned[0])


def test_window_and_voi_do_not_touch_the_measurement(file):
    assert np.array_equal(read_pixels(dicom(file, WindowCenter="100", WindowWidth="20")).values, SHOT)


def test_log_pixels_need_their_table_back_to_intensity(file):
    dicom(file, PixelIntensityRelationship="LOG")
    with pytest.raises(FormatError, match="LOG"):
        attenuation(file)
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 16]
    table.LUTData = np.round(np.exp(np.arange(4096) / 500)).astype("<u2").tobytes()
    table.ModalityLUTType = "US"
    table["LUTData"].VR = "OW"
    pixels = read_pixels(dicom(file, PixelIntensityRelationship="LOG", ModalityLUTSequence=Sequence([table])))
    assert np.array_equal(pixels.values, np.round(np.exp(SHOT / 500)))
    image, _ = line_integrals(pixels, "intensity", 65535.0)
    assert np.ptp(image) > 1


def test_display_processing_is_warned_of(file):
    with pytest.warns(IXGSWarning, match="processed for display"):
        read_pixels(dicom(file, PixelIntensityRelationship="DISP"))


def test_an_unstated_relationship_is_warned_of(file):
    with pytest.warns(IXGSWarning, match="does not state PixelIntensityRelationship"):
        read_pixels(dicom(file, PixelIntensityRelationship=None))


def test_intensity_offered_as_line_integrals_is_refused(file):
    with pytest.raises(FormatError, match='"values": "intensity"'):
        line_integrals(read_pixels(dicom(file)), "line_integral")


@pytest.mark.parametrize("part", [0.02, 0.05, 0.08, 0.3, 0.95])
def test_truncated_files_name_bytes_found_and_expected(file, part):
    data = dicom(file).read_bytes()
    file.write_bytes(data[: int(part * len(data))])
    with pytest.raises(TruncatedFile, match=r"shot 1\.dcm: \d+ bytes.* expected .*\d+"):
        read_pixels(file)


def test_truncated_compressed_pixels_are_refused(file):
    data = dicom(file, syntax=RLELossless).read_bytes()
    file.write_bytes(data[: int(0.8 * len(data))])
    with pytest.raises(TruncatedFile, match=r"shot 1\.dcm"):
        read_pixels(file)


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ({"Rows": 65535}, "expected 6291360"),
        ({"Rows": 65535, "Columns": 65535}, "65535 x 65535 pixels, expected at most"),
        ({"NumberOfFrames": 5}, "5 frames"),
        ({"Rows": 32}, "6144 bytes of pixel data, expected 3072"),
        ({"Rows": None}, "Rows"),
        ({"PhotometricInterpretation": None}, "PhotometricInterpretation is missing"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "PALETTE COLOR"),
        ({"BitsStored": 17}, "BitsStored"),
        ({"HighBit": 15}, "BitsStored 12, HighBit 15"),
        ({"PixelIntensityRelationshipSign": 5}, "expected 1 or -1"),
        ({"RescaleSlope": "0", "RescaleIntercept": "0"}, "RescaleSlope is 0"),
    ],
)
def test_headers_that_lie_are_refused(file, tags, found):
    frame = 0 if "NumberOfFrames" in tags else None
    with pytest.raises(FormatError, match=found):
        read_pixels(dicom(file, **tags), frame)


def test_other_objects_are_no_x_rays(file):
    with pytest.raises(NotAnImage, match="modality CT"):
        read_pixels(dicom(file, Modality="CT"))
    dicom(file, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", Modality="SR")
    dataset = pydicom.dcmread(file)
    del dataset.PixelData
    dataset.save_as(file)
    with pytest.raises(NotAnImage, match="Basic Text SR"):
        read_pixels(file)


def test_a_cine_needs_a_choice_and_obeys_it(file):
    dicom(file, np.stack([SHOT, SHOT // 2]), NumberOfFrames=2)
    assert frame_count(file) == 2
    with pytest.raises(FormatError, match="holds 2 frames"):
        read_pixels(file)
    assert np.array_equal(read_pixels(file, 1).values, SHOT // 2)


@pytest.mark.filterwarnings("ignore:.*dynamic range lost")
def test_colour_is_grey_only_when_its_channels_agree(file):
    grey = np.repeat((SHOT // 16).astype(np.uint8)[..., None], 3, axis=2)
    size = {
        "Rows": 64,
        "Columns": 48,
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": "RGB",
        "PlanarConfiguration": 0,
    }
    with pytest.warns(IXGSWarning, match="stored in colour"):
        pixels = read_pixels(dicom(file, grey, bits=8, **size))
    assert np.array_equal(pixels.values, grey[..., 0])
    grey[0, 0, 0] ^= 1
    with pytest.raises(FormatError, match="a colour image"):
        read_pixels(dicom(file, grey, bits=8, **size))


@pytest.mark.skipif(get_decoder(JPEGLSLossless).is_available, reason="a JPEG-LS decoder is installed")
def test_a_missing_decoder_is_named(file):
    dicom(file)
    dataset = pydicom.dcmread(file)
    dataset.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8" + bytes(30)])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    dataset.save_as(file)
    with pytest.raises(FormatError, match=r"python-gdcm.*IXGSLib\[dicom\]"):
        read_pixels(file)


def test_no_message_holds_a_person(file, caplog):
    caplog.set_level(logging.DEBUG)
    bad = [
        {"Modality": "CT"},
        {"Rows": 3},
        {"PhotometricInterpretation": None},
        {"BitsStored": 99},
        {"PixelIntensityRelationship": "DISP"},
        {"RescaleSlope": "0"},
    ]
    said = []
    for tags in bad:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                read_pixels(dicom(file, **tags))
            except IXGSError as error:
                said.append(f"{error!r} {error.__cause__!r}")
        said += [str(warning.message) for warning in caught]
    text = " ".join(said) + caplog.text
    assert len(said) >= len(bad)
    assert "DOE" not in text
    assert "SECRET" not in text
    assert str(file.parent) not in text


def test_tags_of_the_c_arm(file):
    dicom(
        file,
        ImagerPixelSpacing=["0.3", "0.2"],
        DistanceSourceToDetector="1100",
        DistanceSourceToPatient="700",
        PositionerPrimaryAngle="-30",
        PositionerSecondaryAngle="12.5",
    )
    tags = carm_tags(file)
    assert tags.pixel_spacing == (0.2, 0.3)
    assert (tags.source_detector, tags.source_patient) == (1100, 700)
    assert (tags.primary_angle, tags.secondary_angle) == (-30, 12.5)


def test_a_spacing_in_the_patient_is_not_taken_for_the_detectors(file):
    with pytest.warns(IXGSWarning, match="PixelSpacing without ImagerPixelSpacing"):
        tags = carm_tags(dicom(file, PixelSpacing=["0.2", "0.2"]))
    assert tags.pixel_spacing is None
    assert tags.source_detector is None
