"""A CT to X-rays: known motions of vertebrae are found, and whatever cannot be trusted is not verified."""

from __future__ import annotations

import numpy as np
import pytest

from IXGSLib import RegistrationSettings, register
from IXGSLib.errors import GeometryError
from IXGSLib.geometry.rigid import apply, inverse, rigid
from Testing.registration import phantom


def registered(case, patient=0, **options):
    values, labels = phantom.ct(patient)
    return register((values, phantom.GRID), case, (labels, phantom.GRID), **options)


def errors(found, true):
    return {v.name: phantom.target_error(v.world_from_ct, true[v.label], v.label) for v in found.vertebrae}


@pytest.fixture(scope="module")
def result():
    return registered(phantom.case())


class TestMotionsAreFound:
    def test_of_every_vertebra(self, result):
        assert list(errors(result, phantom.motions())) == list(phantom.NAMES)
        assert max(errors(result, phantom.motions()).values()) < 0.4

    def test_and_verified(self, result):
        assert result.verified, result.summary
        assert all(v.residual < 0.2 and v.edges < 0.7 and v.spread < 0.6 for v in result.vertebrae)
        assert result.margin > 0.5

    def test_against_each_other(self, result):
        true = phantom.motions()
        for motion in result.motions:
            upper, lower = (true[phantom.LABELS[phantom.NAMES.index(n)]] for n in (motion.upper, motion.lower))
            relative = inverse(lower) @ upper
            turn = np.rad2deg(np.arccos(np.clip((np.trace(relative[:3, :3]) - 1) / 2, -1, 1)))
            assert motion.rotation == pytest.approx(turn, abs=0.7)

    def test_from_two_views(self):
        found = registered(phantom.case(2))
        assert max(errors(found, phantom.motions()).values()) < 0.6
        assert found.verified, found.summary

    def test_wherever_the_ct_lies(self):
        """A CT in another place and slightly turned: the search has no start."""
        far = rigid(np.eye(3), (70.0, -40.0, 90.0))
        poses = {label: far @ pose for label, pose in phantom.motions().items()}
        found = registered(phantom.case(poses=poses, offset=(70.0, -40.0, 90.0)))
        assert max(errors(found, poses).values()) < 0.4

    def test_near_a_given_start(self):
        start = rigid(np.eye(3), (10.0, 6.0, -8.0))
        found = registered(phantom.case(), start=start)
        assert max(errors(found, phantom.motions()).values()) < 0.4

    def test_only_of_named_vertebrae(self):
        found = registered(phantom.case(), vertebrae=["L3"])
        assert [v.name for v in found.vertebrae] == ["L3"]
        assert found["L3"].verified
        with pytest.raises(GeometryError, match="L2 was not registered"):
            found["L2"]

    def test_of_a_rigid_spine_without_labels(self):
        whole = rigid(np.eye(3), (8.0, -5.0, 12.0))
        case = phantom.case(poses=dict.fromkeys(phantom.LABELS, whole))
        found = register((phantom.ct()[0], phantom.GRID), case)
        assert [v.name for v in found.vertebrae] == ["spine"]
        assert phantom.target_error(found["spine"].world_from_ct, whole, 21) < 0.4
        assert found.verified, found.summary

    def test_the_same_way_twice(self, result):
        again = registered(phantom.case())
        for one, other in zip(result.vertebrae, again.vertebrae, strict=True):
            assert np.array_equal(one.world_from_ct, other.world_from_ct)

    def test_progress_is_reported(self):
        seen = []
        registered(phantom.case(2), on_progress=lambda *event: seen.append(event))
        assert [step for _, step, _ in seen] == list(range(5))
        assert seen[0][0] == "reading"


class TestNotVerified:
    @pytest.mark.parametrize("count", [2, 4])
    def test_the_ct_of_another_patient(self, count):
        found = registered(phantom.case(count), patient=5, settings=RegistrationSettings(check_mirrored=False))
        assert not any(vertebra.verified for vertebra in found.vertebrae)
        assert "another patient" in found.summary

    def test_a_vertebra_that_is_not_seen(self):
        found = registered(phantom.case(offset=(0, 0, 75.0)), vertebrae=["L1", "L4"])
        assert found["L1"].verified, found.summary
        assert "fewer than two views" in found["L4"].verdict

    def test_x_rays_that_show_no_bone(self):
        case = phantom.case(poses={20: rigid(np.eye(3), (0, 0, 900.0))}, noise=0.02)
        found = registered(case)
        assert not any(vertebra.verified for vertebra in found.vertebrae)


class TestRefused:
    def test_a_mirrored_ct(self):
        values, labels = phantom.ct()
        flipped = tuple(np.ascontiguousarray(each[:, :, ::-1]) for each in (values, labels))
        with pytest.raises(GeometryError, match="the CT is mirrored"):
            register((flipped[0], phantom.GRID), phantom.case(), (flipped[1], phantom.GRID))

    def test_a_vertebra_that_the_ct_does_not_have(self):
        with pytest.raises(GeometryError, match="the CT has no vertebra T7, only L1, L2, L3, L4"):
            registered(phantom.case(2), vertebrae=["T7"])

    def test_a_single_view(self):
        with pytest.raises(GeometryError, match="1 view, expected at least 2"):
            registered(phantom.case(1))

    def test_views_that_are_alike(self):
        case = phantom.case(4)
        near = phantom.trajectory(phantom.ARM, [(0, 0), (12, 0)], (0, 0, 0))
        xrays = tuple(
            phantom.XRay(view, xray.image, xray.mask) for view, xray in zip(near, case.xrays[:2], strict=True)
        )
        with pytest.raises(GeometryError, match="differ by 12 degrees"):
            registered(phantom.Case(xrays, case.grid, "near"))


def test_moving_everything_changes_nothing(result):
    """X-rays and start moved together: the poses move with them."""
    motion = rigid([[0, -1, 0], [1, 0, 0], [0, 0, 1]], (3.0, 2.0, -7.0))
    case = phantom.case()
    views = [xray.view.moved(motion) for xray in case.xrays]
    xrays = tuple(phantom.XRay(view, xray.image, xray.mask) for view, xray in zip(views, case.xrays, strict=True))
    found = registered(phantom.Case(xrays, case.grid, "moved"), start=motion)
    for one, other in zip(result.vertebrae, found.vertebrae, strict=True):
        place = apply(inverse(motion) @ other.world_from_ct, phantom.points(one.label))
        assert np.linalg.norm(place - apply(one.world_from_ct, phantom.points(one.label)), axis=1).mean() < 0.1
