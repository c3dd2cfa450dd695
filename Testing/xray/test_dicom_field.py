import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from IXGSLib.errors import IXGSWarning
from IXGSLib.xray import line_integrals, read_pixels
from Testing.xray.test_dicom import SHOT, dicom

ROW, COLUMN = np.mgrid[1:65, 1:49]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "shot.dcm"


def edges(what, top, bottom, left, right):
    return {
        f"{what}UpperHorizontalEdge": str(top),
        f"{what}LowerHorizontalEdge": str(bottom),
        f"{what}LeftVerticalEdge": str(left),
        f"{what}RightVerticalEdge": str(right),
    }


def field(path, **tags):
    return read_pixels(dicom(path, **tags)).field


def test_without_attributes_there_is_no_field(file):
    assert field(file) is None


@pytest.mark.parametrize("what", ["Collimator", "Shutter"])
class TestOutlines:
    def test_a_rectangle_keeps_its_edges_and_counts_from_one(self, file, what):
        found = field(file, **{f"{what}Shape": "RECTANGULAR"}, **edges(what, 11, 50, 6, 40))
        assert np.array_equal(found, (ROW >= 11) & (ROW <= 50) & (COLUMN >= 6) & (COLUMN <= 40))

    def test_edges_beyond_the_image_hide_nothing(self, file, what):
        assert field(file, **{f"{what}Shape": "RECTANGULAR"}, **edges(what, -20, 900, -3, 60)).all()

    def test_edges_that_are_exchanged_enclose_the_same(self, file, what):
        found = field(file, **{f"{what}Shape": "RECTANGULAR"}, **edges(what, 50, 11, 40, 6))
        assert np.array_equal(found, (ROW >= 11) & (ROW <= 50) & (COLUMN >= 6) & (COLUMN <= 40))

    def test_a_circle_is_round_on_the_detector(self, file, what):
        tags = {f"{what}Shape": "CIRCULAR", f"CenterOfCircular{what}": ["30", "20"], f"RadiusOfCircular{what}": "15"}
        assert np.array_equal(field(file, **tags), (ROW - 30) ** 2 + (COLUMN - 20) ** 2 <= 225)
        flat = field(file, **tags, ImagerPixelSpacing=["0.2", "0.4"])
        assert np.array_equal(flat, ((ROW - 30) / 2) ** 2 + (COLUMN - 20) ** 2 <= 225)

    def test_a_polygon_is_filled_with_its_vertices(self, file, what):
        vertices = ["5", "5", "5", "40", "60", "40", "60", "5"]
        found = field(file, **{f"{what}Shape": "POLYGONAL", f"VerticesOfThePolygonal{what}": vertices})
        assert np.array_equal(found, (ROW >= 5) & (ROW <= 60) & (COLUMN >= 5) & (COLUMN <= 40))

    def test_several_shapes_leave_what_is_inside_all(self, file, what):
        circle = {f"CenterOfCircular{what}": ["32", "24"], f"RadiusOfCircular{what}": "20"}
        shapes = {f"{what}Shape": ["RECTANGULAR", "CIRCULAR"]}
        found = field(file, **shapes, **circle, **edges(what, 20, 64, 1, 48))
        assert np.array_equal(found, ((ROW - 32) ** 2 + (COLUMN - 24) ** 2 <= 400) & (ROW >= 20))

    def test_a_shape_without_a_position_is_warned_of(self, file, what):
        with pytest.warns(IXGSWarning, match="without a position"):
            assert field(file, **{f"{what}Shape": "CIRCULAR"}) is None

    def test_an_outline_that_leaves_nothing_is_not_used(self, file, what):
        with pytest.warns(IXGSWarning, match="leaves no pixel"):
            assert field(file, **{f"{what}Shape": "RECTANGULAR"}, **edges(what, 900, 950, 1, 48)) is None


def test_collimator_and_shutter_of_functional_groups_are_of_their_frame(file):
    def group(sequence, what, *values):
        inner, outer = Dataset(), Dataset()
        setattr(inner, f"{what}Shape", "RECTANGULAR")
        for key, value in edges(what, *values).items():
            setattr(inner, key, value)
        setattr(outer, sequence, Sequence([inner]))
        return outer

    frames = [group("CollimatorShapeSequence", "Collimator", 10, 60, 1, 48)]
    frames.append(group("FrameDisplayShutterSequence", "Shutter", 1, 64, 20, 48))
    tags = {"NumberOfFrames": 2, "PerFrameFunctionalGroupsSequence": Sequence(frames)}
    dicom(file, np.stack([SHOT, SHOT]), **tags)
    assert np.array_equal(read_pixels(file, 0).field, (ROW >= 10) & (ROW <= 60))
    assert np.array_equal(read_pixels(file, 1).field, COLUMN >= 20)


def with_bitmap_shutter(path, pixels, bits, origin=(1, 1), **more):
    """Write an image whose bitmap shutter is the overlay `bits`, with more of the overlay's elements by number."""
    dicom(path, pixels, ShutterShape="BITMAP", ShutterOverlayGroup=0x6000, NumberOfFrames=len(pixels))
    dataset = pydicom.dcmread(path)
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    elements = {0x10: ("US", bits.shape[-2]), 0x11: ("US", bits.shape[-1]), 0x40: ("CS", "G"), 0x100: ("US", 1)}
    elements |= {0x50: ("SS", list(origin)), 0x102: ("US", 0), 0x3000: ("OW", packed)}
    elements |= {0x15: ("IS", len(bits))} if bits.ndim == 3 else {}
    for number, (vr, value) in elements.items():
        dataset.add_new((0x6000, number), vr, value)
    if "first" in more:
        dataset.add_new((0x6000, 0x51), "US", more["first"])
    dataset.save_as(path)


LEFT = np.zeros((64, 48), bool)
LEFT[:, :9] = True


def test_a_bitmap_shutter_hides_what_its_overlay_sets(file):
    with_bitmap_shutter(file, SHOT[None], LEFT)
    assert np.array_equal(read_pixels(file).field, ~LEFT)


def test_a_bitmap_shutter_may_cover_a_part_of_the_image_or_more(file):
    with_bitmap_shutter(file, SHOT[None], np.ones((16, 24), bool), origin=(5, 11))
    assert np.array_equal(read_pixels(file).field, (ROW < 5) | (ROW > 20) | (COLUMN < 11) | (COLUMN > 34))
    with_bitmap_shutter(file, SHOT[None], np.pad(LEFT, 8), origin=(-7, -7))
    assert np.array_equal(read_pixels(file).field, ~LEFT)


def test_a_bitmap_shutter_of_frames_is_of_its_frame(file):
    with_bitmap_shutter(file, np.stack([SHOT] * 3), np.stack([LEFT, ~LEFT]), first=2)
    assert read_pixels(file, 0).field.all()
    assert np.array_equal(read_pixels(file, 1).field, ~LEFT)
    assert np.array_equal(read_pixels(file, 2).field, LEFT)


def test_an_image_intensifier_is_round(file):
    tags = {"FieldOfViewShape": "ROUND", "FieldOfViewDimensions": ["20"], "ImagerPixelSpacing": ["0.5", "0.5"]}
    found = field(file, **tags)
    assert np.array_equal(found, (ROW - 32.5) ** 2 + (COLUMN - 24.5) ** 2 <= 400)


@pytest.mark.parametrize("tags", [{}, {"RescaleSlope": "-3", "RescaleIntercept": "20"}])
def test_padding_is_masked_by_its_stored_value(file, tags):
    stored = np.where(SHOT < 1000, 7, SHOT).astype(np.uint16)
    assert np.array_equal(field(file, pixels=stored, PixelPaddingValue=7, **tags), stored != 7)


def test_padding_may_be_a_range_in_either_order(file):
    for first, last in ((300, 900), (900, 300)):
        found = field(file, PixelPaddingValue=first, PixelPaddingRangeLimit=last)
        assert np.array_equal(found, (SHOT < 300) | (SHOT > 900))


def test_padding_of_signed_pixels_may_be_written_unsigned(file):
    stored = SHOT.astype(np.int16) - 2000
    stored[:5] = -2000
    dicom(file, stored, bits=16, PixelPaddingValue=None)
    dataset = pydicom.dcmread(file)
    dataset.add_new("PixelPaddingValue", "US", 65536 - 2000)
    dataset.save_as(file)
    assert not read_pixels(file).field[:5].any()
    assert read_pixels(file).field[5:].mean() > 0.9


@pytest.mark.parametrize("written", [-2000, 65536 - 2000, 4096 - 2000])
def test_padding_of_12_bits_is_read_as_the_pixels_are(file, written):
    stored = SHOT.astype(np.int16) // 2
    stored[:5] = -2000
    dicom(file, stored, bits=12)
    dataset = pydicom.dcmread(file)
    dataset.add_new("PixelPaddingValue", "SS" if written < 0 else "US", written)
    dataset.save_as(file)
    assert np.array_equal(read_pixels(file).field, stored != -2000)


def test_a_range_of_padding_may_begin_below_the_pixels(file):
    found = field(file, pixels=SHOT.astype(np.int16) - 2000, PixelPaddingValue=-30000, PixelPaddingRangeLimit=-500)
    assert np.array_equal(found, SHOT.astype(int) - 2000 > -500)


def test_what_lies_outside_is_masked_in_the_line_integrals(file):
    tags = edges("Collimator", 20, 50, 10, 40)
    pixels = read_pixels(dicom(file, CollimatorShape="RECTANGULAR", **tags))
    with pytest.warns(IXGSWarning, match="outside the tagged field"):
        _, mask = line_integrals(pixels, "intensity", 4095.0)
    assert mask[19:50, 9:40].all()
    assert mask.sum() == 31 * 31
