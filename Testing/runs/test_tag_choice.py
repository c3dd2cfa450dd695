"""The choice of tag conventions: consistency first, previews where it does not decide, or nothing, and that is said."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from IXGSLib.errors import SettingsError
from IXGSLib.formats.case_source import CaseOptions
from IXGSLib.formats.tagged_xrays import TaggedXRays
from IXGSLib.runs import tag_choice, tag_previews
from IXGSLib.runs.case_loading import load_case
from IXGSLib.runs.provenance import case_record
from IXGSLib.runs.tag_choice import MAX_PREVIEWS, MIN_GAIN_DB, choose
from Testing.calibration.tagged_shots import shots
from Testing.formats.tagged import I0, write_tagged

AUTO = CaseOptions(i0=I0, tag_conventions=("auto",))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders of one set of X-rays, by the deviations of the system that wrote them."""
    base, made = tmp_path_factory.mktemp("tagged"), {}

    def folder(*deviations, count=8, moving=False):
        key = (*deviations, count, moving)
        if key not in made:
            made[key] = write_tagged(base / str(len(made)), shots(count, moving), deviations)
        return made[key]

    return folder


@cache
def tagged(folder) -> TaggedXRays:
    return TaggedXRays.read(folder, i0=I0)


@pytest.fixture
def previews(monkeypatch):
    """Previews with given results in place of reconstructions; the names that were asked for are kept."""
    found = SimpleNamespace(psnr={}, asked=[])

    def fake(hypotheses, device="auto", report=None):
        found.asked = [one.title for one in hypotheses]
        return {name: found.psnr[name] for name in found.asked if name in found.psnr}

    monkeypatch.setattr(tag_previews, "held_out_psnr", fake)
    return found


@pytest.fixture
def close(monkeypatch):
    """Let no hypothesis explain the X-rays clearly better than another single deviation."""
    from IXGSLib.calibration.tag_hypotheses import Hypothesis

    def barely(self, other):
        return len(self.names) < 2 and other.disagreement - self.disagreement > 0.5

    monkeypatch.setattr(Hypothesis, "explains_better_than", barely)
    monkeypatch.setattr(tag_choice, "_without_tissue", lambda xrays: xrays)


def test_a_deviation_is_chosen_with_its_margin(folders, previews):
    choice = choose(tagged(folders("secondary-reversed")))
    assert (choice.names, choice.decided_by) == (("secondary-reversed",), "epipolar consistency")
    assert "secondary-reversed, chosen by epipolar consistency: disagreement 0.0" in choice.sentence
    assert "next primary-reversed with 0." in choice.sentence
    assert "check which side is left" in choice.warnings[0]  # seen-from-detector with half-turn fits as well
    assert choice.disagreements["secondary-reversed"] < choice.disagreements["the standard"]
    assert not previews.asked


def test_what_fits_the_standard_stays_with_it(folders):
    choice = choose(tagged(folders()))
    assert (choice.names, choice.decided, choice.warnings) == ((), True, ())
    assert "those of the standard, chosen by epipolar consistency" in choice.sentence
    assert choice.provenance == "tags (by the standard; chosen by the X-rays)"


def test_mirror_images_are_not_decided(folders, previews):
    choice = choose(tagged(folders("primary-reversed")))
    assert (choice.names, choice.decided) == ((), False)
    (warning,) = choice.warnings
    assert "fit primary-reversed or seen-from-detector alike" in warning
    assert "the standard's conventions stay" in warning
    assert not previews.asked  # they would be mirror images too


def test_a_table_that_moves_tells_mirror_images(folders):
    assert choose(tagged(folders("primary-reversed", moving=True))).names == ("primary-reversed",)
    assert choose(tagged(folders("seen-from-detector", moving=True))).names == ("seen-from-detector",)


def test_angles_of_the_room_are_left_to_the_user(folders):
    choice = choose(tagged(folders("room-angles")))
    assert choice.names == ()
    assert "fit room-angles as well as the standard" in choice.warnings[0]


def test_too_few_x_rays_are_not_decided(folders):
    choice = choose(tagged(folders("half-turn", count=5)))
    assert (choice.names, choice.decided) == ((), False)
    assert "5 X-rays are too few to compare, 6 are needed; the standard's conventions stay" in choice.warnings[0]


@pytest.mark.parametrize(("gain", "names"), [(MIN_GAIN_DB, ("half-turn",)), (0.9 * MIN_GAIN_DB, ())])
def test_previews_decide_between_close_hypotheses(folders, previews, close, gain, names):
    previews.psnr = {"half-turn": 20 + gain, "the standard": 20.0}
    choice = choose(tagged(folders("half-turn")))
    assert previews.asked == ["half-turn", "the standard"]
    assert choice.names == names
    assert choice.held_out_psnr == previews.psnr
    if names:
        assert choice.decided_by == "previews"
        assert "held-out views 22.0 dB, the standard 20.0 dB" in choice.sentence
    else:
        assert not choice.decided
        assert "previews do not decide (half-turn 21.8 dB, the standard 20.0 dB in held-out views)" in choice.sentence


def test_a_preview_that_fails_predicts_nothing(folders, previews, close):
    assert not choose(tagged(folders("half-turn"))).decided
    previews.psnr = {"half-turn": 25.0}
    assert choose(tagged(folders("half-turn"))).names == ("half-turn",)


def test_previews_that_contradict_the_consistency_decide_nothing(folders, previews, close):
    previews.psnr = {"half-turn": 20.0, "the standard": 30.0}
    choice = choose(tagged(folders("half-turn")))
    assert not choice.decided
    assert "previews do not decide (half-turn 20.0 dB, the standard 30.0 dB in held-out views)" in choice.sentence


def test_many_close_hypotheses_are_not_previewed(folders, previews, monkeypatch):
    from IXGSLib.calibration.tag_hypotheses import Hypothesis

    monkeypatch.setattr(Hypothesis, "explains_better_than", lambda self, other: False)
    choice = choose(tagged(folders("half-turn")))
    assert len(choice.disagreements) > MAX_PREVIEWS
    assert not choice.decided
    assert not previews.asked


def test_previews_of_true_conventions_predict_held_out_views(folders):
    from IXGSLib.calibration.tag_hypotheses import rank

    ranking = rank(tagged(folders("half-turn", count=8)))
    chosen = {one.first.title: one.first for one in ranking.classes}
    calls = []
    found = tag_previews.held_out_psnr(
        [chosen["half-turn"], chosen["secondary-reversed"]], "cpu", lambda *done: calls.append(done)
    )
    assert found["half-turn"] > found["secondary-reversed"] + MIN_GAIN_DB
    assert calls == [(0, 2), (1, 2)]


# The case


def test_a_case_is_read_with_the_chosen_conventions(folders):
    notes = []
    case = load_case(AUTO, folders("quarter-turn"), note=notes.append)
    named = load_case(replace(AUTO, tag_conventions=("quarter-turn",)), folders("quarter-turn"))
    for found, expected in zip(case.xrays, named.xrays, strict=True):
        assert np.array_equal(found.view.projection_matrix, expected.view.projection_matrix)
        assert np.array_equal(found.image, expected.image)
    assert named.tag_choice is None
    assert notes == [case.tag_choice.sentence]
    record = case_record(case)["case"]
    assert set(record["provenance"].values()) == {"tags (quarter-turn; chosen by the X-rays)"}
    assert record["tag_choice"]["names"] == ("quarter-turn",)
    assert record["tag_choice"]["decided_by"] == "epipolar consistency"
    assert "tag_choice" not in case_record(named)["case"]


def test_a_case_without_a_decision_is_that_of_the_standard_with_a_warning(folders):
    notes = []
    case = load_case(AUTO, folders("primary-reversed"), note=notes.append)
    plain = load_case(CaseOptions(i0=I0), folders("primary-reversed"))
    assert np.array_equal(case.views[3].projection_matrix, plain.views[3].projection_matrix)
    assert set(case.warnings) - set(plain.warnings) == set(case.tag_choice.warnings)
    assert set(case.provenance.values()) == {"tags (by the standard; the X-rays did not decide)"}
    assert not notes


def test_auto_stands_alone_and_needs_tags(folders, tmp_path):
    with pytest.raises(SettingsError, match="auto beside other names"):
        load_case(CaseOptions(tag_conventions=("auto", "half-turn")), folders())
    with pytest.raises(SettingsError, match="has not been resolved"):
        AUTO.load(folders())
    with pytest.raises(SettingsError, match="--tag-conventions is for poses from DICOM tags"):
        load_case(replace(AUTO, calibration=tmp_path / "m.csv"), folders())
    (tmp_path / "case.json").write_text("{}")
    with pytest.raises(SettingsError, match="--tag-conventions is for DICOM X-rays alone"):
        load_case(CaseOptions(tag_conventions=("auto",)), tmp_path)


def test_names_are_listed_by_the_choice(folders):
    assert tag_choice.choose(tagged(folders("half-turn"))).alike[0] == "primary-reversed with secondary-reversed"
