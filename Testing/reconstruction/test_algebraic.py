import dataclasses

import numpy as np
import pytest

from IXGSLib.reconstruction.algebraic import coarse_volumes, sirt
from Testing.reconstruction.phantom import QUICK, make_case


def test_sweeps_come_close_to_the_truth(ellipsoids):
    case, truth = ellipsoids
    values = sirt(case.xrays, case.grid)
    assert values.min() >= 0
    assert np.corrcoef(values.ravel(), truth.values.ravel())[0, 1] > 0.9
    assert values.sum() == pytest.approx(truth.values.sum(), rel=0.1)


def test_attenuation_stays_where_it_may_be(ellipsoids):
    case = ellipsoids[0]
    where = np.zeros(case.grid.shape, bool)
    where[:, 8:16] = True
    values = sirt(case.xrays, case.grid, where)
    assert values[where].max() > 0
    assert values[~where].max() == 0


def test_masked_pixels_take_no_part(ellipsoids):
    case = ellipsoids[0]
    mask = np.ones((64, 64), bool)
    mask[20:30] = False
    masked = [dataclasses.replace(x, mask=mask) for x in case.xrays]
    junk = [dataclasses.replace(x, image=np.where(mask, x.image, -7)) for x in masked]
    np.testing.assert_array_equal(sirt(masked, case.grid), sirt(junk, case.grid))


def test_a_background_is_modelled_only_when_there_is_something(ellipsoids):
    alone = ellipsoids[0]
    assert coarse_volumes(alone.xrays, alone.grid, QUICK).background is None
    case, _ = make_case(around=0.04)
    start = coarse_volumes(case.xrays, case.grid, QUICK)
    assert start.background is not None
    inside = case.grid.contains(start.background_grid.points())
    assert start.background[inside].max() == 0
    assert start.background.max() > 0


@pytest.mark.parametrize(("margin", "extent"), [(80, 40), (44, 33), (30, 30)])
def test_the_background_is_no_larger_than_needed(margin, extent):
    case, _ = make_case(around=0.04)  # ends 31 mm beyond the region
    start = coarse_volumes(case.xrays, case.grid, QUICK.updated({"cloud.background_margin": margin}))
    assert start.background_grid.size[0] == pytest.approx(case.grid.size[0] + 2 * extent, abs=8)
