"""Images that match their poses, and the changes that make others match."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from IXGSLib.calibration import check_agreement, examine
from IXGSLib.calibration.alternatives import SQUARE, all_tables
from IXGSLib.calibration.arrangement import best_order, order_costs, swap_gains
from IXGSLib.calibration.consistency import EpipolarPairs, middle, radon_derivatives
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm, circular, random, trajectory
from IXGSLib.xray import XRay
from Testing.calibration.phantom import CENTER, case, views, xrays

MIRRORED, FLIPPED = (slice(None), slice(None, None, -1)), (slice(None, None, -1),)


def changed(xray: XRay, change) -> XRay:
    return XRay(xray.view, change(xray.image), change(xray.mask))


def in_order(good: list[XRay], order) -> list[XRay]:
    return [XRay(x.view, good[n].image, good[n].mask) for x, n in zip(good, order, strict=True)]


def cures(some: list[XRay]) -> list[str]:
    return [cure for found in check_agreement(some).contradictions for cure in found.cures]


# The measure


def test_views_of_one_object_agree_and_those_of_noise_do_not():
    good = xrays(views(), noise=0)
    generator = np.random.default_rng(0)
    noise = [replace(x, image=generator.normal(size=x.image.shape)) for x in good]
    assert check_agreement(good).disagreement < 0.02
    assert check_agreement(noise).disagreement > 0.8


def test_agreement_is_invariant_to_rigid_motion_and_scale_of_the_world():
    good = xrays(views())
    turned = np.diag([-1.0, -1.0, 1.0, 1.0])
    for scale in (1.0, 0.1):
        moved = []
        for xray in good:
            pose = turned @ xray.view.world_from_camera
            pose[:3, 3] *= scale
            moved.append(replace(xray, view=replace(xray.view, world_from_camera=pose)))
        assert check_agreement(moved).disagreement == pytest.approx(check_agreement(good).disagreement, abs=1e-6)


def test_a_gain_and_an_offset_per_image_hardly_matter():
    good = xrays(views())
    uneven = [replace(x, image=x.image * (1 + n % 3) + n) for n, x in enumerate(good)]
    assert check_agreement(uneven).disagreement < 2 * check_agreement(good).disagreement + 0.02
    assert not cures(uneven)


def test_the_middle_is_where_rays_through_the_image_centres_meet():
    np.testing.assert_allclose(middle(views()), CENTER, atol=1e-6)
    cropped = [view.cropped(10, 5, (50, 40)) for view in views()]
    shifted = [view.cropped(-3, 4, view.size) for view in cropped]
    assert np.linalg.norm(middle(shifted) - CENTER) > 1


@pytest.mark.parametrize("variant", range(len(SQUARE)))
def test_the_table_of_a_layout_is_that_of_the_image_in_it(variant):
    turns = [
        lambda a: a,
        lambda a: a[MIRRORED],
        lambda a: a[FLIPPED],
        lambda a: a[::-1, ::-1],
        np.rot90,
        lambda a: np.rot90(a, 3),
        lambda a: a.T,
        lambda a: a.T[::-1, ::-1],
    ]
    good = xrays(views(2))
    tables = all_tables(radon_derivatives(good)[1], SQUARE)
    expected = radon_derivatives([changed(x, turns[variant]) for x in good])[1]
    np.testing.assert_allclose(tables[2 * variant : 2 * variant + 2], expected, atol=2e-3 * np.abs(expected).max())


# Changes of all images


@pytest.mark.parametrize("seed", range(3))
def test_good_views_cause_no_warning(seed):
    assert not check_agreement(xrays(views(), noise=0.05, seed=seed)).contradictions


@pytest.mark.parametrize(
    ("change", "cure"),
    [
        (lambda a: a[MIRRORED], "mirrored left to right"),
        (lambda a: a[FLIPPED], "turned upside down"),
        (lambda a: a[::-1, ::-1], "rotated by 180 degrees"),
        (np.rot90, "rotated by 90 degrees to the right"),
        (lambda a: np.rot90(a, 3), "rotated by 90 degrees to the left"),
        (np.transpose, "transposed"),
    ],
)
def test_the_layout_that_makes_all_images_agree_is_named(change, cure):
    assert cure in cures([changed(xray, change) for xray in xrays(views())])


@pytest.mark.parametrize(
    ("order", "cure"),
    [
        (np.arange(12)[::-1], "in reverse order"),
        (np.roll(np.arange(12), 1), "shifted by one place: each image belongs to the pose before"),
        (np.roll(np.arange(12), -1), "shifted by one place: each image belongs to the next pose"),
        (sorted(range(12), key=str), "sorted by number (2 before 10) like the poses"),
    ],
)
def test_the_order_in_which_all_images_agree_is_named(order, cure):
    assert cure in cures(in_order(xrays(views()), order))


def test_images_in_a_random_order_are_sorted():
    good = xrays(views())
    order = np.random.default_rng(5).permutation(12)
    found = check_agreement(in_order(good, order))
    assert found.contradictions[0].cures == ("in another order",)
    assert f"the image of '{np.argsort(order)[0]:03d}' to the pose of '000'" in found.warnings[0]


def test_a_shifted_principal_point_and_another_image_size_are_named():
    good = xrays(views())
    shift = np.zeros((3, 3))
    shift[0, 2] = 0.08 * 80
    moved = [replace(x, view=replace(x.view, K=x.view.K + shift)) for x in good]
    assert any("principal point were 8 %" in cure and "left" in cure for cure in cures(moved))
    smaller = [replace(x, view=replace(x.view.resized((40, 40)), size=(80, 80))) for x in good]
    assert cures(smaller) == ["the views were calibrated on images 0.5 times as large"]


def test_changes_that_the_images_cannot_rule_out_are_reported_without_a_warning():
    """A planar orbit looks the same from below."""
    flat = trajectory(CArm(detector_pixels=(80, 80), detector_size=260.0), circular(14) + [5, 0], CENTER)
    upside_down = [changed(xray, lambda a: a[FLIPPED]) for xray in xrays(flat)]
    found = check_agreement(upside_down)
    assert not found.contradictions
    assert "turned upside down" in found.undecided
    assert "cannot show whether they should be" in found.summary


def test_images_that_are_not_square_may_be_turned():
    good = xrays(views(detector_pixels=(90, 70)))
    for change, cure in ((np.rot90, "by 90 degrees to the right"), (np.transpose, "transposed")):
        turned = [XRay(replace(x.view, size=(70, 90)), change(x.image), change(x.mask)) for x in good]
        assert any(cure in name for name in cures(turned))


@pytest.mark.parametrize("crop", [10, 16, 20])
def test_a_principal_point_explains_a_crop_better_than_a_turn_does(crop):
    good = xrays(views(detector_pixels=(100, 80)))
    cropped = [XRay(replace(x.view, size=(100 - crop, 80)), x.image[:, crop:], x.mask[:, crop:]) for x in good]
    assert "principal point" in cures(cropped)[0]
    assert sum("principal point" in cure for cure in cures(cropped)) == 1


def test_the_poses_of_another_series_are_named():
    good = xrays(views())
    others = trajectory(CArm(detector_pixels=(80, 80), detector_size=260.0), random(12, 200, 40, seed=4), CENTER)
    some = [replace(x, view=replace(other, id=x.view.id)) for x, other in zip(good, others, strict=True)]
    (text,) = check_agreement(some).warnings
    assert "nothing in common" in text
    assert "calibration belongs to these images" in text


# Changes of some images


def test_one_mirrored_image_and_several_are_named_by_view():
    good = xrays(views())
    for wrong in ([4], [1, 5, 6, 10]):
        mixed = [changed(x, lambda a: a[MIRRORED]) if n in wrong else x for n, x in enumerate(good)]
        (found,) = check_agreement(mixed).contradictions
        assert found.views == tuple(f"{n:03d}" for n in wrong)
        assert found.cures == ("mirrored left to right",)
        assert found.after < 0.5 * found.before


def test_two_exchanged_images_are_named():
    order = np.arange(12)
    order[[3, 8]] = 8, 3
    (found,) = check_agreement(in_order(xrays(views()), order)).contradictions
    assert (found.views, found.cures) == (("003", "008"), ("exchanged",))


def test_an_unrelated_image_is_named_without_a_cure():
    good = xrays(views())
    other = np.random.default_rng(0).normal(size=(80, 80)).cumsum(0).cumsum(1) / 40
    good[7] = replace(good[7], image=other)
    (found,) = check_agreement(good).contradictions
    assert (found.views, found.cures) == (("007",), ())
    assert "--leave-out 007" in found.text


def test_one_pose_that_is_turned_is_named():
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler("z", 40, degrees=True).as_matrix()
    motion[:3, 3] = CENTER - motion[:3, :3] @ CENTER
    turned = [replace(x, view=x.view.moved(motion)) if n == 9 else x for n, x in enumerate(xrays(views(16)))]
    assert [found.views for found in check_agreement(turned).contradictions] == [("009",)]


@pytest.mark.parametrize(("factor", "words"), [(3.0, "are 3 times"), (0.25, "are 0.25 times")])
def test_a_view_of_another_density_is_named_with_the_factor(factor, words):
    dense = [replace(x, image=x.image * factor) if n == 4 else x for n, x in enumerate(xrays(views(), noise=0))]
    (found,) = check_agreement(dense).contradictions
    assert found.views == ("004",)
    assert words in found.text


def test_a_constant_image_is_named():
    some = [replace(x, image=np.zeros_like(x.image)) if n == 4 else x for n, x in enumerate(xrays(views()))]
    (text,) = check_agreement(some).warnings
    assert "view '004' shows nothing" in text


def test_a_magnified_view_matches_the_others():
    some = views(14)
    some[6] = some[6].resized((160, 160)).cropped(40, 40, (80, 80))
    assert not check_agreement(xrays(some)).contradictions


def test_the_predicted_gain_of_an_exchange_is_the_actual_gain():
    good = xrays(views(7))
    order = np.array([0, 4, 2, 3, 1, 5, 6])
    small, tables = radon_derivatives(good)
    pairs = EpipolarPairs.of(small)
    touching = np.isin(pairs.first, (1, 4)) | np.isin(pairs.second, (1, 4))
    before, after = (pairs.disagreement(tables, shown)[touching].sum() for shown in (np.arange(7), order))
    assert swap_gains(pairs, tables)[1, 4] == pytest.approx(after / before)
    assert np.array_equal(best_order(order_costs(pairs, tables[order])), np.argsort(order))


# Unusual inputs


def test_images_without_content_and_few_views_are_not_judged():
    empty = [replace(x, image=np.zeros_like(x.image)) for x in xrays(views())]
    for some in (empty, xrays(views(2)), xrays(views()[:1])):
        found = check_agreement(some)
        assert np.isnan(found.disagreement)
        assert not found.warnings
        assert found.summary


def test_views_from_one_source_cannot_be_compared():
    one = views(1)[0]
    same = [replace(one, id=str(n)) for n in range(4)]
    assert not check_agreement(xrays(same)).warnings


def test_images_of_several_sizes_are_compared_but_not_reordered():
    mixed = [view if n % 2 else view.resized((100, 80)) for n, view in enumerate(views())]
    good = xrays(mixed)
    assert not check_agreement(good).contradictions
    assert "mirrored left to right" in cures([changed(x, lambda a: a[MIRRORED]) for x in good])


def test_masked_pixels_do_not_count():
    good = []
    for xray in xrays(views()):
        mask = np.ones(xray.mask.shape, bool)
        mask[:12] = mask[:, -9:] = False
        good.append(XRay(xray.view, np.where(mask, xray.image, 50.0), mask))
    assert not check_agreement(good).contradictions
    assert "mirrored left to right" in cures([changed(x, lambda a: a[MIRRORED]) for x in good])


def test_an_examination_holds_the_findings_about_geometry_and_images():
    good = case(views())
    assert examine(good).warnings == ()
    mirrored = replace(good, xrays=tuple(changed(x, lambda a: a[MIRRORED]) for x in good.xrays))
    elsewhere = replace(mirrored, grid=Grid.centered(CENTER + (0, 300, 0), (80, 80, 80), 2.0))
    assert len(examine(elsewhere).warnings) == 2


def test_poses_from_dicom_tags_are_cured_by_the_conventions_of_tags():
    good = case(views())
    mirrored = replace(good, xrays=tuple(changed(x, lambda a: a[MIRRORED]) for x in good.xrays))
    assert not any("--tag-conventions" in warning for warning in examine(mirrored).warnings)
    tagged = replace(mirrored, provenance={view.id: "tags (room-angles)" for view in good.views})
    assert any("try --tag-conventions seen-from-detector" in warning for warning in examine(tagged).warnings)
    assert examine(replace(good, provenance=tagged.provenance)).warnings == ()
