"""From a preset to the settings that run: few views, soft tissue, and stated values, which are used as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from IXGSLib.errors import SettingsError
from IXGSLib.evaluation import compare_volumes
from IXGSLib.reconstruction import ReconstructionSettings, reconstruct
from IXGSLib.reconstruction.resolution import (
    MAX_STEPS_FACTOR,
    NAMES_OF_0_1,
    TISSUE,
    TYPED,
    checked_changes,
    few_views_values,
    resolve,
    tissue_values,
)
from IXGSLib.reconstruction.settings import NAMES, PRESETS
from Testing.reconstruction.phantom import QUICK, make_case


@given(st.integers(1, 60), st.integers(1, 60_000), st.integers(0, 3000), st.floats(0, 1), st.floats(0, 1))
def test_few_views_get_fewer_gaussians_and_more_steps(views, gaussians, steps, coarse, refit):
    coarse_steps = int(coarse * steps)
    schedule = {"schedule.steps": steps, "schedule.coarse_steps": coarse_steps}
    schedule["schedule.refit_steps"] = int(refit * (steps - coarse_steps))
    asked = ReconstructionSettings().updated({"cloud.gaussians": gaussians, **schedule})
    found = asked.updated(few_views_values(asked, views))
    cloud, schedule = found.cloud, found.schedule
    assert 1 <= cloud.gaussians <= min(gaussians, max(1, 1800 * views))
    assert steps <= schedule.steps <= MAX_STEPS_FACTOR * steps
    assert schedule.steps * cloud.gaussians <= max(steps * gaussians, MAX_STEPS_FACTOR * steps)
    assert found.updated(few_views_values(found, views)) == found
    if gaussians <= 1800 * views:
        assert found == asked


@given(st.integers(1, 60_000), st.integers(0, 3000), st.floats(0, 1), st.integers(1, 60_000), st.integers(0, 3000))
def test_a_region_of_tissue_gets_no_more_than_its_limits(gaussians, steps, coarse, max_gaussians, max_steps):
    coarse_steps = int(coarse * steps)
    schedule = {"schedule.steps": steps, "schedule.coarse_steps": coarse_steps}
    schedule["schedule.refit_steps"] = steps - coarse_steps
    limits = {"tissue.max_gaussians": max_gaussians, "tissue.max_steps": max_steps}
    asked = ReconstructionSettings().updated({"cloud.gaussians": gaussians, **schedule, **limits})
    found = asked.updated(tissue_values(asked, set()))
    assert found.cloud.gaussians == min(gaussians, max_gaussians)
    assert found.cloud.max_gaussians <= asked.cloud.max_gaussians
    assert min(steps, max_steps) - 1 <= found.schedule.steps <= min(steps, max_steps)
    if steps <= max_steps:
        assert found.schedule == asked.schedule
    assert (found.loss.tv_weight, found.loss.tv_knee, found.loss.gap_weight) == (0.15, 0.025, 0)


def test_the_fine_preset_says_what_it_runs_on_a_region_of_tissue():
    found = resolve("fine", 30, tissue=True)
    assert (found.settings.cloud.gaussians, found.settings.schedule.steps) == (50_000, 2000)
    assert found.reasons["cloud.gaussians"] == found.reasons["schedule.steps"] == TISSUE
    assert resolve("fine", 30).settings == PRESETS["fine"]


def test_a_reason_stands_for_every_difference_from_the_preset():
    for preset in PRESETS:
        for views in (3, 10, 30):
            for tissue in (False, True):
                found = resolve(preset, views, {"rates.final": 0.2}, tissue=tissue)
                different = {name for name in NAMES if found.settings[name] != PRESETS[preset][name]}
                assert set(found.reasons) == different


def test_what_is_typed_is_taken_as_it_is_also_when_it_equals_the_preset():
    typed = {"cloud.gaussians": 50_000, "schedule.steps": 2000}
    for tissue in (False, True):
        found = resolve("standard", 10, typed, tissue=tissue)
        assert (found.settings.cloud.gaussians, found.settings.schedule.steps) == (50_000, 2000)
        assert found.reasons["cloud.gaussians"] == found.reasons["schedule.steps"] == TYPED
        assert "views" in found.reasons["tissue.max_gaussians"]


def test_before_the_views_are_known_the_preset_is_not_adapted():
    assert resolve("standard", None).settings == PRESETS["standard"]
    assert resolve("standard", None).reasons == {}


def test_whole_settings_are_not_adapted_to_the_number_of_views():
    assert resolve(QUICK, 3).settings == QUICK


def test_names_of_version_0_1_are_read():
    assert set(NAMES_OF_0_1.values()) == set(NAMES) - {"rates.pose", "loss.prior_weight"}
    assert checked_changes({"gaussians": 7, "dense_tv_weight": 0.3}) == {"cloud.gaussians": 7, "tissue.tv_weight": 0.3}


def test_nested_and_dotted_names_are_the_same():
    nested = {"cloud": {"gaussians": 7}, "loss": {"tv_weight": 1}}
    assert checked_changes(nested) == checked_changes({"cloud.gaussians": 7, "loss.tv_weight": 1})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"stepps": 3}, "unknown settings stepps, expected some of cloud.initialization"),
        ({"cloud": {"stepps": 3}}, "unknown settings cloud.stepps"),
        ({"cloud": 3}, "unknown settings cloud"),
        ({"schedule.steps": 2.5}, "schedule.steps is 2.5, expected a value such as 2000"),
        ({"steps": True}, "schedule.steps is True"),
        ({"schedule": {"held_out": "two"}}, "schedule.held_out is 'two'"),
        ({"loss.tv_weight": None}, "loss.tv_weight is None"),
        ({"cloud.gaussians": {"a": 1}}, "unknown settings cloud.gaussians.a"),
    ],
)
def test_unknown_names_and_other_kinds_of_values_are_refused(values, words):
    with pytest.raises(SettingsError, match=words):
        checked_changes(values)


def test_a_case_of_few_views_is_reconstructed_with_the_settings_for_it():
    case, truth = make_case(6)
    changes = {name: QUICK[name] for name in NAMES if QUICK[name] != ReconstructionSettings()[name]}
    found = reconstruct(
        case, settings=QUICK.updated(few_views_values(QUICK.updated({"cloud.gaussians_per_view": 200}), 6))
    )
    assert (found.settings.cloud.gaussians, found.settings.schedule.steps) == (1200, 167)
    assert found.held_out == ()
    assert compare_volumes(found.volume, truth, threshold=0.012).dice > 0.85
    assert reconstruct(case, settings=changes).settings.updated(changes).cloud == QUICK.cloud


def test_a_result_holds_the_settings_that_ran_and_why(in_a_body):
    changes = {"schedule.steps": 12, "schedule.coarse_steps": 4, "schedule.refit_steps": 4, "cloud.gaussians": 300}
    seen = []
    found = reconstruct(in_a_body[0], "fine", settings=changes, on_progress=seen.append)
    assert found.settings == resolve("fine", 12, changes, tissue=True).settings
    assert found.reasons["loss.tv_weight"] == TISSUE
    assert found.reasons["cloud.gaussians"] == TYPED
    assert seen[0].resolved.settings.loss.tv_weight != seen[-1].resolved.settings.loss.tv_weight
    assert seen[-1].resolved.settings == found.settings
