import numpy as np
import pytest
from PIL import Image

from IXGSLib.errors import IXGSWarning
from IXGSLib.formats.assembly import Ledger, Source, assemble
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.xray import XRay
from IXGSLib.xray.exposure import Plateau, brightest_plateau, on_common_scale

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
def test_the_open_field_beside_the_patient_tells_i0(i0, vignetting):
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
