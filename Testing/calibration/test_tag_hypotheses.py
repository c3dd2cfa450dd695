"""The conventions of DICOM tags under which X-rays agree, among all hypotheses."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from IXGSLib.calibration.tag_hypotheses import Ranking, rank
from IXGSLib.formats.tagged_xrays import TaggedXRays
from IXGSLib.xray.dicom.conventions import Conventions, Deviation, hypotheses
from Testing.calibration.phantom import CENTER, line_integrals
from Testing.calibration.tagged_shots import shots
from Testing.formats.tagged import I0, write_tagged


def ranking(folder, deviations=(), moving=True, oriented=False) -> Ranking:
    found = rank(TaggedXRays.read(write_tagged(folder, shots(8, moving), deviations, oriented), i0=I0))
    assert found is not None
    return found


def test_hypotheses_are_the_standard_each_deviation_and_pairs_without_two_turns():
    found = list(hypotheses())
    assert found[0] == ()
    assert found[1:11] == [(name,) for name in get_args(Deviation)]
    assert len(found) == len(set(found)) == 1 + 10 + 45 - 3
    assert all(Conventions.deviating(names).deviations for names in found[1:])


@pytest.mark.parametrize(
    "deviations",
    [
        (),
        ("secondary-reversed",),
        ("half-turn",),
        ("quarter-turn",),
        ("three-quarter-turn",),
        ("angle-steps",),
        ("table-lengthwise",),
        ("primary-reversed",),
        ("room-angles",),
        ("seen-from-detector",),
        ("elements-from-source",),
        ("seen-from-detector", "quarter-turn"),
        ("table-lengthwise", "half-turn"),
    ],
)
def test_the_conventions_of_a_system_explain_its_x_rays_best(tmp_path, deviations):
    found = ranking(tmp_path / "XA", deviations)
    assert len(found.contenders) == 1
    best = found.contenders[0]
    assert best.first.names == deviations
    assert not best.rivals
    assert best.first.disagreement < 0.1


@pytest.mark.parametrize(
    ("deviations", "oriented", "rival"),
    [
        (("primary-reversed",), False, "seen-from-detector"),
        (("seen-from-detector",), False, "seen-from-detector"),
        (("primary-reversed",), True, "elements-from-source"),
        (("elements-from-source",), True, "elements-from-source"),
    ],
)
def test_a_mirror_image_of_the_patient_cannot_be_told(tmp_path, deviations, oriented, rival):
    """The other sense of the primary angle mirrors all poses left to right, the other side all images.

    A table that moves is not mirrored with them.
    """
    (best,) = ranking(tmp_path / "XA", deviations, moving=False, oriented=oriented).contenders
    assert best.first.names == ("primary-reversed",)
    assert best.rivals == (rival,)
    assert rival in best.mirror_images


def test_angles_of_the_room_turn_the_whole_patient(tmp_path):
    (best,) = ranking(tmp_path / "XA", ("room-angles",), moving=False).contenders
    assert best.first.names == ()
    assert ("room-angles",) in [names for names, _ in best.others]
    assert "room-angles" not in best.mirror_images


@pytest.mark.parametrize("names", [(), *((name,) for name in get_args(Deviation))])
def test_poses_read_with_the_deviations_are_true(tmp_path, names):
    """The files of these tests are what they say: images that are rendered at the poses are those that were read."""
    true = shots(6)
    tagged = TaggedXRays.read(write_tagged(tmp_path / "XA", true, names), i0=I0)
    posed = tagged.posed(Conventions.deviating(names)).xrays
    offset = true[0].view.source - posed[0].view.source + CENTER  # the isocentre of the first shot is the origin
    for xray in posed:
        pose = xray.view.world_from_camera.copy()
        pose[:3, 3] += offset
        rendered = line_integrals(replace(xray.view, world_from_camera=pose))
        assert np.abs(rendered - xray.image).max() < 0.05


def test_few_x_rays_are_not_ranked(tmp_path):
    folder = write_tagged(tmp_path / "XA", shots(5))
    assert rank(TaggedXRays.read(folder, i0=I0)) is None


def test_x_rays_without_anything_in_common_favour_no_hypothesis(tmp_path):
    generator = np.random.default_rng(0)
    noise = [replace(x, image=generator.uniform(0, 2, x.image.shape)) for x in shots(8)]
    found = rank(TaggedXRays.read(write_tagged(tmp_path / "XA", noise), i0=I0))
    assert len(found.contenders) > 3


def test_x_rays_that_are_left_out_are_not_compared(tmp_path):
    tagged = TaggedXRays.read(write_tagged(tmp_path / "XA", shots(8)), i0=I0)
    fewer = tagged.without(("000", "003"))
    assert [xray.view.id for xray in fewer.stored] == ["001", "002", "004", "005", "006", "007"]
    assert rank(fewer).contenders[0].first.names == ()
