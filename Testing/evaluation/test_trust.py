"""What a run knows of its volume without a truth, and the verdict that follows from it."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from IXGSLib.evaluation.report import report_html
from IXGSLib.evaluation.trust import CARE, LIMITS, NO_SIGN, Signs, judged, signs_of
from IXGSLib.evaluation.trust_section import NAMES, TITLE
from IXGSLib.formats.standardization import Standardization
from IXGSLib.volume import Volume
from Testing.calibration.phantom import CENTER, case, line_integrals, views
from Testing.evaluation.test_report import make_report

GOOD = Signs(
    views=20,
    angle=90.0,
    synthetic=False,
    score=None,
    disagreement=0.2,
    residual=0.1,
    overfit=1.0,
    unmeasured=0.0,
    bone=0.1,
    core=0.6,
)
METRICS = {"fit_psnr": 30.0, "held_out_psnr": 27.5}


@pytest.fixture(scope="module")
def some():
    return case(views(8))


@pytest.fixture(scope="module")
def renders(some):
    return [line_integrals(view) for view in some.views]


def ball(grid, radius, attenuation=0.03):
    inside = np.linalg.norm(grid.points() - CENTER, axis=-1) < radius
    return Volume(np.where(inside, attenuation, 0).astype(np.float32), grid)


def test_signs_are_what_the_case_and_the_volume_say(some, renders):
    signs = signs_of(some, renders, ball(some.grid, 30.0), METRICS)
    assert (signs.views, signs.synthetic, signs.score) == (8, False, None)
    assert signs.angle > 80
    assert signs.disagreement < 0.4
    assert signs.residual < 0.03
    assert signs.overfit == 2.5
    assert signs.unmeasured == 0
    assert signs.bone == pytest.approx(4 / 3 * np.pi * 30**3 / 80**3, rel=0.02)
    assert signs.core == pytest.approx((28 / 30) ** 3, abs=0.03)
    assert judged(signs).verdict == NO_SIGN


def test_what_is_not_known_is_none(some, renders):
    two = replace(some, xrays=some.xrays[:2])
    signs = signs_of(two, renders[:2], ball(some.grid, 0.0), {"fit_psnr": 30.0, "held_out_psnr": None})
    assert (signs.disagreement, signs.overfit) == (None, None)
    assert (signs.bone, signs.core) == (0.0, 0.0)
    blind = replace(two, xrays=tuple(replace(x, mask=np.zeros_like(x.mask)) for x in two.xrays))
    signs = signs_of(blind, renders[:2], ball(some.grid, 30.0), {})
    assert signs.residual is None
    assert signs.unmeasured == 1


def test_images_at_the_poses_of_others_disagree(some, renders):
    order = np.random.default_rng(0).permutation(8)
    mixed = [replace(some.xrays[n], view=view) for n, view in zip(order, some.views, strict=True)]
    signs = signs_of(replace(some, xrays=tuple(mixed)), renders, ball(some.grid, 30.0), METRICS)
    assert signs.disagreement > 0.8
    assert judged(signs).verdict == CARE


def test_the_lowest_score_of_standardised_views_counts(some, renders):
    found = {view.id: {"distribution_score": 1 + n / 10} for n, view in enumerate(some.views)}
    made = Standardization({"synthetic": True, "method": "pix2pix", "views": found}, {})
    signs = signs_of(replace(some, standardization=made), renders, ball(some.grid, 30.0), METRICS)
    assert signs.synthetic
    assert signs.score == 1


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: f"{limit.sign}-{limit.value:g}")
def test_each_limit_alone_calls_for_a_review_and_says_why(limit):
    beyond = limit.value * (1.01 if limit.above else 0.99)
    others = {} if limit.synthetic is None else {"synthetic": limit.synthetic}
    found = judged(replace(GOOD, **others, **{limit.sign: beyond}))
    assert found.verdict == CARE
    assert len(found.reasons) == 1
    assert found.sentence == f"Review with care: {found.reasons[0]}."
    assert judged(replace(GOOD, **others, **{limit.sign: limit.value})).verdict == NO_SIGN
    assert judged(replace(GOOD, **others, **{limit.sign: None})).verdict == NO_SIGN


def test_a_volume_without_signs_of_failure_is_not_called_right():
    assert judged(GOOD).reasons == ()
    assert "Not every failure shows" in judged(GOOD).sentence


def test_the_report_shows_all_signs_with_their_limits():
    assert set(NAMES) == {field.name for field in fields(Signs)}
    trust = judged(replace(GOOD, views=3))
    page = report_html(
        make_report(trust=trust, metrics={"bone_dice": 0.7}, notices=("5 % of the pixels are <masked>",))
    )
    section = page.split(TITLE)[1].split("<h2>")[0]
    assert "Review with care" in section
    assert trust.reasons[0] in section
    assert page.index(TITLE) < page.index("Accuracy")
    assert all(name in section for name in NAMES.values())
    assert '<ul class="notices"><li>5 % of the pixels are &lt;masked&gt;</li></ul>' in page
    assert TITLE not in report_html(make_report())
