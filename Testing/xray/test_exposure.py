import numpy as np
import pytest
from PIL import Image

from IXGSLib.errors import IXGSWarning
from IXGSLib.formats.assembly import Ledger, Source, assemble
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.xray import XRay, read_pixels
from IXGSLib.xray.exposure import Exposure, Plateau, brightest_plateau, on_common_scale
from Testing.xray.test_dicom import SHOT, dicom

V, U = (np.mgrid[:200, :200] - 99.5) / 100
BODY_SHADOW = 4 * np.sqrt(np.clip(1 - (U / 0.8) ** 2, 0, None))
NO_AIR_SHADOW = 3 + np.cos(3 * U) * np.sin(4 * V)


def counts(lines, i0, vignetting=0.15, seed=0):
    return np.random.default_rng(seed).poisson(i0 * np.exp(-lines) * (1 - vignetting * (U**2 + V**2)))


def xray(name, image):
    view = CArm(detector_pixels=(200, 200)).view(0, 0, (0, 0, 0), name)
    return XRay(view, image, np.ones(image.shape, bool), "intensity")


@pytest.mark.parametrize("i0", [300.0, 30000.0])
@pytest.mark.parametrize("vignetting", [0.0, 0.15])
def test_the_open_field_beside_the_patient_gives_i0(i0, vignetting):
    found = brightest_plateau(counts(BODY_SHADOW, i0, vignetting), np.ones((200, 200), bool))
    assert found.is_open
    assert found.level == pytest.approx(i0 * (1 - vignetting), rel=0.08)


@pytest.mark.parametrize("i0", [1000.0, 30000.0])
def test_a_patient_that_fills_the_field_is_no_open_field(i0):
    assert not brightest_plateau(counts(NO_AIR_SHADOW, i0), np.ones((200, 200), bool)).is_open


def test_a_view_without_open_field_takes_the_i0_of_the_others():
    image = np.full((200, 200), 0.5, np.float32)
    views = [xray("a", image), xray("b", image), xray("blind", image)]
    plateaus = [Plateau(900.0, True), Plateau(1100.0, True), Plateau(100.0, False)]
    with pytest.warns(IXGSWarning, match="view blind: I0 is taken as 1000, the median"):
        found = on_common_scale(views, plateaus)
    assert found[0] is views[0]
    assert np.allclose(found[2].image, 0.5 + np.log(10))


def test_without_any_open_field_the_brightest_view_sets_the_scale():
    image = np.zeros((200, 200), np.float32)
    with pytest.warns(IXGSWarning, match="the brightest level of all views"):
        found = on_common_scale([xray("a", image), xray("b", image)], [Plateau(50.0, False), Plateau(100.0, False)])
    assert np.allclose(found[0].image, np.log(2))
    assert np.allclose(found[1].image, 0)


def test_views_of_a_case_come_to_one_scale(tmp_path):
    arm = CArm(detector_pixels=(200, 200))
    sources = []
    for n, (lines, i0) in enumerate(((BODY_SHADOW, 20000), (BODY_SHADOW[:, ::-1], 40000), (NO_AIR_SHADOW, 28000))):
        path = tmp_path / f"{n}.png"
        Image.fromarray(counts(lines, i0, 0.0, n).astype(np.uint16)).save(path)
        view = arm.view(60 * n, 0, (0, 0, 0), f"view {n}")
        sources.append(Source(view.id, path, lambda size, view=view: view))
    ledger = Ledger(tmp_path)
    with ledger.collecting():
        case = assemble(sources, "intensity", ledger)
    for xray, lines in zip(case.xrays, (BODY_SHADOW, BODY_SHADOW[:, ::-1], NO_AIR_SHADOW), strict=True):
        assert np.median((xray.image - lines)[xray.mask]) == pytest.approx(0, abs=0.1)
    assert any("no open field and no i0 in view view 2" in message for message in ledger.messages)


class TestStatedExposures:
    """Three views of one detector; the last shows no open field."""

    IMAGE = np.full((200, 200), 0.5, np.float32)

    def scaled(self, exposures, levels=(1000.0, 2000.0, 300.0), known=(True, True, False)):
        """log(I0 / level) of the last view, and the warning."""
        plateaus = [Plateau(*both, stated) for *both, stated in zip(levels, known, exposures, strict=True)]
        with pytest.warns(IXGSWarning, match="no open field and no i0") as caught:
            found = on_common_scale([xray(name, self.IMAGE) for name in "abc"], plateaus)
        return float(found[2].image[0, 0]) - 0.5, str(caught[0].message)

    def test_the_load_scales_i0(self):
        shift, warning = self.scaled((Exposure(1.0), Exposure(2.0), Exposure(3.0)))
        assert shift == pytest.approx(np.log(3000 / 300))
        assert "I0 is taken as 3000, the median of the other views, in proportion to the stated exposures" in warning

    def test_voltage_and_distance_scale_it_too(self):
        stated = (Exposure(1.0, 60.0, 1000.0), Exposure(2.0, 60.0, 1000.0), Exposure(1.0, 120.0, 2000.0))
        assert self.scaled(stated)[0] == pytest.approx(np.log(1000 * 4 / 4 / 300))

    def test_exposures_that_do_not_explain_the_open_fields_are_not_used(self):
        """A gain that follows the brightness, as in fluoroscopy, undoes the exposure."""
        shift, warning = self.scaled((Exposure(4.0), Exposure(1.0), Exposure(9.0)))
        assert shift == pytest.approx(np.log(1500 / 300))
        assert "the stated ones do not explain the other views" in warning

    @pytest.mark.parametrize("last", [None, Exposure(3.0, 70.0)])
    def test_exposures_that_are_stated_in_part_are_not_used(self, last):
        shift, warning = self.scaled((Exposure(1.0), Exposure(2.0), last))
        assert shift == pytest.approx(np.log(1500 / 300))
        assert "as if exposures were equal;" in warning

    def test_without_open_field_the_brightest_view_for_its_exposure_sets_the_scale(self):
        stated = (Exposure(1.0), Exposure(4.0), Exposure(2.0))
        shift, warning = self.scaled(stated, (100.0, 200.0, 100.0), (False,) * 3)
        assert shift == pytest.approx(np.log(200 / 100))
        assert "I0 is taken as 100 to 400, the brightest level of all views, in proportion" in warning


@pytest.mark.parametrize(
    ("tags", "load"),
    [
        ({"Exposure": "4", "ExposureTime": "50", "XRayTubeCurrent": "100"}, 4.0),
        ({"Exposure": "0", "ExposureInuAs": "400"}, 0.4),
        ({"ExposureTime": "50", "XRayTubeCurrent": "100"}, 5.0),
        ({"ExposureInmAs": 2.5}, 2.5),
        ({"KVP": "70"}, None),
        ({"Exposure": "300", "NumberOfFrames": 2}, None),
        ({"Exposure": "300", "NumberOfFrames": 2, "XRayTubeCurrent": "100", "AveragePulseWidth": "8"}, 0.8),
    ],
)
def test_the_load_of_a_frame(tmp_path, tags, load):
    frames = np.stack([SHOT] * tags.get("NumberOfFrames", 1)).squeeze()
    path = dicom(tmp_path / "x.dcm", frames, **({"KVP": "70", "DistanceSourceToDetector": "1000"} | tags))
    expected = None if load is None else Exposure(load, 70.0, 1000.0)
    assert read_pixels(path, 0).exposure == expected
