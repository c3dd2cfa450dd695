import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from IXGSLib.errors import FormatError, IXGSWarning
from IXGSLib.xray import line_integrals, read_pixels
from Testing.xray.test_dicom import SHOT, dicom

ENHANCED_XA = "1.2.840.10008.5.1.4.1.1.12.1.1"
DX = "1.2.840.10008.5.1.4.1.1.1.1.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
LOG = np.rint(4095 * np.log(SHOT) / np.log(4095)).astype(np.uint16)
BACK = np.rint(np.exp(np.arange(4096) * np.log(4095) / 4095))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "shot.dcm"


def item(**tags):
    dataset = Dataset()
    for key, value in tags.items():
        setattr(dataset, key, value)
    return dataset


def table(entries, first=0, order="<", **tags):
    lut = item(LUTDescriptor=[len(entries), first, 16], **tags)
    lut.LUTData = np.asarray(entries).astype(f"{order}u2").tobytes()
    lut["LUTData"].VR = "OW"
    return Sequence([lut])


def groups(**tags):
    return Sequence([item(FramePixelDataPropertiesSequence=Sequence([item(**tags)]))])


def integrals(path, i0=4095.0):
    return line_integrals(read_pixels(path), "intensity", i0)[0]


INVERTED = [
    {"PhotometricInterpretation": "MONOCHROME1"},
    {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
    {"PixelIntensityRelationshipSign": -1},
    {"PixelIntensityRelationshipSign": -1, "PhotometricInterpretation": "MONOCHROME1"},
]


@pytest.mark.parametrize("tags", INVERTED)
def test_each_way_to_state_an_inversion_inverts_once(file, tags):
    truth = integrals(dicom(file))
    assert np.allclose(integrals(dicom(file, 4095 - SHOT, **tags)), truth)


@pytest.mark.parametrize("relationship", ["LOG", "DISP", None])
@pytest.mark.parametrize("tags", INVERTED)
def test_a_table_back_to_intensity_is_not_inverted_again(file, relationship, tags):
    tags = tags | {"ModalityLUTSequence": table(BACK[::-1], ModalityLUTType="US")}
    pixels = read_pixels(dicom(file, 4095 - LOG, PixelIntensityRelationship=relationship, **tags))
    assert np.array_equal(pixels.values, BACK[LOG])
    assert (pixels.scale, pixels.sign) == ("linear", 1)


def test_a_table_that_contradicts_the_sign_is_warned_of(file):
    tags = {"PixelIntensityRelationship": "LOG", "ModalityLUTSequence": table(BACK, ModalityLUTType="US")}
    with pytest.warns(IXGSWarning, match="contradicts PixelIntensityRelationshipSign -1"):
        read_pixels(dicom(file, LOG, PixelIntensityRelationshipSign=-1, **tags))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_falling_rescale_turns_the_sign(file, sign):
    stored = SHOT if sign == 1 else 4095 - SHOT
    plain = integrals(dicom(file, stored, PixelIntensityRelationshipSign=sign))
    turned = dicom(
        file, 4095 - stored, PixelIntensityRelationshipSign=-sign, RescaleSlope="-1", RescaleIntercept="4095"
    )
    assert np.allclose(integrals(turned), plain)


def test_tables_are_read_in_big_endian_and_from_their_first_value(file):
    for syntax, order in ((ExplicitVRBigEndian, ">"), (ExplicitVRLittleEndian, "<")):
        lut = table(BACK[1000:], first=1000, order=order, ModalityLUTType="US")
        dicom(file, LOG, syntax=syntax, PixelIntensityRelationship="LOG", ModalityLUTSequence=lut)
        assert np.array_equal(read_pixels(file).values, BACK[np.maximum(LOG, 1000)])


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_long_table_of_signed_pixels_is_read(file, syntax):  # its length reads as negative where it is signed
    signed = SHOT.astype(np.int16) - 20000
    lut = table(np.arange(40000), first=-20000)
    dicom(file, signed, bits=16, syntax=syntax, ModalityLUTSequence=lut)
    assert np.array_equal(read_pixels(file).values, SHOT)


def test_a_table_of_the_wrong_length_is_refused(file):
    lut = table(BACK, ModalityLUTType="US")
    lut[0].LUTDescriptor = [4000, 0, 16]
    dicom(file, LOG, PixelIntensityRelationship="LOG", ModalityLUTSequence=lut)
    with pytest.raises(FormatError, match="4096 entries, its descriptor says 4000"):
        read_pixels(file)


def enhanced(path, pixels, frames=1, shared=None, per_frame=None):
    tags = {"SharedFunctionalGroupsSequence": shared, "PerFrameFunctionalGroupsSequence": per_frame}
    tags |= {"SOPClassUID": ENHANCED_XA, "PixelIntensityRelationship": None, "NumberOfFrames": frames}
    return dicom(path, pixels, **tags)


def test_functional_groups_hold_relationship_and_sign(file):
    shared = groups(PixelIntensityRelationship="LIN", PixelIntensityRelationshipSign=-1)
    pixels = read_pixels(enhanced(file, (4095 - SHOT)[None], shared=shared))
    assert (pixels.scale, pixels.sign) == ("linear", -1)
    assert np.allclose(line_integrals(pixels, "intensity", 4095.0)[0], integrals(dicom(file)))


def test_the_groups_of_a_frame_outrank_the_shared_ones(file):
    shared = groups(PixelIntensityRelationship="LIN", PixelIntensityRelationshipSign=1)
    own = Sequence([item(), groups(PixelIntensityRelationshipSign=-1)[0]])
    enhanced(file, np.stack([SHOT, 4095 - SHOT]), 2, shared, own)
    first, second = (line_integrals(read_pixels(file, n), "intensity", 4095.0)[0] for n in (0, 1))
    assert [read_pixels(file, n).sign for n in (0, 1)] == [1, -1]
    assert np.allclose(first, second)


def test_enhanced_images_name_their_table_to_linear(file):
    shared = groups(PixelIntensityRelationship="LOG", PixelIntensityRelationshipSign=1)
    shared[0].PixelIntensityRelationshipLUTSequence = Sequence(
        [table(np.arange(4096), LUTFunction="TO_LOG")[0], table(BACK, LUTFunction="TO_LINEAR")[0]]
    )
    pixels = read_pixels(enhanced(file, LOG[None], shared=shared))
    assert np.array_equal(pixels.values, BACK[LOG])
    assert pixels.scale == "linear"


@pytest.mark.parametrize("sign", [1, -1, None])
def test_logarithmic_pixels_without_a_table_are_line_integrals_up_to_a_gain(file, sign):
    stored = LOG if sign != -1 else 4095 - LOG
    dicom(file, stored, PixelIntensityRelationship="LOG", PixelIntensityRelationshipSign=sign)
    with pytest.warns(IXGSWarning, match="up to a gain"):
        image, mask = line_integrals(read_pixels(file), "line_integral")
    truth = -np.log(SHOT / np.percentile(SHOT, 99.5))
    assert mask.all()
    assert np.abs(image - truth).max() < 0.02
    with pytest.raises(FormatError, match='"line_integral"'):
        line_integrals(read_pixels(file), "intensity")


def test_subtraction_masks_and_windows_change_nothing(file):
    mask = Sequence([item(MaskOperation="AVG_SUB", MaskFrameNumbers=[1])])
    frames = np.stack([SHOT // 2, SHOT])
    dicom(file, frames, NumberOfFrames=2, MaskSubtractionSequence=mask, RecommendedViewingMode="SUB")
    assert np.array_equal(read_pixels(file, 1).values, SHOT)


def test_an_overlay_is_no_part_of_the_pixels(file):
    dicom(file, SHOT)
    dataset = pydicom.dcmread(file)
    for number, (vr, value) in {
        0x0010: ("US", 64),
        0x0011: ("US", 48),
        0x0040: ("CS", "G"),
        0x0050: ("SS", [1, 1]),
        0x0100: ("US", 1),
        0x0102: ("US", 0),
        0x3000: ("OW", bytes([255]) * (64 * 48 // 8)),
    }.items():
        dataset.add_new((0x6000, number), vr, value)
    dataset.save_as(file)
    assert pydicom.dcmread(file).overlay_array(0x6000).all()
    assert np.array_equal(read_pixels(file).values, SHOT)


def test_a_secondary_capture_and_burnt_in_text_say_their_limits(file):
    with pytest.warns(IXGSWarning) as caught:
        read_pixels(
            dicom(
                file,
                (SHOT // 16).astype(np.uint8),
                bits=8,
                SOPClassUID=SECONDARY_CAPTURE,
                Modality="OT",
                BurnedInAnnotation="YES",
                PixelIntensityRelationship=None,
            )
        )
    text = " ".join(str(warning.message) for warning in caught)
    for words in ("dynamic range lost", "secondary capture", "burnt into", "does not state PixelIntensityRelationship"):
        assert words in text


def test_a_digital_radiograph_keeps_its_stated_polarity(file):
    tags = {"SOPClassUID": DX, "Modality": "DX", "PhotometricInterpretation": "MONOCHROME1"}
    tags |= {"PresentationLUTShape": "INVERSE", "PresentationIntentType": "FOR PROCESSING"}
    pixels = read_pixels(dicom(file, PixelIntensityRelationshipSign=1, **tags))
    assert np.array_equal(pixels.values, SHOT)
    assert pixels.sign == 1
