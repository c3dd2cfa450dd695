import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from IXGSLib.errors import SettingsError
from IXGSLib.evaluation import compare_volumes
from IXGSLib.reconstruction import ReconstructionSettings, reconstruct
from IXGSLib.reconstruction.settings import _LOWEST, MOST_MORE, PRESETS, settings_for
from Testing.reconstruction.phantom import QUICK, make_case


@pytest.mark.parametrize("name", sorted(_LOWEST))
def test_a_value_below_its_range_is_refused_by_name(name):
    with pytest.raises(SettingsError, match=name):
        ReconstructionSettings(**{name: _LOWEST[name] - 1})


@pytest.mark.parametrize("name", ["tv_weight", "position_rate", "smallest_scale", "largest_aspect"])
def test_nan_is_refused(name):
    with pytest.raises(SettingsError, match=name):
        ReconstructionSettings(**{name: float("nan")})


@pytest.mark.parametrize(
    "values",
    [
        {"initialization": "fdk"},
        {"split_fraction": 1.5},
        {"final_rate": 2.0},
        {"smallest_scale": 5.0, "largest_scale": 1.0},
        {"steps": 100, "coarse_steps": 90, "refit_steps": 20},
    ],
)
def test_values_that_do_not_fit_together_are_refused(values):
    with pytest.raises(SettingsError):
        ReconstructionSettings(**values)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_settings_survive_json(preset):
    import json

    settings = settings_for(preset)
    assert ReconstructionSettings.from_dict(json.loads(json.dumps(settings.as_dict()))) == settings


def test_unknown_names_are_refused():
    with pytest.raises(SettingsError, match="stepps"):
        ReconstructionSettings.from_dict({"stepps": 3})
    with pytest.raises(SettingsError, match="expected one of preview, standard, fine"):
        settings_for("best")


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ReconstructionSettings().steps = 5


@given(st.integers(1, 60), st.integers(1, 60_000), st.integers(0, 3000), st.floats(0, 1), st.floats(0, 1))
def test_few_views_get_fewer_gaussians_and_more_steps(views, gaussians, steps, coarse, refit):
    coarse_steps = int(coarse * steps)
    asked = ReconstructionSettings(
        gaussians=gaussians, steps=steps, coarse_steps=coarse_steps, refit_steps=int(refit * (steps - coarse_steps))
    )
    found = asked.for_views(views)
    assert 1 <= found.gaussians <= min(gaussians, max(1, 1800 * views))
    assert steps <= found.steps <= MOST_MORE * steps
    assert found.steps * found.gaussians <= max(steps * gaussians, MOST_MORE * steps)
    assert found.for_views(views) == found
    if gaussians <= 1800 * views:
        assert found == asked


@given(st.integers(1, 60_000), st.integers(0, 3000), st.floats(0, 1), st.integers(1, 60_000), st.integers(0, 3000))
def test_a_region_of_tissue_gets_no_more_than_suits_it(gaussians, steps, coarse, most, longest):
    asked = ReconstructionSettings(
        gaussians=gaussians,
        steps=steps,
        coarse_steps=int(coarse * steps),
        refit_steps=steps - int(coarse * steps),
        dense_gaussians=most,
        dense_steps=longest,
    )
    found = asked.for_tissue()
    assert found.gaussians == min(gaussians, most)
    assert found.most_gaussians <= asked.most_gaussians
    assert min(steps, longest) - 1 <= found.steps <= min(steps, longest)
    if gaussians <= most and steps <= longest:
        assert dataclasses.replace(found, most_gaussians=asked.most_gaussians) == asked


def test_a_case_of_few_views_is_reconstructed_with_the_settings_for_it():
    case, truth = make_case(6)
    found = reconstruct(case, settings=dataclasses.replace(QUICK, gaussians_per_view=200).for_views(6))
    assert (found.settings.gaussians, found.settings.steps) == (1200, 167)
    assert found.held_out == ()
    assert compare_volumes(found.volume, truth, threshold=0.012).dice > 0.85
