"""Contrast agent is told from bone by the cortex that it does not have."""

from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.geometry import Grid
from IXGSLib.simulation import SimulationSettings
from IXGSLib.simulation.contrast_agent import SOFT_TISSUE_HU, contrast_agent, without_contrast_agent
from IXGSLib.simulation.simulator import simulate
from IXGSLib.volume.images import read_image
from Testing.benchmarks.scene import DATA

GRID = Grid.centered((10.0, -20.0, 300.0), (120.0, 100.0, 80.0), 2.0)
POINTS = GRID.points() - GRID.center


def cylinder(x, y, radius):
    return np.hypot(POINTS[..., 0] - x, POINTS[..., 1] - y) < radius


VERTEBRA, SPONGY, AORTA = cylinder(-20, 0, 20), cylinder(-20, 0, 17), cylinder(25, 0, 12)


@pytest.fixture(scope="module")
def hounsfield():
    """A spine with a cortex of 600 HU around 220 HU, and a vessel of 300 HU, in soft tissue with noise."""
    values = np.where(cylinder(0, 0, 48), 40.0, -1000.0)
    values[VERTEBRA], values[SPONGY], values[AORTA] = 600, 220, 300
    return (values + np.random.default_rng(0).normal(0, 15, values.shape)).astype(np.float32)


def test_a_vessel_is_found_and_a_vertebra_is_not(hounsfield):
    found = contrast_agent(hounsfield, GRID)
    assert found[AORTA].mean() > 0.95
    assert not found[VERTEBRA].any()
    assert found.sum() < 1.3 * AORTA.sum()


def test_a_vessel_that_touches_a_vertebra_is_found(hounsfield):
    beside = cylinder(14, 0, 12) & ~VERTEBRA
    touching = np.where(AORTA, 40.0, hounsfield)
    touching[beside] = 300
    found = contrast_agent(touching, GRID)
    assert found[beside].mean() > 0.9
    assert found[SPONGY].mean() < 0.01


def test_only_contrast_agent_becomes_soft_tissue(hounsfield):
    found, cleaned = contrast_agent(hounsfield, GRID), without_contrast_agent(hounsfield, GRID)
    assert (cleaned[found] == SOFT_TISSUE_HU).all()
    np.testing.assert_array_equal(cleaned[~found], hounsfield[~found])


def test_a_ct_without_any_stays_as_it_is(hounsfield):
    plain = np.where(AORTA, 40.0, hounsfield)
    assert not contrast_agent(plain, GRID).any()
    assert not contrast_agent(np.full(GRID.shape, -1000.0), GRID).any()


def test_it_is_no_bone_in_a_simulation_that_is_told_of_it(hounsfield):
    settings = SimulationSettings(views=2, test_views=1, size=60.0, spacing=4.0)
    truth, cleaned = (
        simulate((hounsfield, GRID), replace(settings, contrast_agent=told)).truth for told in (False, True)
    )
    right = truth.grid.points()[..., 0] > truth.grid.center[0] + 16
    assert truth.values[right].max() > 0.02 > 0.005 > cleaned.values[right].max()
    np.testing.assert_allclose(cleaned.values[~right].max(), truth.values[~right].max(), rtol=1e-6)


@pytest.mark.skipif(not (DATA / "ct_lidc_0001").exists(), reason="needs the data folder")
def test_an_aorta_beside_the_spine_is_found():
    values, grid = read_image(DATA / "ct_lidc_0001" / "ct.nii.gz")
    found = contrast_agent(values, grid)
    middle = found[66, 262:272, 262:272]
    assert middle.all(), middle.mean()


@pytest.mark.skipif(not (DATA / "ct_crlm_1006").exists(), reason="needs the data folder")
def test_kidneys_and_bowel_of_a_ct_are_found_and_no_vertebra_is():
    values, grid = read_image(DATA / "ct_crlm_1006" / "ct.nii.gz")
    found = contrast_agent(values, grid)
    assert found[values > 200].mean() > 0.2
    spine = np.linalg.norm((grid.points() - (16, 90, 0))[..., :2], axis=-1) < 12
    assert found[spine].mean() < 0.02
